"""Projections of an event add up to its hits, and lie where its cells are."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events
from monsoon.jobs.plots.layers import cell_energies, face_mev, layer_edges_mm, mean_profile, projections
from monsoon.jobs.plots.style import png, styled
from monsoon.models.store.suite import load_suite


@pytest.fixture(scope="module")
def events(layered: Detector) -> Events:
    """Three events of two electrons each, all at one place; the last is empty."""
    gun = Gun(pdg=11, energy_mev=2e4, x_mm=205.0, y_mm=-105.0, particles=2)
    incidents = transport(shoot(gun, layered, 0, 3), layered, Transport(threshold_mev=0))
    incidents.energy_mev[4:] = 1.0
    suite = load_suite("siw")
    return generate(incidents, suite, Placing(suite.grid, layered), 1)


def test_projections_add_up_to_the_hits(events: Events, layered: Detector) -> None:
    for which in range(3):
        hits = slice(events.hit_offsets[which], events.hit_offsets[which + 1])
        in_cells = cell_energies(events, which, layered)
        assert in_cells.shape == (45, 6956)
        total = events.hit_energy_mev[hits].sum(dtype=np.float64)
        assert face_mev(in_cells, layered).sum() == pytest.approx(total)
    assert mean_profile(events, layered).sum() == pytest.approx(events.hit_energy_mev.sum(dtype=float) / 3)


def test_the_brightest_pixel_is_where_the_electrons_hit(events: Events, layered: Detector) -> None:
    """205 mm right and 105 mm below the beam, of pads of 10 mm; deeper layers lie a little further out."""
    face = face_mev(cell_energies(events, 0, layered), layered)
    row, column = np.unravel_index(face.argmax(), face.shape)
    assert (column - 42, row - 42) == (20, -11)


def test_layers_meet_halfway(layered: Detector) -> None:
    assert np.allclose(layer_edges_mm(layered), 3.4 * np.arange(46))


@pytest.mark.slow
def test_an_event_is_drawn_whatever_is_in_it(events: Events, layered: Detector) -> None:
    with styled():
        for which in (0, 2):
            assert png(projections(events, which, layered)).startswith(b"\x89PNG")
