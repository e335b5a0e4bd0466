"""Shower files as training input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from monsoon.models.data.batches import Batch, mirrored_batch
from monsoon.models.data.extent import Extent
from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import ShowerSet, extent, read_rows
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

    def extents(self, files: Sequence[Path]) -> list[Extent]:
        """How large files are. Raises InputError where one has no showers, or those of another geometry."""
        found = [extent(path) for path in files]
        for path, one in zip(files, found, strict=True):
            if one.voxels is None:
                raise InputError(f"{path}: no dataset showers; give files with showers to train on")
            if self.geometry is not None and one.voxels != self.geometry.voxels:
                raise InputError(
                    f"{path}: showers has {one.voxels} voxels, {self.geometry.label} have "
                    f"{self.geometry.voxels}; give showers of this geometry"
                )
            if one.voxels != found[0].voxels:
                raise InputError(
                    f"{path}: showers has {one.voxels} voxels, {files[0]} has {found[0].voxels}; "
                    "give files of one geometry"
                )
        return found

    def read(self, path: Path, start: int, stop: int) -> ShowerSet:
        """Rows of one file; see `read_rows`."""
        return read_rows(path, start, stop, self.pdg)

    def joined(self, parts: Sequence[ShowerSet]) -> ShowerSet:
        """The rows of all parts, end to end."""
        return joined(parts)

    def batch(self, rows: ShowerSet, seeds: Tensor) -> Batch[ShowerSet]:
        """Rows under random symmetries, if there is a geometry."""
        return Batch.of(rows, seeds) if self.geometry is None else mirrored_batch(rows, seeds, self.geometry)
