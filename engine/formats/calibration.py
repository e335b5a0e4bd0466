"""Hit energies that a file does not store: ADC counts times a constant of the cell, which it stores once.

Energies have as many different values as cells and counts together, and do not compress. A file without the
column `hit_energy_mev` has the constants among its metadata, and readers get the same energies, bit for bit.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping

import numpy as np

from monsoon.engine.records import Array

MEV_PER_COUNT = "mev_per_count"  # the key of the metadata: float32 of each cell, little-endian, zlib, base64
DERIVED = "hit_energy_mev"
LARGEST = 1 << 26  # bytes of all constants


def stored(mev_per_count: Array) -> dict[str, str]:
    """The metadata of files without hit energies, of constants float32 [C].

    Examples
    --------
    >>> constants(stored(np.array([2.5, 3.0], np.float32)))
    array([2.5, 3. ], dtype=float32)
    """
    packed = zlib.compress(mev_per_count.astype("<f4").tobytes(), 9)
    return {MEV_PER_COUNT: base64.b64encode(packed).decode(), "schema_version": "3"}


def derives(metadata: Mapping[str, str]) -> bool:
    """Whether a file of these metadata has no hit energies."""
    return MEV_PER_COUNT in metadata


def constants(metadata: Mapping[str, str]) -> Array:
    """Calibrated MeV of one count of each cell, float32 [C]. Raises ValueError where there are none."""
    try:
        packed = base64.b64decode(metadata[MEV_PER_COUNT], validate=True)
        unpacking = zlib.decompressobj()
        data = unpacking.decompress(packed, LARGEST)
        if not unpacking.eof or len(data) % 4:
            raise ValueError("it is cut, or too large")
    except (KeyError, ValueError, zlib.error) as error:
        raise ValueError(
            f"{DERIVED}: not stored, and the metadata have no {MEV_PER_COUNT} ({error})"
        ) from error
    return np.frombuffer(data, "<f4").astype(np.float32)


def energies(cell: Array, adc: Array, mev_per_count: Array) -> Array:
    """Energies of hits, float32 [H], as the electronics computed them.

    Raises ValueError where a cell has no constant.
    """
    if len(cell) and int(cell.max()) >= len(mev_per_count):
        raise ValueError(f"hit_cell: {int(cell.max())} is beyond the {len(mev_per_count)} calibrated cells")
    derived: Array = adc.astype(np.float32) * mev_per_count[cell]
    return derived
