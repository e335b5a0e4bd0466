"""What a page consists of: records without HTML, one for each macro of templates/blocks.html."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Tone(StrEnum):
    """What a badge's colour says, beside its words."""

    GOOD = "good"
    UNSURE = "unsure"
    BAD = "bad"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Badge:
    """A short coloured verdict, such as `pass`. Stands in a cell of a table or alone."""

    macro: ClassVar[str] = "badge"
    text: str
    tone: Tone = Tone.NEUTRAL


Cell = str | Badge


@dataclass(frozen=True)
class Subtitle:
    """A heading inside a section."""

    macro: ClassVar[str] = "subtitle"
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text; `warning` for what a reader must not miss."""

    macro: ClassVar[str] = "paragraph"
    text: str
    warning: bool = False


@dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    macro: ClassVar[str] = "bullets"
    items: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Names and what they are, a row each."""

    macro: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True)
class Table:
    """A table with a head.

    Parameters
    ----------
    head
        Titles of the columns.
    rows
        Cells, as many in each row as there are titles. The first one names its row.
    caption
        What the table shows, above it.
    text_columns
        Columns after the first that hold words and are aligned to the left; the others hold numbers.
    """

    macro: ClassVar[str] = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    text_columns: Sequence[int] = ()


@dataclass(frozen=True)
class Bar:
    """One row of `Bars`: `shown` is `value` as it is printed."""

    name: str
    value: float
    shown: str


@dataclass(frozen=True)
class Bars:
    """Named values as numbers, shares of their sum, and bars; the last row holds `total`."""

    macro: ClassVar[str] = "bars"
    name: str
    unit: str
    rows: Sequence[Bar]
    total: str

    def share(self, bar: Bar) -> str:
        """A value's part of the sum in per cent; small parts keep two digits."""
        whole = sum(row.value for row in self.rows)
        if not whole:
            return "-"
        percent = 100 * bar.value / whole
        return "0 %" if not percent else f"{percent:.1f} %" if percent >= 1 else f"{percent:.2g} %"

    def width(self, bar: Bar) -> float:
        """Length of a bar in per cent of the longest."""
        longest = max(row.value for row in self.rows)
        return 100 * bar.value / longest if longest else 0.0


@dataclass(frozen=True)
class Image:
    """A PNG inside the page.

    Parameters
    ----------
    png
        The file's bytes.
    alt
        What it shows, for those who cannot see it.
    caption
        What a reader should know to read it, below it.
    scrolled
        On a small screen a wide image is scrolled sideways instead of being shrunk.
    """

    macro: ClassVar[str] = "image"
    png: bytes
    alt: str
    caption: str = ""
    scrolled: bool = False

    @property
    def source(self) -> str:
        """The image as a `data:` URL."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class SideBySide:
    """Images beside each other where the screen is wide enough."""

    macro: ClassVar[str] = "side_by_side"
    images: Sequence[Image]


Block = Badge | Subtitle | Paragraph | Bullets | Facts | Table | Bars | Image | SideBySide


@dataclass(frozen=True)
class Section:
    """A part of a page with a title; the page's list of links leads to `anchor`."""

    anchor: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole page: its title, one or two sentences of introduction, and its sections."""

    title: str
    lead: str
    sections: Sequence[Section]
