"""The detector's electronics as the integer tables that `digitise` works from."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import pdtr

from monsoon.engine.detector.description import Description
from monsoon.engine.kernels.digitise import COUNT_BITS, PHOTON_BITS, SIGMA_BITS, Tables
from monsoon.engine.kernels.place import UNITS_PER_MEV
from monsoon.engine.noise import Purpose, gaussian_table
from monsoon.engine.records import Array

# Below this mean the Poisson numbers come from the exact distribution; above it from its
# Cornish-Fisher expansion, whose skewness and tails are then right to better than 1 %.
EXACT_BELOW = 32


def electronics_tables(description: Description, mev_per_count: Array) -> Tables:
    """Everything `digitise` needs to know, for cells of mev_per_count calibrated MeV, float64 [C]."""
    electronics = description.electronics
    unit_mev = 1 / (UNITS_PER_MEV * description.visible_fraction)  # calibrated MeV of one energy unit
    photons_per_mev = electronics.photoelectrons_per_mev
    per_signal_mev = 1 / photons_per_mev if photons_per_mev else unit_mev
    gaussian, tails = gaussian_table()
    return Tables(
        gain=torch.from_numpy(np.rint(per_signal_mev / mev_per_count * 2**COUNT_BITS).astype(np.int64)),
        mev_per_count=torch.from_numpy(mev_per_count.astype(np.float32)),
        photons_per_unit=round(photons_per_mev * unit_mev * 2**PHOTON_BITS),
        poisson=torch.from_numpy(_poisson_table(photons_per_mev * unit_mev)),
        gaussian=torch.from_numpy(gaussian),
        tails=torch.from_numpy(tails),
        incoherent=round(electronics.noise_incoherent_counts * 2**SIGMA_BITS),
        coherent=round(electronics.noise_coherent_counts * 2**SIGMA_BITS),
        threshold=electronics.threshold_counts,
        ceiling=electronics.ceiling,
        purposes=(int(Purpose.ELECTRONICS), int(Purpose.COHERENT), int(Purpose.PHOTOSTATISTICS)),
    )


def _poisson_table(photons_per_unit: float) -> Array:
    """Cumulative distributions for 0, 1, 2 ... energy units, int64 [Q, K]; see Tables.poisson."""
    if photons_per_unit == 0:
        return np.full((1, 1), 1 << 32, np.int64)
    means = np.arange(max(1, int(EXACT_BELOW / photons_per_unit))) * photons_per_unit
    numbers = np.arange(8 * EXACT_BELOW)
    numbers = numbers[: 1 + int(np.argmax(pdtr(numbers, EXACT_BELOW) > 1 - 2.0**-33))]
    table: Array = np.floor(pdtr(numbers, means[:, None]) * 2.0**32).astype(np.int64)
    table[:, -1] = 1 << 32  # no word reaches beyond
    return table
