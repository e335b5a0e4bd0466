"""Bootstrap replicas of libraries: their showers drawn again with replacement, by a counted seed."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from torch import Tensor


def drawn_again(pdg: Tensor, number: int, fingerprint: str) -> Tensor:
    """Draw as many rows as there are, with replacement, among those of their species.

    The numbers of showers of each species are the design of a library, not a fluctuation of it: they stay.

    Parameters
    ----------
    pdg
        Species of N showers, int32 [N].
    number
        Of the replica; each is another draw.
    fingerprint
        Of the library, so that two libraries are drawn independently; hexadecimal.

    Returns
    -------
    Tensor
        int64 [N], rows of the library; row i is of the species of shower i.

    References
    ----------
    B. Efron, Ann. Statist. 7 (1979) 1.
    """
    rng = np.random.default_rng([number, int(fingerprint[:16], 16)])
    drawn = torch.empty(len(pdg), dtype=torch.int64)
    for species in torch.unique(pdg).tolist():
        rows = torch.nonzero(pdg == species)[:, 0]
        drawn[rows] = rows[torch.from_numpy(rng.integers(0, len(rows), len(rows)))]
    return drawn


def of_replica(fingerprint: str, number: int) -> str:
    """The fingerprint of a bootstrap replica, from that of its library, in hexadecimal."""
    return hashlib.sha256(f"{fingerprint} bootstrap {number}".encode()).hexdigest()
