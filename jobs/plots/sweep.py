"""The plot of a sweep: the metric against each axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from monsoon.jobs.plots.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, plain, png, row, styled

COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, BLACK)
MOST_COLOURS = len(COLOURS)
WIDTH, HEIGHT = 4.4, 4.4  # inches of a panel
LETTERS = 24


def draw_sweep(metric: str, axes: Sequence[str], trials: Sequence[dict[str, Any]]) -> bytes:
    """Plot the metric of every trial against each axis, in a panel of its own.

    Colours tell the values of the first axis that is no number, where there is one with few values.

    Parameters
    ----------
    metric : str
        Its name.
    axes : sequence of str
        Their names.
    trials : sequence of dict
        `values` by axis, `metric`, its `error`, and whether it is `done`: those that were stopped are hollow.

    Returns
    -------
    bytes
        A PNG file.
    """
    grouped = next((key for key in axes if len(axes) > 1 and _few_words(key, trials)), None)
    groups = [None] if grouped is None else list(dict.fromkeys(str(t["values"][grouped]) for t in trials))
    shown = [key for key in axes if key != grouped]
    with styled():
        figure, panels = row(len(shown), WIDTH * len(shown) + 1.2, HEIGHT, 0.3)
        for panel, key in zip(panels, shown, strict=True):
            order = _order(key, trials)
            for colour, group in zip(COLOURS, groups, strict=False):
                mine = [t for t in trials if group is None or str(t["values"][grouped]) == group]
                _points(panel, key, mine, order, colour, None if group is None else plain(group, LETTERS))
            _scale(panel, key, trials, order)
            panel.set_xlabel(plain(key, LETTERS))
        panels[0].set_ylabel(plain(metric, LETTERS))
        if grouped is not None and trials:
            panels[-1].legend(title=plain(grouped, LETTERS), fontsize=10, title_fontsize=10)
        return png(figure)


def _points(
    panel: Axes,
    key: str,
    trials: Sequence[dict[str, Any]],
    order: dict[str, int] | None,
    colour: str,
    label: str | None,
) -> None:
    for done in (True, False):
        chosen = [trial for trial in trials if trial["done"] == done]
        if not chosen:
            continue
        x = [t["values"][key] if order is None else order[str(t["values"][key])] for t in chosen]
        panel.errorbar(
            x,
            [trial["metric"] for trial in chosen],
            [trial["error"] for trial in chosen],
            fmt="o",
            color=colour if done else GREY,
            markerfacecolor=colour if done else "none",
            label=label if done else None,
        )


def _scale(panel: Axes, key: str, trials: Sequence[dict[str, Any]], order: dict[str, int] | None) -> None:
    if order is not None:
        names = [plain(name, LETTERS) for name in order]
        panel.set_xticks(range(len(order)), names, rotation=20, fontsize=9)
        panel.set_xlim(-0.5, max(len(order) - 0.5, 0.5))
        return
    values = [trial["values"][key] for trial in trials]
    if values and min(values) > 0 and max(values) / min(values) > 20:
        panel.set_xscale("log")


def _order(key: str, trials: Sequence[dict[str, Any]]) -> dict[str, int] | None:
    """Places of values that are no numbers, in their order; None for numbers."""
    values = [trial["values"][key] for trial in trials]
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return None
    return {name: place for place, name in enumerate(dict.fromkeys(map(str, values)))}


def _few_words(key: str, trials: Sequence[dict[str, Any]]) -> bool:
    order = _order(key, trials)
    return order is not None and len(order) <= MOST_COLOURS
