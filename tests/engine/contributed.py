"""What contributions say of hits, for tests: the sums that events themselves keep in another way."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from monsoon.engine.records import Array, Events, Incidents


class Contributed(NamedTuple):
    """The hit of each contribution; of each hit its deposits, MeV, and these times their times, MeV ns."""

    hit: Array
    deposit: Array
    moment: Array


def contributed(events: Events, incidents: Incidents) -> Contributed:
    """Sum the contributions to each hit, at the times of the incidents' particles."""
    assert events.contribution_offsets is not None
    assert events.contribution_hit is not None
    assert events.contribution_particle is not None
    assert events.contribution_energy_mev is not None
    event = np.repeat(np.arange(len(events)), np.diff(events.contribution_offsets))
    hit = events.contribution_hit + events.hit_offsets[event]
    time_ns = incidents.time_ns[events.contribution_particle + incidents.offsets[event]].astype(np.float64)
    energy_mev = events.contribution_energy_mev.astype(np.float64)
    count = len(events.hit_adc)
    return Contributed(
        hit, np.bincount(hit, energy_mev, count), np.bincount(hit, energy_mev * time_ns, count)
    )
