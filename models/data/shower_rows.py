"""Shower files as training input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from monsoon.models.data.batches import Batch, mirrored_batch
from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import ShowerSet, extent, read_rows
from monsoon.models.data.streaming import Extent
from monsoon.models.errors import InputError
from monsoon.models.geometry.geometry import Geometry


@dataclass(frozen=True)
class ShowerRows:
    """How shower files are read; see `Kind`.

    Attributes
    ----------
    geometry : Geometry or None
        The showers' voxels, if a random symmetry of theirs is to be applied to each training row; None: rows
        stay as they are in the files.
    pdg : int or None
        The species, where a file has none.
    """

    geometry: Geometry | None = None
    pdg: int | None = None

    def extent(self, path: Path) -> Extent:
        """How large a file is. Raises InputError where it has no showers of this geometry."""
        found = extent(path)
        if found.voxels is None:
            raise InputError(f"{path}: no dataset showers; give files with showers to train on")
        if self.geometry is not None and found.voxels != self.geometry.voxels:
            raise InputError(
                f"{path}: showers has {found.voxels} voxels, {self.geometry.label} have "
                f"{self.geometry.voxels}; give showers of this geometry"
            )
        return Extent(found.rows, found.together, found.weighted)

    def together(self, extents: Sequence[tuple[Path, Extent]]) -> None:
        """Raise InputError where files have different voxels."""
        first, *others = [(path, extent(path).voxels) for path, _ in extents]
        for path, voxels in others:
            if voxels != first[1]:
                raise InputError(
                    f"{path}: showers has {voxels} voxels, {first[0]} has {first[1]}; "
                    "give files of one geometry"
                )

    def read(self, path: Path, start: int, stop: int) -> ShowerSet:
        """Rows of one file; see `read_rows`."""
        return read_rows(path, start, stop, self.pdg)

    def joined(self, parts: Sequence[ShowerSet]) -> ShowerSet:
        """The rows of all parts, end to end."""
        return joined(parts)

    def batch(self, rows: ShowerSet, seeds: Tensor) -> Batch[ShowerSet]:
        """Rows under random symmetries, if there is a geometry."""
        return Batch.of(rows, seeds) if self.geometry is None else mirrored_batch(rows, seeds, self.geometry)
