"""The cell spectrum: how often pixels have which energy, over six decades."""

from __future__ import annotations

import numpy as np
import torch

from monsoon.models.metrics.measurement import Array
from monsoon.models.metrics.separation import separation_power
from monsoon.models.records import Showers

EDGES_MEV = np.geomspace(1e-2, 1e4, 61)


def cell_counts(showers: Showers) -> Array:
    """Number of pixels of each shower per bin of EDGES_MEV, float64 [N, B]; those outside do not count."""
    bins = len(EDGES_MEV) - 1
    edges = torch.from_numpy(EDGES_MEV).to(showers.energy_mev)
    bin_of_pixel = torch.bucketize(showers.energy_mev.contiguous(), edges, right=True)  # [N, V], 0 is below
    counts = torch.zeros(len(showers), bins + 2, dtype=torch.float64)
    counts.scatter_add_(1, bin_of_pixel, torch.ones((), dtype=torch.float64).expand(bin_of_pixel.shape))
    array: Array = counts[:, 1:-1].numpy()
    return array


def spectrum_separation(
    generated: Array, reference: Array, generated_weight: Array, reference_weight: Array
) -> float:
    """Separation power of two samples' cell spectra, from counts per shower [N, B] and weights [N]."""
    return separation_power(generated_weight @ generated, reference_weight @ reference)
