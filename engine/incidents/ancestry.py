"""Whose child a particle is, as an analysis asks for it: copies of the particle itself do not count."""

from __future__ import annotations

import numpy as np

from monsoon.engine.records import Array

NOBODY = -1


def mother_pdg(pdg: Array, mother: Array, rows: Array) -> Array:
    """PDG code of each particle's nearest ancestor of another species.

    Generators list a particle again after it has radiated or recoiled: the photon of a Higgs boson often has
    a photon for its mother. Where a particle has two mothers the first is followed.

    Parameters
    ----------
    pdg
        Codes of all entries of the record, [M].
    mother
        Row of each entry's first mother, [M], or NOBODY.
    rows
        The particles that are asked for, [N].

    Returns
    -------
    Array
        int32 [N]; 0 where there is no such ancestor.
    """
    copied = (mother != NOBODY) & (pdg[mother] == pdg)
    first = np.where(
        copied, mother, np.arange(len(pdg))
    )  # of an entry's copies, found in strides of 1, 2, 4 ...
    for _ in range(len(pdg).bit_length()):  # a record from elsewhere may hold a circle, or a very long line
        first = first[first]
    above = mother[first[rows]]
    codes: Array = np.where(above == NOBODY, 0, pdg[above])
    return np.where(codes == pdg[rows], 0, codes).astype(np.int32)
