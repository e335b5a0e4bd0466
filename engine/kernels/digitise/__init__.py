"""digitise: from summed visible energy to zero-suppressed ADC hits, in integers alone.

Photostatistics, noise and gain are tables and shifts, so that every implementation agrees to the bit.
Fixed point: counts in 2^-32, photo-electrons in 2^-20, standard deviations in 2^-16.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

COUNT_BITS = 32
PHOTON_BITS = 20
SIGMA_BITS = 16
SIXTH = 10923  # 1/6 in 2^-16


class Tables(NamedTuple):
    """What the electronics are, as integers. C cells.

    gain           int64 [C]        counts (2^-32) per photo-electron; per energy unit (1/256 MeV) where
                                    `photons_per_unit` is 0
    mev_per_count  float32 [C]      calibration
    photons_per_unit  int           mean photo-electrons (2^-20) per energy unit; 0: no photostatistics
    poisson        int64 [Q, K]     for q < Q energy units: floor(2^32 P(n <= k)), increasing to 2^32
    gaussian       int32 [4096]     engine.noise.gaussian_table
    tails          int32 [2, 4096]
    incoherent     int              noise per cell, counts (2^-16)
    coherent       int              noise common to an event's cells, counts (2^-16)
    threshold      int              least ADC count that is kept
    ceiling        int              greatest ADC count
    purposes       (int, int, int)  Philox streams: electronics, coherent, photostatistics
    """

    gain: Tensor
    mev_per_count: Tensor
    photons_per_unit: int
    poisson: Tensor
    gaussian: Tensor
    tails: Tensor
    incoherent: int
    coherent: int
    threshold: int
    ceiling: int
    purposes: tuple[int, int, int]
