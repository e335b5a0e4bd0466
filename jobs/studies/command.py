"""The verb `monsoon study`: which studies there are, and their parser."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Annotated

import typer

from monsoon.engine.errors import InputError
from monsoon.jobs.words import Settings

if TYPE_CHECKING:
    from monsoon.jobs.studies.pieces import StudyConfig

STUDIES = {
    "toy": "10^6 events out of 1 000 by resampling, fits and networks, where the truth is known exactly",
    "decomposition": "events composed of N showers against N / k whole events",
    "amplification": "how many Geant4 showers a generated sample is worth, by observable",
    "physics": "resolutions, masses and trigger rates by models, and by held-out Geant4 showers",
    "coverage": "whether quoted 68 % intervals contain the truth as often as they say",
}


def study(
    name: Annotated[str, typer.Argument(metavar="NAME", help=", ".join(STUDIES))],
    settings: Settings = None,
    local: Annotated[bool, typer.Option("--local", help="without Ray: in this process")] = False,
) -> None:
    """Find out what a generated sample is worth; ends in a page, plots and figures in JSON."""
    from monsoon.engine.config import parse_overrides, validate

    config, run = study_of(name)
    job = validate(config, parse_overrides(settings or [], config), f"study {name}")
    print(f"report: {run(job, local)}")


def study_of(name: str) -> tuple[type[StudyConfig], Callable[[StudyConfig, bool], str]]:
    """Config and function of a study. Raises InputError where there is none of the name."""
    if name not in STUDIES:
        raise InputError(f"study {name}: no such study; choose from {', '.join(STUDIES)}")
    module = import_module(f"monsoon.jobs.studies.{name}")
    return getattr(module, f"{name.capitalize()}Config"), getattr(
        import_module(f"monsoon.jobs.studies.{name}_report"), f"report_{name}"
    )
