"""Transport against cases computed by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.soundness import faults
from monsoon.engine.incidents.transport import C_MM_PER_NS, Transport, transport
from monsoon.engine.records import Loss, Particles

ORIGIN = (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("pdg", "polarity", "sign"), [(13, 1, -1), (13, -1, 1), (-13, 1, 1), (-13, -1, -1)])
def test_a_muon_of_10_gev_is_deflected_by_the_kick_over_its_momentum(
    detector: Detector, make_particles: Callable[..., Particles], pdg: int, polarity: int, sign: int
) -> None:
    particles = make_particles([(pdg, (0, 0, 10_000), ORIGIN)])
    incidents = transport(particles, detector, Transport.model_validate({"polarity": polarity}))
    # px = 1200, pz = sqrt(10000^2 - 1200^2) = 9927.7389; x = 7320 * 1200 / 9927.7389 = 884.7936
    np.testing.assert_allclose(incidents.position_mm, [[sign * 884.7936, 0, 12_520]], rtol=1e-6)
    np.testing.assert_allclose(incidents.direction, [[sign * 0.12, 0, 0.99277389]], rtol=1e-6)
    # T = sqrt(10000^2 + 105.6584^2) - 105.6584
    np.testing.assert_allclose(incidents.energy_mev, 9894.8998, rtol=1e-6)
    # 5200 + 7320 / 0.99277389 mm at beta = 10000 / 10000.55817
    np.testing.assert_allclose(incidents.time_ns, 12573.280 * 1.000055817 / 299.792458, rtol=1e-6)


def test_a_photon_flies_straight_from_its_vertex(
    detector: Detector, make_particles: Callable[..., Particles]
) -> None:
    particles = make_particles([(22, (1000, 500, 20_000), (10, -5, 100))])
    incidents = transport(particles, detector, Transport())
    np.testing.assert_allclose(incidents.position_mm, [[631, 305.5, 12_520]], rtol=1e-6)
    path = 12_420 * np.sqrt(1 + 0.05**2 + 0.025**2)
    np.testing.assert_allclose(incidents.time_ns, path / C_MM_PER_NS, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(incidents.direction, axis=1), 1, rtol=1e-6)


def test_the_kick_keeps_py_and_the_momentum(
    detector: Detector, make_particles: Callable[..., Particles]
) -> None:
    particles = make_particles([(211, (300, 800, 9000), ORIGIN)])
    direction = transport(particles, detector, Transport()).direction[0].astype(np.float64)
    total = np.sqrt(300**2 + 800**2 + 9000**2)
    np.testing.assert_allclose(direction[:2] * total, [1500, 800], rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(direction), 1, rtol=1e-6)


def test_the_kick_grows_with_the_charge(detector: Detector, make_particles: Callable[..., Particles]) -> None:
    particles = make_particles([(1000020040, (0, 0, 40_000), ORIGIN)])
    direction = transport(particles, detector, Transport()).direction[0]
    np.testing.assert_allclose(direction[0], 2 * 1200 / 40_000, rtol=1e-6)


@pytest.mark.parametrize("z_mm", [5200.0, 9000.0])
def test_a_vertex_behind_the_magnet_gets_no_kick(
    detector: Detector, make_particles: Callable[..., Particles], z_mm: float
) -> None:
    particles = make_particles([(211, (1000, 0, 10_000), (500, 0, z_mm))])
    incidents = transport(particles, detector, Transport())
    np.testing.assert_allclose(incidents.position_mm[0, 0], 500 + 0.1 * (12_520 - z_mm), rtol=1e-6)


def test_a_code_that_no_table_lists_flies_as_its_digits_say(
    detector: Detector, make_particles: Callable[..., Particles]
) -> None:
    particles = make_particles([(9_900_012, (500, 0, 10_000), ORIGIN)])
    particles = Particles(**{**vars(particles), "mass_mev": np.array([100.0])})
    np.testing.assert_allclose(transport(particles, detector, Transport()).position_mm[0, 0], 626, rtol=1e-6)


@pytest.mark.parametrize(
    ("reason", "row"),
    [
        (Loss.NEUTRINO, (12, (500.0, 0.0, 10_000.0), ORIGIN)),
        (Loss.NEUTRINO, (-16, (0.0, 0.0, -10_000.0), (0, 0, 20_000))),  # before all other reasons
        (Loss.BEHIND_FACE, (22, (500.0, 0.0, 10_000.0), (0, 0, 12_520))),
        (Loss.BEHIND_FACE, (22, (0.0, 0.0, -10_000.0), (0, 0, 13_000))),
        (Loss.OUTSIDE_ACCEPTANCE, (22, (0.0, 0.0, -10_000.0), ORIGIN)),
        (Loss.OUTSIDE_ACCEPTANCE, (22, (1000.0, 0.0, 0.0), ORIGIN)),
        (Loss.OUTSIDE_ACCEPTANCE, (22, (0.0, 0.0, 0.0), ORIGIN)),
        (Loss.OUTSIDE_ACCEPTANCE, (22, (10_000.0, 0.0, 10_000.0), ORIGIN)),
        (Loss.OUTSIDE_ACCEPTANCE, (22, (10_000.0, 0.0, 1e-305), ORIGIN)),
        (Loss.OUTSIDE_ACCEPTANCE, (22, (0.0, 0.0, 10_000.0), (0, 312 / 2 * 20.2 + 0.1, 0))),
        (Loss.OUTSIDE_ACCEPTANCE, (211, (0.0, 300.0, 1100.0), ORIGIN)),  # swept out by the magnet
        (Loss.OUTSIDE_ACCEPTANCE, (-211, (1.0, 0.0, 1200.0), ORIGIN)),
        (Loss.BEAM_HOLE, (22, (0.0, 0.0, 10_000.0), ORIGIN)),
        (Loss.BEAM_HOLE, (22, (0.0, 0.0, 10.0), (16 * 20.2 - 0.1, -12 * 20.2 + 0.1, 0))),
        (Loss.BELOW_THRESHOLD, (22, (50.0, 0.0, 900.0), ORIGIN)),
        (Loss.BELOW_THRESHOLD, (2112, (100.0, 0.0, 1500.0), ORIGIN)),  # |p| above it, kinetic energy not
    ],
)
def test_every_lost_particle_has_its_reason(
    detector: Detector,
    make_particles: Callable[..., Particles],
    reason: Loss,
    row: tuple[int, tuple[float, ...], tuple[float, ...]],
) -> None:
    incidents = transport(make_particles([row]), detector, Transport())
    assert {Loss(i): n for i, n in enumerate(incidents.lost[0]) if n} == {reason: 1}
    assert len(incidents.pdg) == 0
    assert incidents.event.tolist() == [0]


def test_rows_and_losses_add_up_to_the_particles_event_by_event(
    detector: Detector, make_particles: Callable[..., Particles]
) -> None:
    draw = np.random.default_rng(1)
    events = [
        [
            (int(pdg), tuple(draw.normal(0, [3000, 3000, 20_000])), tuple(draw.normal(0, [50, 50, 6000])))
            for pdg in draw.choice([22, 211, -321, 12, 2212, 130], size)
        ]
        for size in (0, 400, 1, 0, 250, 0)
    ]
    incidents = transport(make_particles(*events), detector, Transport(threshold_mev=2000))
    counts = np.diff(incidents.offsets) + incidents.lost.sum(1)
    assert counts.tolist() == [0, 400, 1, 0, 250, 0]
    assert incidents.lost.sum(0).all()  # each reason occurs
    assert incidents.source_event.tolist() == [100, 101, 102, 103, 104, 105]
    assert (incidents.energy_mev >= 2000).all()


def test_energy_at_the_threshold_is_kept(
    detector: Detector, make_particles: Callable[..., Particles]
) -> None:
    particles = make_particles([(22, (50.0, 0.0, np.sqrt(1000.0**2 - 50.0**2)), ORIGIN)])
    assert transport(particles, detector, Transport(threshold_mev=1000)).energy_mev.tolist() == [1000.0]


def test_no_particles_at_all_give_no_rows(
    detector: Detector, make_particles: Callable[..., Particles]
) -> None:
    incidents = transport(make_particles([], []), detector, Transport())
    assert len(incidents) == 2
    assert incidents.position_mm.shape == (0, 3)


@pytest.mark.parametrize("pz", [1e-160, 1e-200, 5e-324])
@pytest.mark.parametrize("pdg", [22, 211])
def test_what_has_no_energy_in_single_precision_is_below_any_threshold(
    detector: Detector, make_particles: Callable[..., Particles], pdg: int, pz: float
) -> None:
    particles = make_particles(
        [(pdg, (0, 0, pz), (500, 500, 12_000)), (22, (0, 0, 5000), (500, 500, 12_000))]
    )
    incidents = transport(particles, detector, Transport(threshold_mev=0))
    assert incidents.energy_mev.tolist() == [5000]
    assert incidents.lost[0].sum() == 1
    assert incidents.lost[0, Loss.BELOW_THRESHOLD] + incidents.lost[0, Loss.OUTSIDE_ACCEPTANCE] == 1


@pytest.mark.parametrize("pz", [1e39, 1e200, 1e308])
def test_what_single_precision_does_not_hold_is_found_and_not_lost(
    detector: Detector, make_particles: Callable[..., Particles], pz: float
) -> None:
    particles = make_particles(
        [(22, (0, 0, pz), (500, 500, 12_000))], [(22, (0, 0, 5000), (500, 500, 12_000))]
    )
    incidents = transport(particles, detector, Transport())
    assert len(incidents.pdg) == 2
    assert {int(event) for _, _, events in faults(incidents) for event in events} == {0}
