"""Options that several commands share, and the exit codes of all."""

from __future__ import annotations

from typing import Annotated

import typer

DONE, BUG, UNUSABLE, VERDICT_FAILED, INTERRUPTED = 0, 1, 2, 3, 130

Settings = Annotated[list[str] | None, typer.Argument(metavar="[key=value]...")]
GeometryName = Annotated[
    str | None,
    typer.Option(
        "--geometry", help="voxels of files that name none: planar, a JSON file, binning.xml#photon"
    ),
]
SpeciesName = Annotated[
    str | None, typer.Option("--species", help="of files that have none: a name or a PDG code")
]
Seed = Annotated[int, typer.Option("--seed", help="number that all random draws follow from")]
