"""The parts of a page: records without HTML, one for each macro of templates/blocks.html."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Tone(StrEnum):
    """The colour of a badge."""

    GOOD = "good"
    UNSURE = "unsure"
    BAD = "bad"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Badge:
    """A short coloured verdict, such as `pass`, in a cell of a table or alone."""

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
    """A paragraph of text, highlighted if it is a `warning`."""

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
    """Names and values, one row each."""

    macro: ClassVar[str] = "facts"
    rows: Sequence[tuple[str, Cell]]


@dataclass(frozen=True)
class Table:
    """A table with a head.

    Attributes
    ----------
    head : sequence of str
        Titles of the columns.
    rows : sequence of sequences of Cell
        As many cells in each row as there are titles. The first cell is the name of the row.
    caption : str
        What the table shows, above it.
    text_columns : sequence of int
        Indices of columns, after the first, with text aligned to the left; the others are numbers.
    """

    macro: ClassVar[str] = "table"
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    text_columns: Sequence[int] = ()


@dataclass(frozen=True)
class Bar:
    """One row of `Bars`.

    Attributes
    ----------
    name : str
        Its name.
    value : float
        Its value.
    shown : str
        The value as it is printed.
    """

    name: str
    value: float
    shown: str


@dataclass(frozen=True)
class Bars:
    """Values as numbers, as shares of their sum, and as bars.

    Attributes
    ----------
    name, unit : str
        Titles of the columns of names and of values.
    rows : sequence of Bar
        The values.
    total : str
        The last row.
    """

    macro: ClassVar[str] = "bars"
    name: str
    unit: str
    rows: Sequence[Bar]
    total: str

    def share(self, bar: Bar) -> str:
        """A value's share of the sum in per cent, with two significant digits below 1 %."""
        whole = sum(row.value for row in self.rows)
        if not whole:
            return "-"
        percent = 100 * bar.value / whole
        return "0 %" if not percent else f"{percent:.1f} %" if percent >= 1 else f"{percent:.2g} %"

    def width(self, bar: Bar) -> float:
        """Length of a bar in per cent of the longest one."""
        longest = max(row.value for row in self.rows)
        return 100 * bar.value / longest if longest else 0.0


@dataclass(frozen=True)
class Image:
    """A PNG image inside the page.

    Attributes
    ----------
    png : bytes
        The file.
    alt : str
        Alternative text for readers who cannot see it.
    caption : str
        An explanation below it.
    scrolled : bool
        Whether a wide image is scrolled sideways on a small screen, and not shrunk.
    """

    macro: ClassVar[str] = "image"
    png: bytes
    alt: str
    caption: str = ""
    scrolled: bool = False

    @property
    def source(self) -> str:
        """The image as a URL that holds it."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode()}"


@dataclass(frozen=True)
class SideBySide:
    """Images beside each other, if the screen is wide enough."""

    macro: ClassVar[str] = "side_by_side"
    images: Sequence[Image]


@dataclass(frozen=True)
class EventDisplay:
    """Events on the detector's face, to zoom into and to ask for values: templates/display.js draws them.

    Attributes
    ----------
    data : str
        The events and their detector, as JSON that jobs/report/display.py makes.
    kinds : sequence of str
        Kinds of truth particles, each with a box to show or hide them.
    alt : str
        What it is, for readers who cannot see it.
    caption : str
        An explanation below it.
    """

    macro: ClassVar[str] = "event_display"
    data: str
    kinds: Sequence[str]
    alt: str
    caption: str


Block = Badge | Subtitle | Paragraph | Bullets | Facts | Table | Bars | Image | SideBySide | EventDisplay


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes
    ----------
    anchor : str
        Target of its link in the table of contents.
    title : str
        Its title.
    blocks : sequence of Block
        Its content.
    """

    anchor: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Page:
    """A whole page.

    Attributes
    ----------
    title : str
        Its title.
    lead : str
        One or two sentences of introduction.
    sections : sequence of Section
        Its content.
    """

    title: str
    lead: str
    sections: Sequence[Section]

    @property
    def interactive(self) -> bool:
        """Whether it needs the script of displays."""
        return any(isinstance(block, EventDisplay) for section in self.sections for block in section.blocks)
