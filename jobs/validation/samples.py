"""Which showers are compared: those of the reference, of the floor, and of each generator; equally many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.errors import InputError
from monsoon.engine.loading import fetch_models
from monsoon.engine.sampling import sample_rows
from monsoon.engine.storage import fetch
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.data.shower_geometry import shower_geometry
from monsoon.models.files import sha256_of
from monsoon.models.geometry.geometry import Geometry, same
from monsoon.models.metrics.conditions import compare_conditions
from monsoon.models.metrics.contest import GROUPS, Contest, Sample
from monsoon.models.records import Conditions, Showers, Status
from monsoon.models.species import EGAMMA
from monsoon.models.store.suite import Suite, load_suite

BLOCK = 4096  # conditions that a generator is asked at a time; showers do not depend on it
FEWEST = 200  # showers of a group in each sample: fewer can tell nothing
CLOSE = 1e-4  # conditions that differ by less, relatively, are one condition stored twice


@dataclass(frozen=True)
class Candidate:
    """A generator to be validated: a model that is asked for showers, or a file of them.

    Parameters
    ----------
    name
        On the page and in the record.
    suite
        The model; None for a file.
    showers
        Of the file; None for a model.
    origin
        What it is, for the record.
    paired
        Whether its showers are of the reference's conditions, row by row. A model's always are.
    """

    name: str
    suite: Suite | None
    showers: ShowerSet | None
    origin: Mapping[str, str]
    paired: bool = True

    def of(self, reference: ShowerSet, rows: Tensor, seed: int) -> ShowerSet:
        """Its showers for these rows of the reference file."""
        wanted = reference[rows]
        if self.showers is not None:
            return ShowerSet(wanted.conditions, self.showers[rows].showers, wanted.weight)
        assert self.suite is not None
        energy = [
            self._asked(wanted.conditions[first : first + BLOCK], rows[first : first + BLOCK], seed)
            for first in range(0, len(rows), BLOCK)
        ]
        return ShowerSet(wanted.conditions, Showers(torch.cat(energy)), wanted.weight)

    def rows_of(self, group: str) -> Tensor | None:
        """Rows of a group of species in a file with conditions of its own; None for the others."""
        if self.paired or self.showers is None:
            return None
        return _rows_of(group, self.showers)

    def _asked(self, conditions: Conditions, rows: Tensor, seed: int) -> Tensor:
        # the noise of `monsoon sample`: a file that it wrote holds the showers that are made here
        assert self.suite is not None
        return sample_rows(self.suite, conditions, seed, rows.numpy()).energy_mev


def read_file(
    path: str, grid: Geometry, said: Geometry | None = None, pdg: int | None = None
) -> tuple[ShowerSet, dict[str, str]]:
    """Read the showers of a file.

    Parameters
    ----------
    path
        HDF5, see `read_showers`.
    grid
        The geometry of the reference, and so of the file.
    said, pdg
        Geometry and species, where the file has none.

    Returns
    -------
    showers : ShowerSet
        All of them.
    origin : dict
        Name, checksum and number of rows, for the record.

    Raises
    ------
    InputError
        Where the file cannot be used, has another geometry, or negative weights.
    """
    here = fetch(path)
    _refuse_another(path, shower_geometry(here, said), grid)
    showers = read_showers(here, pdg)
    if not (showers.weight >= 0).all():
        raise InputError(
            f"{path}: weights row {int((showers.weight < 0).int().argmax())} is negative; drop it"
        )
    return showers, {"file": str(path), "sha256": sha256_of(here), "rows": str(len(showers))}


def model_generator(
    name: str, grid: Geometry, said: Geometry | None = None, pdg: int | None = None
) -> Candidate:
    """A model by its name or folder.

    Parameters
    ----------
    name
        See `load_suite`.
    grid
        The geometry of the reference, and so of the model.
    said, pdg
        Geometry and species of a library whose file has none.

    Raises
    ------
    InputError
        Where there is no such model, or its showers are of another geometry.
    """
    suite = load_suite(fetch_models(name), geometry=said, pdg=pdg)
    _refuse_another(name, suite.grid, grid)
    origin = {
        "model": name,
        "fingerprint": suite.fingerprint,
        "generators": " ".join(part.fingerprint for part in suite.models),
    }
    label = name if len(name) < 40 else Path(name.split(",")[0]).stem
    return Candidate(label, suite, None, origin)


def file_generator(
    path: str, reference: ShowerSet, grid: Geometry, said: Geometry | None = None, pdg: int | None = None
) -> Candidate:
    """A file of showers, of the reference's conditions row by row or of conditions of its own.

    Parameters
    ----------
    path
        HDF5, see `read_showers`.
    reference
        The whole reference file.
    grid
        Its geometry.
    said, pdg
        Geometry and species, where the file has none.

    Raises
    ------
    InputError
        Where the file cannot be used.
    """
    showers, origin = read_file(path, grid, said, pdg)
    difference = _difference(showers.conditions, reference.conditions)
    whose = f"its own: {difference}" if difference else "the reference's, row by row"
    return Candidate(Path(path).stem, None, showers, {**origin, "conditions": whose}, not difference)


def _refuse_another(name: str, geometry: Geometry, grid: Geometry) -> None:
    """Raise InputError where showers are not of the reference's geometry."""
    if not same(geometry, grid):
        raise InputError(
            f"{name}: its showers have {geometry.label}, the reference's {grid.label}; compare showers "
            "of one geometry"
        )


def _difference(ours: Conditions, theirs: Conditions) -> str:
    """Why these are not the same conditions row by row; empty where they are."""
    if len(ours) != len(theirs):
        return f"{len(ours)} showers for a reference of {len(theirs)}"
    same = ours.pdg == theirs.pdg
    for a, b in (
        (ours.energy_mev[:, None], theirs.energy_mev[:, None]),
        (ours.direction, theirs.direction),
        (ours.offset_mm, theirs.offset_mm),
    ):
        same &= torch.isclose(a, b, rtol=CLOSE, atol=CLOSE).all(1)
    return "" if same.all() else f"row {int((~same).int().argmax())} has another condition"


def contests(
    generators: list[Candidate],
    reference: ShowerSet,
    floor: ShowerSet | None,
    seed: int,
    limit: int | None,
    grid: Geometry,
) -> list[Contest]:
    """One contest for each group of species that there are enough showers of.

    All samples of a contest have as many showers as the smallest of them, so that the floor is the same
    quantity at the same size: metrics and classifiers depend on it.

    Parameters
    ----------
    generators
        What is validated.
    reference
        Geant4 showers.
    floor
        Other Geant4 showers; None: the reference is halved.
    seed
        Of the choice of rows, and of the models' showers.
    limit
        Largest number of showers of each sample; None: all.
    grid
        The geometry of all.

    Raises
    ------
    InputError
        Where no group has enough showers, or a generator has none for any of the groups.
    """
    found = []
    for number, group in enumerate(GROUPS):
        own = {g.name: rows for g in generators if (rows := g.rows_of(group)) is not None}
        own = {
            name: _shuffled(rows, [seed, 8, list(own).index(name)])
            for name, rows in own.items()
            if len(rows) >= FEWEST
        }
        rows = _shuffled(_rows_of(group, reference), [seed, number])
        others = _shuffled(_rows_of(group, floor), [seed, 7]) if floor is not None else None
        there = [len(rows) // 2] if others is None else [len(rows), len(others)]
        size = min([*there, *map(len, own.values()), *([limit] if limit else [])])
        if size < FEWEST:
            continue
        # rows of the floor stay in random order: what is drawn by row number has to be independent of the
        # reference's rows, also where both files are sorted
        other = reference[rows[size : 2 * size]] if floor is None or others is None else floor[others[:size]]
        samples = Sample(reference[rows[:size].sort().values], grid), Sample(other, grid)
        generated, absent, outside, independent = {}, {}, {}, {}
        for g in generators:
            if not g.paired and g.showers is not None:
                mine = own.get(g.name)
                if mine is None:
                    absent[g.name] = f"only {len(_rows_of(group, g.showers))} showers of these species"
                    continue
                generated[g.name] = Sample(g.showers[mine[:size]], grid)
                independent[g.name] = compare_conditions(
                    g.showers.conditions[mine], reference.conditions[rows]
                )
                continue
            conditions = samples[0].showers.conditions
            if g.suite:
                outside[g.name] = int((~g.suite.inside(conditions)).sum())
                unknown = torch.unique(conditions.pdg[g.suite.status(conditions) == Status.NO_GENERATOR])
                if len(unknown):
                    species = ", ".join(map(str, unknown.tolist()))
                    absent[g.name] = f"no generator for species {species}"
                    continue
            generated[g.name] = Sample(g.of(reference, rows[:size].sort().values, seed), grid)
        found.append(
            Contest(group, grid, seed, *samples, generated, absent, outside, floor is None, independent)
        )
    if not found:
        raise InputError(
            f"the reference: no group of species has {FEWEST} showers for each of reference and floor; give "
            "more showers, or a floor file of the same species"
        )
    for generator in generators:
        reasons = {c.group: c.absent[generator.name] for c in found if generator.name in c.absent}
        if len(reasons) == len(found):
            raise InputError(f"{generator.name}: {'; '.join(reasons.values())}; give another reference")
    return found


def _shuffled(rows: Tensor, seed: list[int]) -> Tensor:
    return rows[torch.from_numpy(np.random.default_rng(seed).permutation(len(rows)))]


def _rows_of(group: str, showers: ShowerSet) -> Tensor:
    """Rows of one of GROUPS; positrons count as electrons."""
    electromagnetic = torch.isin(showers.conditions.pdg.abs(), torch.tensor(EGAMMA, dtype=torch.int32))
    return torch.nonzero(electromagnetic == (group == "egamma"))[:, 0]
