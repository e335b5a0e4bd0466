"""The command line of `monsoon sweep`. It imports nothing heavy: every command line is read through it."""

from __future__ import annotations

from typing import Annotated

import typer

from monsoon.jobs.words import VERDICT_FAILED, Settings


def sweep(
    file: Annotated[str, typer.Argument(metavar="FILE", help="a YAML file, such as those of jobs/examples")],
    settings: Settings = None,
) -> None:
    """Run trainings or campaigns over axes of settings, or go on with them; exit code 3 if none succeeds."""
    from monsoon.jobs.sweep import sweep as run
    from monsoon.jobs.sweeps.config import load_sweep

    result = run(load_sweep(file, settings or []))
    print(f"table: {result.table}")
    if result.best is None:
        raise typer.Exit(VERDICT_FAILED)
    print(f"best: {result.best}")
