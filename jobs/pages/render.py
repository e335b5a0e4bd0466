"""Rendering of pages as HTML, from the templates."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from monsoon.jobs.pages.blocks import Page

TEMPLATES = Path(__file__).parent / "templates"


def render(page: Page) -> bytes:
    """Render a page as one self-contained HTML file in UTF-8.

    All text is escaped. Bytes in file names that are not Unicode are shown as `\\udcXX`.

    Parameters
    ----------
    page : Page
        The page.

    Returns
    -------
    bytes
        The file. A policy in its head forbids the browser to load anything, and to run anything but the
        script of displays, by its hash, where there is one.
    """
    text = environment().get_template("page.html").render(page=page)
    return text.encode(errors="backslashreplace")


@cache
def environment() -> Environment:
    """The environment of the templates. It escapes all values, and refuses names that a record lacks."""
    script = (TEMPLATES / "display.js").read_text()
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    made.globals |= {"display_script": Markup(script), "display_hash": f"sha256-{digest}"}
    return made
