"""Which rows train a classifier and which rows it is asked about: rows of equal condition stay together.

A generated row has the condition of its reference row. Were the two on different sides, a classifier could
recognise the condition and answer with the other label.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monsoon.models.errors import InputError
from monsoon.models.records import Conditions


def groups_of(conditions: Conditions) -> NDArray[np.int64]:
    """A number for each distinct condition, int64 [N]; conditions are equal where they are bit for bit."""
    columns = [
        conditions.pdg.numpy()[:, None],
        conditions.energy_mev.numpy()[:, None],
        conditions.direction.numpy(),
        conditions.offset_mm.numpy(),
    ]
    rows = np.concatenate([np.ascontiguousarray(c).view(np.uint8) for c in columns], 1)  # [N, bytes]
    _, group = np.unique(rows, axis=0, return_inverse=True)
    return group.astype(np.int64).reshape(-1)


def folds(
    group: NDArray[np.int64], generated: NDArray[np.bool_], count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """A fold in 0 ... count - 1 for each row, int64 [N], equal for rows of equal group.

    Groups with generated rows alone, with reference rows alone and with both are dealt out separately, so
    that the folds hold nearly equal shares of both samples. Raises InputError where the groups are too few.
    """
    groups = int(group.max()) + 1
    has_generated = np.bincount(group[generated], minlength=groups) > 0
    has_reference = np.bincount(group[~generated], minlength=groups) > 0
    fold_of = np.empty(groups, np.int64)
    dealt = 0
    for kind in (
        has_generated & has_reference,
        has_generated & ~has_reference,
        ~has_generated,
    ):
        members = generator.permutation(np.flatnonzero(kind))
        fold_of[members] = (dealt + np.arange(len(members))) % count
        dealt += len(members)
    fold = fold_of[group]
    for k in range(count):
        if not ((fold == k) & generated).any() or not ((fold == k) & ~generated).any():
            raise InputError(
                f"{groups} distinct conditions are too few to be split into {count} folds; give more showers"
            )
    return fold
