"""Every peer of composition computes what we compute, so that a ratio compares equals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.records import Incidents
from monsoon.jobs.bench.composition import compose_peers, place_ours, place_peers, same_cells
from monsoon.jobs.bench.deposits import hits_of, same_hits
from monsoon.jobs.bench.inputs import Drawn, compose_ours, draw
from monsoon.models.records import Showers
from monsoon.models.store.suite import Suite

MakeIncidents = Callable[..., Incidents]
PEERS = ("np.add.at per particle", "np.bincount", "torch index_add_")
PIXEL_MM = 20.2
# In pixels from the beam: borders of the zones, the hole's rim and inside it, corners of the face.
AWKWARD_PIXELS = [
    *[(96, 3), (95.9, -3), (-96, 60), (0, 60), (0, -59.9), (48, 36), (-48, -36), (47.9, 10)],
    *[(16, 12), (15.9, 11.9), (0, 0), (-16.1, 0), (0, 12.1), (-17, -13)],
    *[(191.9, 155.9), (-192, -156), (191.9, -156), (-192, 155.9), (0, 155.9), (191.9, 0)],
]
PARTICLES = {
    "no event": [],
    "no particle": [0],
    "no particle in many events": [0, 0, 0],
    "one particle": [1],
    "several events, some empty": [5, 0, 30, 1, 0, 0, 17, 60, 0],
}


@pytest.fixture(scope="module")
def awkward(detector: Detector, suite: Suite, make_incidents: MakeIncidents) -> Drawn:
    """An event whose particles all lie on borders and edges, between events that are empty."""
    incidents = make_incidents([0, len(AWKWARD_PIXELS), 0])
    xy = np.array(AWKWARD_PIXELS) * PIXEL_MM
    position = np.column_stack([xy, np.full(len(xy), detector.description.face_z_mm)])
    energetic = np.full(len(xy), 90_000, np.float32)
    photons = np.full(len(xy), 22, np.int32)
    moved = replace(incidents, position_mm=position.astype(np.float32), energy_mev=energetic, pdg=photons)
    return draw(moved, suite)


@pytest.mark.parametrize("chunk", [1, 2, 256])
@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("particles", PARTICLES.values(), ids=PARTICLES)
def test_peers_find_our_hits(
    detector: Detector,
    suite: Suite,
    make_incidents: MakeIncidents,
    particles: list[int],
    peer: str,
    chunk: int,
) -> None:
    drawn = draw(make_incidents(particles, first_event=(1 << 32) - 2), suite)
    theirs = compose_peers(drawn, detector, suite.grid)[peer](chunk)
    assert same_hits(hits_of(compose_ours(drawn, suite, detector)), theirs)
    cells = place_peers(drawn, detector, suite.grid)[peer](chunk)
    assert same_cells(place_ours(drawn, detector, suite.grid), cells)


@pytest.mark.parametrize("peer", PEERS)
def test_peers_find_our_hits_on_borders_and_edges(
    detector: Detector, suite: Suite, awkward: Drawn, peer: str
) -> None:
    ours = compose_ours(awkward, suite, detector)
    assert ours.hit_adc.max() > 100  # there is something to disagree about
    assert same_hits(hits_of(ours), compose_peers(awkward, detector, suite.grid)[peer](2))
    cells = place_peers(awkward, detector, suite.grid)[peer](2)
    assert same_cells(place_ours(awkward, detector, suite.grid), cells)


@pytest.mark.parametrize("peer", PEERS)
def test_peers_find_our_hits_up_to_the_ceiling(
    detector: Detector, suite: Suite, make_incidents: MakeIncidents, peer: str
) -> None:
    """Large means take another branch of the photostatistics; the largest saturate the ADC."""
    drawn = draw(make_incidents([40, 3]), suite)
    bright = replace(drawn, showers=Showers(drawn.showers.energy_mev * 40))
    ours = compose_ours(bright, suite, detector)
    assert ours.hit_adc.max() == 4095
    assert same_hits(hits_of(ours), compose_peers(bright, detector, suite.grid)[peer](8))


def test_one_count_too_many_is_noticed(
    detector: Detector, suite: Suite, make_incidents: MakeIncidents
) -> None:
    ours = hits_of(compose_ours(draw(make_incidents([20]), suite), suite, detector))
    adc = ours.adc.copy()
    adc[-1] += 1
    assert not same_hits(ours, ours._replace(adc=adc))
    assert not same_hits(ours, ours._replace(cell=ours.cell.astype(np.int64)))
