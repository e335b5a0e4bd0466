"""digitise: from summed visible energy to zero-suppressed ADC hits, in integers alone.

Photostatistics, noise and gain are tables and shifts, so that every implementation agrees to the bit.
Fixed point: counts in 2^-32, photo-electrons in 2^-20, standard deviations in 2^-16.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

COUNT_BITS = 32
PHOTON_BITS = 20
SIGMA_BITS = 16
SIXTH = 10923  # 1/6 in 2^-16


class Tables(NamedTuple):
    """The electronics of C cells, as integers.

    Attributes
    ----------
    gain : Tensor
        int64 [C], counts (2^-32) per photo-electron; per energy unit where `photons_per_unit` is 0.
    mev_per_count : Tensor
        float32 [C], calibration.
    photons_per_unit : int
        Mean photo-electrons (2^-20) per energy unit; 0: no photostatistics.
    poisson : Tensor
        int64 [Q, K], for q < Q energy units: floor(2^32 P(n <= k)), increasing to 2^32.
    gaussian : Tensor
        int32 [4096], see `engine.noise.gaussian_table`.
    tails : Tensor
        int32 [2, 4096].
    incoherent : int
        Noise of each cell, counts (2^-16).
    coherent : int
        Noise common to an event's cells, counts (2^-16).
    threshold : int
        Least ADC count that is kept.
    ceiling : int
        Greatest ADC count.
    purposes : tuple of int
        Philox streams: electronics, coherent, photostatistics.
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

    def to(self, device: torch.device | str) -> Tables:
        """The same on a device."""
        copies: dict[str, Any] = {
            name: value.to(device) for name, value in self._asdict().items() if isinstance(value, Tensor)
        }
        return self._replace(**copies)

    @property
    def loudest(self) -> int:
        """The greatest ADC count that noise alone can give a cell: the Gaussian table is bounded.

        Where it is below the threshold cells without a deposit never become hits, and need not be looked at.
        """
        sigmas = max(int(self.gaussian.abs().max()), int(self.tails.abs().max()))  # in 2^-16
        noise = (self.incoherent + self.coherent) * sigmas
        return (noise + (1 << (COUNT_BITS - 1))) >> COUNT_BITS
