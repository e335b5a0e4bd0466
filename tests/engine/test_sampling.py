"""A shower follows from its seed and its event and particle, or its row; from nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from monsoon.engine.detector.placing import localise
from monsoon.engine.noise import Purpose, uniform
from monsoon.engine.records import Incidents
from monsoon.engine.sampling import noise_of_particles, noise_of_rows, sample_particles, sample_rows
from monsoon.models.store.suite import Suite

Make = Callable[..., Incidents]


def test_the_noise_of_a_particle_is_keyed_by_its_event_and_its_number_in_it(make_incidents: Make) -> None:
    incidents = make_incidents([2, 0, 3], first_event=70)
    events, numbers = np.array([70, 70, 72, 72, 72]), np.array([0, 1, 0, 1, 2])
    expected = uniform(9, events, numbers, Purpose.SHOWER, 5).numpy()
    assert np.array_equal(noise_of_particles(9, incidents, 5).numpy(), expected)


def test_the_noise_of_a_row_is_keyed_by_row_and_attempt() -> None:
    rows = np.array([4, 0, 7])
    first, second = (noise_of_rows(9, rows, 5, attempt) for attempt in (0, 1))
    assert np.array_equal(first.numpy(), uniform(9, rows, np.zeros(3), Purpose.SHOWER, 5))
    assert np.array_equal(second.numpy(), uniform(9, rows, np.ones(3), Purpose.SHOWER, 5))
    assert not (first == second).any()
    assert torch.equal(noise_of_rows(9, range(8), 5)[rows], first)


def test_showers_of_events_do_not_depend_on_the_batch(suite: Suite, make_incidents: Make) -> None:
    incidents = make_incidents([5, 0, 8], first_event=70)
    whole = sample_particles(suite.route(localise(incidents, suite.grid)), incidents, 3).energy_mev
    last = incidents[2:]
    alone = sample_particles(suite.route(localise(last, suite.grid)), last, 3).energy_mev
    assert torch.equal(whole[5:], alone)
    other = sample_particles(suite.route(localise(last, suite.grid)), last, 4).energy_mev
    assert not torch.equal(alone, other)


def test_showers_of_rows_do_not_depend_on_the_batch(suite: Suite, make_incidents: Make) -> None:
    conditions = localise(make_incidents([40]), suite.grid)
    whole = sample_rows(suite, conditions, 3).energy_mev
    rows = torch.tensor([30, 2, 11])
    assert torch.equal(sample_rows(suite, conditions[rows], 3, rows.numpy()).energy_mev, whole[rows])
    assert not torch.equal(sample_rows(suite, conditions, 3, attempt=1).energy_mev, whole)
