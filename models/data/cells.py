"""A table of a calorimeter's cells: where each one is, by the number that hits name it with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monsoon.models.data.parquet_claims import check_claims
from monsoon.models.data.parquet_footer import check_footer
from monsoon.models.errors import InputError
from monsoon.models.geometry.planar import Planar

Array = NDArray[Any]
NEEDED, OPTIONAL = ("cell", "x_mm", "y_mm", "size_mm"), ("z_mm", "layer")
LARGEST = 1 << 28  # bytes
MOST_CELLS = 1 << 24
CLOSE = 1e-3  # of a cell: how far a centre may lie off the lattice


@dataclass(frozen=True)
class Cells:
    """C cells, by increasing number.

    Attributes
    ----------
    number : ndarray
        uint64 [C], as hits have it (`cellID`).
    x_mm, y_mm, z_mm, size_mm : ndarray
        float64 [C], centre and side of the square.
    layer : ndarray
        int64 [C], from 0 at the front.
    """

    number: Array
    x_mm: Array
    y_mm: Array
    z_mm: Array
    size_mm: Array
    layer: Array

    def __len__(self) -> int:
        return len(self.number)

    def rows(self, number: Array) -> Array:
        """Row of each cell that is named, int64 [H]; -1 where there is none of that number."""
        at = np.searchsorted(self.number, number).clip(max=len(self) - 1)
        found: Array = np.where(self.number[at] == number, at, -1)
        return found

    @cached_property
    def layers(self) -> int:
        """How many layers there are."""
        return int(self.layer.max()) + 1

    @property
    def usual_size_mm(self) -> float:
        """Side of most cells."""
        sizes, counts = np.unique(np.round(self.size_mm, 6), return_counts=True)
        return float(sizes[counts.argmax()])

    def image(self) -> Planar:
        """30 x 30 pixels, each as large as most cells, the impact in [15, 15]."""
        return Planar(pixel_mm=self.usual_size_mm)

    def lattice_mm(self, pixel_mm: float) -> tuple[Array, Array]:
        """A centre of the lattice of the cells of one size, float64 [2], and which cells those are, bool [C].

        Raises ValueError where there are none, or they are not on one lattice.
        """
        of_size = np.isclose(self.size_mm, pixel_mm, rtol=1e-4)
        if not of_size.any():
            raise ValueError(f"size_mm: no cell is {pixel_mm:g} mm wide; most are {self.usual_size_mm:g}")
        centres = np.stack([self.x_mm[of_size], self.y_mm[of_size]], 1)
        steps = (centres - centres[0]) / pixel_mm
        if np.abs(steps - np.rint(steps)).max() > CLOSE:
            raise ValueError(f"x_mm, y_mm: cells of {pixel_mm:g} mm are not on one lattice of this pitch")
        return centres[0], of_size


def read_cells(path: str | Path) -> Cells:
    """Read a table of cells: Parquet or CSV with columns `cell`, `x_mm`, `y_mm`, `size_mm`.

    `z_mm` and `layer` (else 0) may be there, others are not read. An output's `cells.parquet` is one.

    Raises InputError where it cannot be used.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; give a table of cells (Parquet or CSV)")
    try:
        columns = _columns(path)
        numbers = columns["cell"].astype(np.uint64)
        order = np.argsort(numbers)
        if len(np.unique(numbers)) != len(numbers):
            raise ValueError("cell: some numbers are there twice")
        plain = {name: columns.get(name, np.zeros(len(numbers))) for name in (*NEEDED[1:], *OPTIONAL)}
        if not all(np.isfinite(values.astype(np.float64)).all() for values in plain.values()):
            raise ValueError("some values are not finite")
        if not (plain["size_mm"] > 0).all() or not (plain["layer"] >= 0).all():
            raise ValueError("size_mm has to be positive, layer not negative")
        layer = plain.pop("layer").astype(np.int64)[order]
        lengths = {name: values.astype(np.float64)[order] for name, values in plain.items()}
        return Cells(number=numbers[order], layer=layer, **lengths)
    except InputError:
        raise
    except Exception as error:  # whatever a library says of a damaged file
        raise InputError(f"{path}: cannot be used as a table of cells ({error}); write it again") from error


def _columns(path: Path) -> dict[str, Array]:
    if path.stat().st_size > LARGEST:
        raise ValueError("too large")
    if path.suffix == ".csv":
        table = csv.read_csv(path, read_options=csv.ReadOptions(use_threads=False))
        missing = set(NEEDED) - set(table.column_names)
    else:
        with path.open("rb") as raw, pq.ParquetFile(raw) as file:
            check_footer(raw, file.metadata)
            missing = set(NEEDED) - set(file.schema_arrow.names)
            names = [name for name in (*NEEDED, *OPTIONAL) if name in file.schema_arrow.names]
            groups = list(range(file.num_row_groups))
            if not missing:
                check_claims(path, raw, file.metadata, names, groups)
            table = pa.table({}) if missing else file.read(columns=names, use_threads=False)
    if missing:
        raise ValueError(f"no column {min(missing)}; there have to be {', '.join(NEEDED)}")
    if not 0 < table.num_rows <= MOST_CELLS:
        raise ValueError(f"{table.num_rows} cells are not 1 .. {MOST_CELLS}")
    found = {}
    for name in (*NEEDED, *OPTIONAL):
        if name in table.column_names:
            if table[name].null_count:
                raise ValueError(f"{name}: has empty values")
            found[name] = table[name].to_numpy()
    if found["cell"].dtype.kind not in "iu":
        raise ValueError(f"cell: {found['cell'].dtype} are no whole numbers")
    return found
