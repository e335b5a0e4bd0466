"""The style of all plots, and their conversion to PNG."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import mplhep
from matplotlib import style as matplotlib_style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

# Okabe and Ito's palette: distinguishable with every kind of colour vision, and in grey by lightness
BLACK, BLUE, ORANGE, GREEN, PURPLE, SKY = "#000000", "#0072B2", "#D55E00", "#009E73", "#AA4499", "#56B4E9"
GREY = "#8C8C8C"
ENERGY_MAP = "magma_r"  # light is little: empty cells stay paper

DPI = 130
_SIZES = {
    "font.size": 13,
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],  # the second for what the first has no glyph for
    "axes.linewidth": 1.0,
    "axes.titlesize": 13,
    "xtick.major.size": 6,
    "xtick.minor.size": 3,
    "ytick.major.size": 6,
    "ytick.minor.size": 3,
    "xtick.major.pad": 5,
    "legend.fontsize": 11.5,
    "figure.dpi": DPI,
}


@contextmanager
def styled() -> Iterator[None]:
    """Use Monsoon's style during the context."""
    with matplotlib_style.context([mplhep.style.CMS, _SIZES]):
        yield


# Margins in inches. Laying figures out by measuring their text would take longer than drawing them.
LEFT, RIGHT, BOTTOM, TOP, BAR = 0.95, 0.15, 0.65, 0.15, 1.05


def single(width: float = 6.2, height: float = 4.6) -> tuple[Figure, Axes]:
    """A figure with one plot; sizes in inches."""
    figure = _figure(width, height)
    return figure, figure.subplots()


def with_ratio(width: float = 6.2, height: float = 5.6) -> tuple[Figure, Axes, Axes]:
    """A figure with a plot and, below it on the same x axis, a panel for ratios; sizes in inches."""
    figure = _figure(width, height)
    top, bottom = figure.subplots(2, sharex=True, height_ratios=[2.4, 1], gridspec_kw={"hspace": 0.06})
    return figure, top, bottom


def row(
    count: int, width: float, height: float, top: float, bar: bool = False, share: int | None = None
) -> tuple[Figure, list[Axes]]:
    """A figure with plots side by side, `top` inches below its edge; `share` at a time share a y axis."""
    figure = _figure(width, height, top, BAR if bar else RIGHT)
    one = share is None or share >= count
    panels = list(
        figure.subplots(1, count, sharey=one, squeeze=False, gridspec_kw={"wspace": 0.05 if one else 0.3})[0]
    )
    for number, axes in enumerate(panels):
        if not one and share and number % share:
            axes.sharey(panels[number - number % share])
            axes.tick_params(labelleft=False)
    return figure, panels


def panels() -> tuple[Figure, Axes, Axes, Axes]:
    """A figure with a square plot, one right of it on its y axis, and one below that on its x axis."""
    figure = _figure(11.6, 7.6, 0.2, BAR)
    grid = figure.add_gridspec(2, 2, width_ratios=[1, 0.75], height_ratios=[1, 0.3], wspace=0.17, hspace=0.08)
    square = figure.add_subplot(grid[0, 0])
    side = figure.add_subplot(grid[0, 1], sharey=square)
    below = figure.add_subplot(grid[1, 1], sharex=side)
    side.tick_params(labelleft=False, labelbottom=False)
    return figure, square, side, below


def framed(width_mm: float, height_mm: float, width: float, top: float = TOP) -> tuple[Figure, Axes]:
    """A figure `width` inches wide, for one plot in true proportions and a colour bar."""
    height = (width - LEFT - BAR) * height_mm / width_mm + BOTTOM + top
    figure = _figure(width, height, top, BAR)
    return figure, figure.subplots()


def colour_bar(figure: Figure, image: ScalarMappable, label: str) -> None:
    """At the figure's right edge, as high as its plots."""
    width, _ = figure.get_size_inches()
    parameters = figure.subplotpars
    low, high = parameters.bottom, parameters.top
    axes = figure.add_axes((1 - (BAR - 0.12) / width, low, 0.22 / width, high - low))
    figure.colorbar(image, cax=axes).set_label(label)


def plain(name: str, letters: int = 60) -> str:
    """A name from outside as a label: shown letter by letter, and cut where there is no room for more.

    matplotlib takes what stands between two dollars for a formula, leaves out a label that begins with an
    underscore, and refuses bytes that are not Unicode. Those and control characters are shown by their codes.
    """
    name = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
    short = name if len(name) <= letters else f"{name[: letters - 1]}…"
    escaped = short.replace("$", r"\$")
    return f" {escaped}" if escaped.startswith("_") else escaped


def png(figure: Figure) -> bytes:
    """Render a figure as a PNG file."""
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


def _figure(width: float, height: float, top: float = TOP, right: float = RIGHT) -> Figure:
    # not of pyplot's: nothing to close, nothing shared with the caller
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    figure.subplots_adjust(LEFT / width, BOTTOM / height, 1 - right / width, 1 - top / height)
    return figure
