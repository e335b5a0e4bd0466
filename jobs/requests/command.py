"""The command line of `monsoon request`. It imports nothing heavy: every command line is read through it."""

from __future__ import annotations

from typing import Annotated

import typer

from monsoon.jobs.words import VERDICT_FAILED, Settings


def request(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="a YAML file, such as jobs/examples/request.yaml")
    ],
    settings: Settings = None,
) -> None:
    """Run the samples that a file orders, or go on with them; exit code 3 if one cannot be made."""
    from monsoon.jobs.request import PAGE
    from monsoon.jobs.request import request as run
    from monsoon.jobs.requests.config import load_request

    asked = load_request(file, settings or [])
    results = run(asked)
    print(f"summary: {asked.output}/{PAGE}")
    if any(result.failed for result in results):
        raise typer.Exit(VERDICT_FAILED)
