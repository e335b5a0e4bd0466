"""`monsoon study physics`: runs it, and writes its page and its numbers."""

from __future__ import annotations

from pathlib import Path

from monsoon.jobs.pages.render import render
from monsoon.jobs.plots.style import styled
from monsoon.jobs.studies.page import as_json
from monsoon.jobs.studies.physics.config import PhysicsConfig
from monsoon.jobs.studies.physics.page import physics_page
from monsoon.jobs.studies.physics.study import columns_of, figures_of, pile_up_said, results
from monsoon.jobs.validation.gallery import Gallery
from monsoon.models.files import write_whole

NUMBERS = "figures.json"


def report_physics(config: PhysicsConfig, local: bool = False) -> str:
    """Run the study, or continue it.

    Parameters
    ----------
    config
        Of the study.
    local
        Without Ray.

    Returns
    -------
    str
        The page's path; beside it lie `figures.json` with all numbers, and the plots.

    Raises
    ------
    InputError
        Where something cannot be used.
    """
    columns = columns_of(config, local)
    found = results(config, columns)
    said = pile_up_said(config)
    output = Path(config.output)
    write_whole(output / NUMBERS, as_json(figures_of(config, found, said)))
    page = output / "report.html"
    with styled():
        write_whole(page, render(physics_page(config, columns, found, said, Gallery(output))))
    return str(page.absolute())
