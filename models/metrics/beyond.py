"""Showers outside the training domain: how far each policy's lie from Geant4's, condition by condition."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.store.suite import Suite

QUANTITIES = ("response", "containment_5x5", "width_x_mm", "width_y_mm", "pixels_above_0.5_mev")
EDGES_GEV = (100.0, 200.0, 400.0, 800.0)
TIMES = 4  # showers generated for each of Geant4's


def beyond(suite: Suite, reference: ShowerSet, seed: int = 1) -> list[dict[str, Any]]:
    """Compare a suite's showers with those of a reference of the same conditions.

    Parameters
    ----------
    suite
        With the policy that is to be measured.
    reference
        Geant4's showers, outside the training domain.
    seed
        Of the noise.

    Returns
    -------
    list of dict
        For each bin of kinetic energy: `energy_gev`, `showers`, and for each of QUANTITIES the difference of
        the means over the mean of Geant4, with its standard error.
    """
    conditions, grid = reference.conditions, suite.grid
    rows = torch.arange(len(conditions)).repeat(TIMES)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(len(rows), suite.noise_dimensions, generator=generator)
    made = grid.observables(conditions[rows], suite.sample(conditions[rows], noise))
    real = grid.observables(conditions, reference.showers)
    found = []
    for low, high in pairwise(EDGES_GEV):
        inside = (conditions.energy_mev >= 1000 * low) & (conditions.energy_mev < 1000 * high)
        entry: dict[str, Any] = {"energy_gev": [low, high], "showers": int(inside.sum())}
        for name in QUANTITIES:
            mean = real[name][inside].mean()
            away = (made[name].reshape(TIMES, -1).mean(0) - real[name])[inside]
            entry[name] = [float(away.mean() / mean), float(away.std() / mean / len(away) ** 0.5)]
        found.append(entry)
    return found
