"""Noise, then showers: the two ways in which the random numbers of a shower are keyed.

In a campaign a shower is keyed by its event and by its particle's number in the event. Showers of a list of
conditions, as `monsoon sample` makes them, are keyed by their rows. A shower does not depend on its batch.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.noise import Purpose, uniform
from monsoon.engine.records import Array, Incidents
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.suite import Routing, Suite


def noise_of_particles(
    seed: int, incidents: Incidents, dimensions: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Uniform numbers of a campaign's showers, keyed by (seed, event, particle).

    Parameters
    ----------
    seed
        Of the campaign, 0 .. 2^64 - 1.
    incidents
        Whole events with N particles.
    dimensions
        Numbers for each particle, D.
    device
        Of the generators.

    Returns
    -------
    Tensor
        float32 [N, D], strictly inside (0, 1).
    """
    of_particle = incidents.event_of_particle
    number = np.arange(len(of_particle)) - incidents.offsets[of_particle]  # of the particle in its event
    event = incidents.event[of_particle]
    return uniform(seed, event, number, Purpose.SHOWER, dimensions, device)


def noise_of_rows(
    seed: int,
    rows: Array | range,
    dimensions: int,
    attempt: int = 0,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Uniform numbers of showers that are made of a list of conditions, keyed by (seed, row, attempt).

    Parameters
    ----------
    seed
        0 .. 2^64 - 1.
    rows
        Numbers of N rows, int64 [N].
    dimensions
        Numbers for each row, D.
    attempt
        Another attempt gives other showers of the same condition.
    device
        Of the generators.

    Returns
    -------
    Tensor
        float32 [N, D], strictly inside (0, 1).
    """
    row = np.asarray(rows, np.int64)
    return uniform(seed, row, np.full_like(row, attempt), Purpose.SHOWER, dimensions, device)


def sample_particles(
    routing: Routing, incidents: Incidents, seed: int, device: torch.device | str = "cpu"
) -> Showers:
    """Sample the showers of whole events, each keyed by (seed, event, particle).

    Parameters
    ----------
    routing
        Of the incidents' N conditions; see `Suite.route`.
    incidents
        Their events.
    seed
        Of the campaign.
    device
        Where the numbers are drawn and the images are.

    Raises
    ------
    InputError
        If the suite refuses a condition.
    """
    return routing.sample(noise_of_particles(seed, incidents, routing.noise_dimensions, device))


def sample_rows(
    suite: Suite, conditions: Conditions, seed: int, rows: Array | range | None = None, attempt: int = 0
) -> Showers:
    """Sample one shower for each condition, keyed by (seed, row, attempt) as in `monsoon sample`.

    Parameters
    ----------
    suite
        The generators that are asked.
    conditions
        Of N particles.
    seed
        0 .. 2^64 - 1.
    rows
        The row of each condition in its list, int64 [N]; 0 .. N - 1 where it is not given.
    attempt
        Another attempt gives other showers of the same conditions.

    Raises
    ------
    InputError
        If the suite refuses a condition.
    """
    rows = range(len(conditions)) if rows is None else rows
    return suite.sample(conditions, noise_of_rows(seed, rows, suite.noise_dimensions, attempt))
