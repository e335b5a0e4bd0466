"""What the tests of incidents share: hand-made particles, a little real Pythia."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.gun import Gun, shoot
from monsoon.engine.incidents.pdg import masses_mev
from monsoon.engine.incidents.pythia import Collider, collider
from monsoon.engine.incidents.transport import Transport, transport
from monsoon.engine.records import Incidents, Particles, offsets_of

Row = tuple[int, tuple[float, float, float], tuple[float, float, float]]


@pytest.fixture(scope="session")
def soft() -> Collider:
    """Initialised once for all tests: it takes seconds."""
    return collider(())


@pytest.fixture(scope="session")
def make_particles() -> Callable[..., Particles]:
    """Particles from rows of (pdg, momentum, vertex), a list of rows an event."""

    def make(*events: Sequence[Row]) -> Particles:
        rows = [row for event in events for row in event]
        pdg = np.array([row[0] for row in rows], np.int32)
        number = np.arange(len(events), dtype=np.int64)
        return Particles(
            event=number,
            offsets=offsets_of([len(event) for event in events]),
            weight=np.ones(len(events)),
            source_event=number + 100,
            pdg=pdg,
            mass_mev=masses_mev(pdg),
            momentum_mev=np.array([row[1] for row in rows], np.float64).reshape(-1, 3),
            vertex_mm=np.array([row[2] for row in rows], np.float64).reshape(-1, 3),
            time_ns=np.zeros(len(rows)),
        )

    return make


@pytest.fixture(scope="session")
def pool(detector: Detector) -> Incidents:
    """60 collisions of up to 12 particles; some have none."""
    gun = Gun(pdg=(22, 211, -211), energy_mev=(1000, 50_000), particles=12, theta_rad=(0.01, 0.5))
    particles = shoot(gun, detector, 0, 60)
    incidents = transport(particles, detector, Transport(threshold_mev=4000))
    keep = np.ones(60, bool)
    keep[::7] = False
    empty = np.repeat(keep, np.diff(incidents.offsets))
    return Incidents(
        **{
            **vars(incidents),
            "offsets": offsets_of(np.where(keep, np.diff(incidents.offsets), 0)),
            **{
                name: getattr(incidents, name)[empty]
                for name in ("pdg", "energy_mev", "position_mm", "direction", "time_ns", "collision")
            },
        }
    )
