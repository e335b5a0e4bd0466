"""`monsoon show`: one event, in words and as a picture or a page."""

from __future__ import annotations

from typing import Annotated

import typer

ROWS = 10


def show(
    url: Annotated[str, typer.Argument(metavar="URL", help="the campaign's output")],
    event: Annotated[int, typer.Argument(metavar="EVENT", help="an event's number")],
    rows: Annotated[
        int, typer.Option("--rows", min=0, help="how many particles and hits to print, largest energy first")
    ] = ROWS,
    out: Annotated[
        str | None, typer.Option("--out", help="a file ending in .html (interactive) or .png")
    ] = None,
) -> None:
    """Show one event: particles, hits, where it comes from; as a page or picture with --out."""
    from monsoon.jobs.report.show_event import (
        show_event,
    )  # the parser alone is imported with the command line

    show_event(url, event, rows=rows, out=out)
