"""Whole events as numbers for the display of a page, which a reader zooms into and asks for values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import to_hex

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pdg import named
from monsoon.engine.records import Array, Events
from monsoon.jobs.pages.blocks import EventDisplay
from monsoon.jobs.plots.style import BLACK, BLUE, ENERGY_MAP, GREEN, ORANGE, PURPLE
from monsoon.jobs.report.contributions import contributions
from monsoon.jobs.report.format import in_words, number
from monsoon.jobs.report.sample import KINDS, expect_cells, kind_of
from monsoon.models.records import Status

SHOWN = 8  # events in a display
MARKS = ((BLUE, "circle"), (GREEN, "triangle"), (BLACK, "cross"), (ORANGE, "square"), (PURPLE, "diamond"))
SIGNS = "○△✕□◇"  # the same shapes as text
COLOURS = 32
FAINTEST_MEV, BRIGHTEST_MEV = 10.0, 100_000.0  # of the scale of colours
CAPTION = (
    "Move over a cell or a mark for its values; drag to move; double-click, + and -, or the wheel after a "
    "click for a closer look. The colours of cells follow the logarithm of their energy; "
    "marks are truth particles on the face and grow with the logarithm of their energy."
)


def display(events: Events, rows: Sequence[int], detector: Detector) -> EventDisplay:
    """An interactive display.

    Parameters
    ----------
    events : Events
        Events of this detector.
    rows : sequence of int
        Those that are shown, the first one first.
    detector : Detector
        Where the cells are.

    Raises
    ------
    InputError
        Where a hit is in no cell of the detector.
    """
    described = detector.description
    pixel = described.pixel_mm
    codes = np.unique(
        np.concatenate([events.particle_pdg[_of(events.particle_offsets, row)] for row in rows])
    )
    colours = matplotlib.colormaps[ENERGY_MAP](np.linspace(0.08, 1, COLOURS))
    data = {
        "zones": [
            {
                "name": zone.name,
                "side": zone.cell_pixels * pixel,
                "size": [zone.columns * pixel, zone.rows * pixel],
            }
            for zone in described.zones
        ],
        "hole": [described.hole.columns * pixel, described.hole.rows * pixel],
        "layers": detector.layers,
        "layer_cells": detector.layer_cells,
        "range": [FAINTEST_MEV, BRIGHTEST_MEV],
        "colours": [to_hex(colour) for colour in colours],
        "kinds": [{"colour": colour, "shape": shape} for colour, shape in MARKS],
        "names": {int(code): named(int(code)) for code in codes},
        "statuses": [in_words(status) for status in Status],
        "events": [_event(events, row, detector) for row in rows],
    }
    first = events.event[rows[0]]
    return EventDisplay(
        json.dumps(data, separators=(",", ":")),
        [f"{sign} {kind}" for sign, kind in zip(SIGNS, KINDS, strict=True)],
        f"cells and truth particles of event {first}" + (f" and {len(rows) - 1} others" if rows[1:] else ""),
        CAPTION,
    )


def _event(events: Events, row: int, detector: Detector) -> dict[str, Any]:
    """One event's hits, particles and, where they are stored, the particles of each hit."""
    hits, particles = _of(events.hit_offsets, row), _of(events.particle_offsets, row)
    cell = events.hit_cell[hits].astype(np.int64)
    expect_cells(events.event[row], cell, detector)
    x, y = detector.cell_centres_mm[cell].T
    shown: dict[str, Any] = {
        "event": int(events.event[row]),
        "title": f"Event {events.event[row]}: {events.collisions[row]} collisions, "
        f"{number(len(events.particle_pdg[particles]))} particles, {number(len(cell))} hits.",
        "cell": cell.tolist(),
        "x": _rounded(x),
        "y": _rounded(y),
        "zone": detector.zone_of_cell[cell].tolist(),
        "mev": _rounded(events.hit_energy_mev[hits]),
        "adc": events.hit_adc[hits].tolist(),
        "pdg": events.particle_pdg[particles].tolist(),
        "kind": kind_of(events.particle_pdg[particles]).tolist(),
        "px": _rounded(events.particle_x_mm[particles]),
        "py": _rounded(events.particle_y_mm[particles]),
        "pmev": _rounded(events.particle_energy_mev[particles]),
        "pns": _rounded(events.particle_time_ns[particles], 2),
        "status": events.particle_status[particles].tolist(),
    }
    if events.contribution_offsets is not None:
        shown["from"] = contributions(events, row)
    return shown


def _of(offsets: Array, row: int) -> slice:
    return slice(int(offsets[row]), int(offsets[row + 1]))


def _rounded(values: Array, digits: int = 1) -> list[float]:
    """Numbers short enough for a page, which has none that are not finite."""
    return [round(value, digits) for value in np.nan_to_num(values.astype(np.float64)).tolist()]
