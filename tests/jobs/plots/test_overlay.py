"""Curves of several samples over one another, whatever their generators are called."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from monsoon.jobs.plots.overlay import FLOOR, OTHER_REAL, REAL, REFERENCE, look, points, steps
from monsoon.jobs.plots.style import plain, png, styled
from monsoon.models.metrics.quality import Estimate

EDGES = np.geomspace(1, 100, 4)
NAMES = ("flow", "a $\\frac{1$ b", "_hidden", "x" * 90, "caf\udce9")


def curve(value: float) -> Estimate:
    return Estimate(np.full(3, value), np.full(3, 0.01))


def drawn(kind: str, names: tuple[str, ...]) -> Figure:
    curves = {REFERENCE: curve(1.0), FLOOR: curve(1.01), **{name: curve(1.1) for name in names}}
    with styled():
        figure = points(EDGES, curves, "x", "y") if kind == "points" else steps(EDGES, curves, "x", "y", "x")
        assert png(figure).startswith(b"\x89PNG")  # matplotlib reads labels when it draws
    return figure


@pytest.mark.parametrize("kind", ["points", "steps"])
def test_every_sample_is_in_the_legend_by_its_name(kind: str) -> None:
    figure = drawn(kind, NAMES)
    legend = figure.axes[0].get_legend()
    assert legend is not None
    shown = [text.get_text() for text in legend.get_texts()]
    assert sorted(shown) == sorted(plain(name) for name in (REFERENCE, FLOOR, *NAMES))


@pytest.mark.parametrize("kind", ["points", "steps"])
def test_the_ratio_panel_shows_how_far_a_sample_is_from_the_reference(kind: str) -> None:
    bottom = drawn(kind, ("flow",)).axes[1]
    ratios = [container.lines[0].get_ydata() for container in bottom.containers]
    assert [float(np.asarray(ratio)[1]) for ratio in ratios] == pytest.approx([1.01, 1.1])
    low, high = bottom.get_ylim()
    assert low < 0.9 < 1.1 < high


def test_a_reference_with_a_handful_of_showers_has_no_ratio() -> None:
    rare = Estimate(np.array([1.0, 1.0, 1.0]), np.array([0.01, 0.5, 0.01]))
    curves = {REFERENCE: rare, FLOOR: curve(1.0)}
    with styled():
        bottom = steps(EDGES, curves, "x", "y").axes[1]
    (ratio,) = (np.asarray(container.lines[0].get_ydata()) for container in bottom.containers)
    assert np.isfinite(ratio.astype(float)).tolist() == [True, False, True]


def test_rows_of_tables_are_held_against_real_ones_not_geant4() -> None:
    curves = {REAL: curve(1.0), OTHER_REAL: curve(1.01), "flow": curve(1.1)}
    with styled():
        top, bottom = steps(EDGES, curves, "x", "y", reference=REAL).axes
    assert bottom.get_ylabel() == "ratio to\nreal"
    assert [text.get_text() for text in top.get_legend().get_texts()] == [REAL, OTHER_REAL, "flow"]
    assert len(bottom.containers) == 2
    assert look([*curves])["flow"] == look([REFERENCE, "flow"])["flow"]


def test_a_generator_looks_the_same_beside_others_and_alone() -> None:
    alone, among = look(["flow", REFERENCE]), look([REFERENCE, FLOOR, "flow", "library"])
    assert alone["flow"] == among["flow"]
    assert len(set(among.values())) == 4
