"""The mother of a particle as an analysis needs it: copies of the particle itself are skipped."""

from __future__ import annotations

import numpy as np

from monsoon.engine.records import Array

NOBODY = -1


def mother_pdg(pdg: Array, mother: Array, rows: Array) -> Array:
    """PDG code of each particle's nearest ancestor of another species.

    Generators list a particle again after it has radiated or recoiled, so that the mother of a photon from a
    Higgs boson is often a photon. If a particle has two mothers, the first is followed.

    Parameters
    ----------
    pdg : int array [M]
        Codes of all entries of the event record.
    mother : int array [M]
        Row of each entry's first mother, or NOBODY.
    rows : int array [N]
        Rows of the particles asked for.

    Returns
    -------
    int32 array [N]
        0 if there is no such ancestor.

    Examples
    --------
    A Higgs boson, its photon, and the same photon after a recoil:

    >>> mother_pdg(np.array([25, 22, 22]), np.array([NOBODY, 0, 1]), np.array([2])).tolist()
    [25]
    """
    copied = (mother != NOBODY) & (pdg[mother] == pdg)
    first = np.where(
        copied, mother, np.arange(len(pdg))
    )  # of an entry's copies, found in strides of 1, 2, 4 ...
    for _ in range(len(pdg).bit_length()):  # bounded: a foreign record may contain a loop
        first = first[first]
    above = mother[first[rows]]
    codes: Array = np.where(above == NOBODY, 0, pdg[above])
    return np.where(codes == pdg[rows], 0, codes).astype(np.int32)
