"""Single blocks of a page as HTML, for tests that look at one of them."""

from __future__ import annotations

from monsoon.jobs.pages.blocks import Block
from monsoon.jobs.pages.render import environment


def fragment(block: Block) -> str:
    """Render one block without a page around it."""
    return str(getattr(environment().get_template("blocks.html").module, block.macro)(block))
