"""`monsoon validate`: are a generator's showers, or rows of a table, told from real ones?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monsoon.engine.errors import InputError
from monsoon.engine.storage import local_path
from monsoon.jobs.refusals import nothing_left, only_of_showers
from monsoon.jobs.tables.result import TableResult
from monsoon.jobs.tables.validate import MADE as MADE_OF_TABLES
from monsoon.jobs.tables.validate import validate as validate_tables
from monsoon.jobs.validation.showers import KEPT, MADE, Validated, validate_showers
from monsoon.models.data.tables.files import is_table


def validate(
    models: Sequence[str] = (),
    generated: Sequence[str] = (),
    *,
    reference: str,
    floor: str | None = None,
    requirements: str | None = None,
    out: str = "out/validation",
    seed: int = 0,
    quick: bool = False,
    limit: int | None = None,
    into_card: bool = False,
    cuts: Sequence[str] = (),
    steps: Sequence[int] = (),
    geometry: str | None = None,
    species: str | None = None,
    say: Callable[[str], None] = print,
) -> Validated | TableResult:
    """Compare models, and files of showers, with real showers or rows; writes a page and a record.

    Where it is refused, nothing of it is left in the folder. See `validate_showers` for how files of showers
    may differ from the reference, and what an interrupted validation keeps.

    Parameters
    ----------
    models
        Names or folders of models; they are asked for showers, or rows, of the reference's conditions.
    generated
        Files of showers.
    reference
        A file of Geant4 showers (HDF5), or a table (Parquet, ROOT, CSV), that no generator was trained on.
    floor
        A second one; None: the reference is halved.
    requirements
        A YAML file, of showers; None: the shipped one.
    out
        Folder of the page.
    seed
        Of every random choice, and of what the models generate.
    quick
        Less effort: to look at, not to quote.
    limit
        Largest number of rows of each sample, and of showers of each group of species.
    into_card
        Store the numbers in the cards of the models.
    cuts
        Selections of tables, `FEATURE > VALUE`, whose efficiencies are compared.
    steps
        Of denoisers of tables: numbers of sampling steps that they are asked with too.
    geometry, species
        Of files of showers that say nothing of it: see `read_geometry`, `species_of`.
    say
        Prints a line for each verdict.

    Raises
    ------
    InputError
        Where something cannot be used.
    """
    folder = local_path(out)
    if is_table(reference):
        only_of_showers(
            reference, generated=generated, requirements=requirements, geometry=geometry, species=species
        )
        with nothing_left(folder, MADE_OF_TABLES, ()):
            return validate_tables(
                models,
                reference=reference,
                floor=floor,
                cuts=cuts,
                steps=steps,
                out=out,
                seed=seed,
                quick=quick,
                limit=limit,
                into_card=into_card,
                say=say,
            )
    for key, given in (("cut", cuts), ("steps", steps)):
        if given:
            raise InputError(f"{key}: is of tables, and {reference} is a file of showers; leave it out")
    with nothing_left(folder, MADE, KEPT):
        return validate_showers(
            models,
            generated,
            reference=reference,
            floor=floor,
            requirements=requirements,
            out=out,
            seed=seed,
            quick=quick,
            limit=limit,
            into_card=into_card,
            geometry=geometry,
            species=species,
            say=say,
        )
