"""Files looked at before a long job begins on them: units, and rows that two sets of files share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from monsoon.models.data.plausibility import examine_energies
from monsoon.models.data.shower_files import extent, read_conditions, read_rows
from monsoon.models.records import Conditions

Hashes = NDArray[np.uint64]

BLOCK = 4096  # rows that are in memory at a time
PROBES, PROBE_ROWS = 16, 128  # parts of a file whose showers are looked at


def examine_file(path: str | Path, pdg: int | None = None) -> None:
    """Look at all conditions of a file, and at some showers from all over it.

    Parameters
    ----------
    path : str or Path
        A shower file, or one with conditions alone.
    pdg : int, optional
        The species, where the file has none.

    Raises
    ------
    InputError
        Where its units cannot be MeV and radians.

    Warns
    -----
    SuspiciousInput
        Where its units are probably others.
    """
    found = extent(path)
    conditions = read_conditions(path, pdg=pdg)
    if found.voxels is None:
        examine_energies(path, conditions.pdg.numpy(), conditions.energy_mev.numpy(), None)
        return
    starts = range(0, found.rows, max(PROBE_ROWS, -(-found.rows // PROBES)))
    spans = [(start, min(start + PROBE_ROWS, found.rows)) for start in starts]
    total = torch.cat([read_rows(path, *span, pdg=pdg).showers.total_mev() for span in spans])
    rows = torch.cat([torch.arange(*span) for span in spans])
    c = conditions[rows]
    examine_energies(path, c.pdg.numpy(), c.energy_mev.numpy(), total.numpy(), rows.numpy())


def shared_rows(
    train: Sequence[str | Path], validation: Sequence[str | Path], pdg: int | None = None
) -> dict[tuple[str, str], int]:
    """Rows of validation files that are rows of training files: equal species, energy and shower.

    Species and energies are compared first, by 64-bit hashes that stay in memory; showers are read only
    where they agree. Angles and places are not compared: they change in a last bit when a file is written
    again. Empty showers are left out: those of one discrete energy are all equal.

    Parameters
    ----------
    train, validation : sequence of str or Path
        Shower files.
    pdg : int, optional
        The species, where a file has none.

    Returns
    -------
    dict
        Number of shared rows for each pair (validation file, training file) that has any.
    """
    wanted = [_hashes_of_energies(path, pdg) for path in validation]
    known = [_hashes_of_energies(path, pdg) for path in train]
    both = np.intersect1d(np.concatenate(wanted), np.concatenate(known))
    if not len(both):
        return {}
    trained: dict[int, str] = {}
    for path, hashes in zip(train, known, strict=True):
        for row in _rows_among(path, hashes, both, pdg):
            trained.setdefault(row, str(path))
    shared: Counter[tuple[str, str]] = Counter()
    for path, hashes in zip(validation, wanted, strict=True):
        shared.update(
            (str(path), trained[row]) for row in _rows_among(path, hashes, both, pdg) if row in trained
        )
    return dict(shared)


def _hashes_of_energies(path: str | Path, pdg: int | None) -> Hashes:
    """One hash a row, uint64 [N]."""
    rows = extent(path).rows
    spans = ((start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK))
    return np.concatenate([_hash(_bits(read_conditions(path, *span, pdg=pdg))) for span in spans])


def _rows_among(path: str | Path, hashes: Hashes, both: Hashes, pdg: int | None) -> Iterator[int]:
    """Hashes of species, energy and shower, of the rows whose first two are in `both`, if not empty."""
    candidates = np.isin(hashes, both)
    for start in range(0, len(hashes), BLOCK):
        inside = candidates[start : start + BLOCK]
        if not inside.any():
            continue
        rows = read_rows(path, start, start + len(inside), pdg)
        showers = rows.showers.energy_mev.numpy()
        chosen = inside & showers.any(1)
        bits = np.concatenate([_bits(rows.conditions), showers.view(np.uint32)], 1)
        yield from _hash(bits[chosen]).tolist()


def _bits(c: Conditions) -> NDArray[np.uint32]:
    """Species and energies of N rows as they are in memory, uint32 [N, 2]."""
    return np.stack([column.contiguous().numpy().view(np.uint32) for column in (c.pdg, c.energy_mev)], 1)


def _hash(bits: NDArray[np.uint32]) -> Hashes:
    """Multilinear hash of each row modulo 2^64, uint64 [N] (doi:10.1093/comjnl/bxt070)."""
    weights = np.random.default_rng(0).integers(1, 1 << 64, bits.shape[1], np.uint64) | np.uint64(1)
    hashes: Hashes = (bits * weights).sum(1, dtype=np.uint64)
    return hashes
