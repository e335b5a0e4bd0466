"""Pages as HTML: the templates' only door."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from monsoon.jobs.pages.blocks import Block, Page

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> bytes:
    """A page as one HTML file in UTF-8 that refers to nothing outside itself.

    Every text is escaped. Names of files need not be Unicode: bytes that are not are shown as `\\udcXX`.

    Parameters
    ----------
    page
        What to show.

    Returns
    -------
    bytes
        The file. A policy in its head forbids the browser to fetch or to run anything.
    """
    text = environment().get_template("page.html").render(page=page)
    return text.encode(errors="backslashreplace")


def fragment(block: Block) -> str:
    """One block alone as HTML, without a page around it."""
    return str(getattr(environment().get_template("blocks.html").module, block.macro)(block))


@cache
def environment() -> Environment:
    """The templates. They escape all values, and refuse names that a record does not have."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
