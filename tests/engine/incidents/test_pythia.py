"""Real collisions, few of them."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.pythia import SEEDS, Collider, check_cards, stream
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.records import Particles

HARD = ("HardQCD:all = on", "PhaseSpace:pTHatMin = 20")


def same(a: Particles, b: Particles) -> bool:
    return all(np.array_equal(vars(a)[name], vars(b)[name]) for name in vars(a))


def test_a_chunk_does_not_depend_on_the_chunks_made_before(soft: Collider) -> None:
    forward = [soft.collide(5, chunk, 12) for chunk in range(3)]
    backward = [soft.collide(5, chunk, 12) for chunk in (2, 1, 0)][::-1]
    assert all(map(same, forward, backward))


def test_the_beginning_of_a_chunk_is_the_chunks_beginning(soft: Collider) -> None:
    whole, beginning = soft.collide(5, 1, 12), soft.collide(5, 1, 12, 4)
    assert beginning.event.tolist() == [12, 13, 14, 15]
    assert np.array_equal(beginning.momentum_mev, whole.momentum_mev[: whole.offsets[4]])


def test_seeds_and_chunks_differ(soft: Collider) -> None:
    chunks = [soft.collide(seed, chunk, 3) for seed, chunk in ((5, 0), (5, 1), (6, 0))]
    assert len({float(chunk.momentum_mev[0, 0]) for chunk in chunks}) == 3


def test_all_chunks_of_a_seed_have_streams_of_their_own() -> None:
    streams = [stream(3, chunk) for chunk in range(20_000)]
    assert len(set(streams)) == len(streams)
    assert min(streams) >= 1
    assert max(streams) <= SEEDS


def test_hard_processes_do_not_depend_on_the_chunks_made_before() -> None:
    collider = Collider(HARD)
    assert not collider.soft
    first, _, again = (collider.collide(5, chunk, 6) for chunk in (1, 0, 1))
    assert same(first, again)


def test_soft_collisions_are_whole_and_in_mev_and_mm(soft: Collider, detector: Detector) -> None:
    particles = soft.collide(7, 0, 40)
    assert len(particles.event) == 40
    assert (particles.weight == 1).all()
    total = np.add.reduceat(particles.momentum_mev[:, 2], particles.offsets[:-1])
    np.testing.assert_allclose(total, 0, atol=100)  # momentum is conserved
    energy = np.hypot(np.linalg.norm(particles.momentum_mev, axis=1), particles.mass_mev)
    np.testing.assert_allclose(np.add.reduceat(energy, particles.offsets[:-1]), 13.6e6, rtol=1e-4)
    interaction = particles.vertex_mm[particles.offsets[:-1]]
    assert 20 < interaction[:, 2].std() < 80  # the luminous region
    incidents = transport(particles, detector, Transport())
    assert np.array_equal(np.diff(incidents.offsets) + incidents.lost.sum(1), np.diff(particles.offsets))
    assert 15 < len(incidents.pdg) / 40 < 45
    assert 0.3 < np.mean(incidents.pdg == 22) < 0.5
    assert np.any(np.hypot(*particles.vertex_mm[:, :2].T) > 100)  # decays in flight


def test_biased_selection_keeps_its_weights() -> None:
    cards = (*HARD, "PhaseSpace:bias2Selection = on", "PhaseSpace:bias2SelectionPow = 4")
    weight = Collider(cards).collide(1, 0, 5).weight
    assert len(set(weight.tolist())) == 5
    assert (weight < 1).all()


def test_without_a_spread_vertices_lie_at_the_interaction_point() -> None:
    collider = Collider((*HARD, "Beams:allowVertexSpread = off"))
    particles = collider.collide(1, 0, 2)
    assert np.mean((particles.vertex_mm == 0).all(1)) > 0.05
    assert np.isfinite(particles.vertex_mm).all()


@pytest.mark.parametrize(
    "card",
    [
        "Nonsense:card = on",
        "Beams:eCM = high",
        "HardQCD:all = perhaps",
        "HardQCD:all",
        "Random:seed = 5",
        "Beams:frameType = 4",
    ],
)
def test_an_unusable_card_is_named(card: str) -> None:
    with pytest.raises(InputError, match=card.split(" ")[0]) as caught:
        check_cards(("HardQCD:gg2gg = on", card))
    assert "\n" not in str(caught.value)


def test_cards_that_pythia_cannot_start_with_are_refused() -> None:
    with pytest.raises(InputError, match="Pythia cannot be initialised"):
        Collider((*HARD, "Beams:eCM = 1"))
