"""The Geant4 showers of a study: all of its files in one order at random, dealt out without an overlap."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from monsoon.engine.errors import InputError
from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.data.shower_geometry import shared_geometry
from monsoon.models.files import sha256_of
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.store.shipped import SAMPLES

DEFAULT = ("egamma.h5", "egamma-heldout.h5")


class ShowerPool:
    """Showers that are dealt out once each.

    Parameters
    ----------
    names
        Shower files, or names of shipped samples.
    seed
        Of their order.

    Raises
    ------
    InputError
        Where a file cannot be used, or is there twice.
    """

    def __init__(self, names: Sequence[str], seed: int) -> None:
        paths = [_found(name) for name in names]
        self.sums = {path.name: sha256_of(path) for path in paths}
        if len(set(self.sums.values())) < len(paths):
            raise InputError(f"showers: {', '.join(names)}: a file is there twice; name each once")
        self.grid: Geometry = shared_geometry([str(path) for path in paths], None)
        showers = joined([read_showers(path) for path in paths])
        order = torch.from_numpy(np.random.default_rng([seed, 7]).permutation(len(showers)))
        self._showers, self._dealt = showers[order], 0

    @property
    def left(self) -> int:
        """Showers that were not dealt out yet."""
        return len(self._showers) - self._dealt

    def deal(self, count: int, use: str) -> ShowerSet:
        """The next showers. Raises InputError where there are not so many left."""
        if count > self.left:
            raise InputError(
                f"showers: {len(self._showers):,} are too few: {count:,} more are needed for {use}, and "
                f"{self.left:,} are left; give more files, or ask for less"
            )
        first, self._dealt = self._dealt, self._dealt + count
        return self._showers[first : self._dealt]


def _found(name: str) -> Path:
    for path in (Path(name), SAMPLES / name):
        if path.is_file():
            return path
    raise InputError(f"showers: {name}: no such file; give shower files (HDF5), or names of shipped samples")
