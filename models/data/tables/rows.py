"""Table files as training input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from monsoon.models.data.batches import Batch
from monsoon.models.data.extent import Extent
from monsoon.models.data.tables.files import TableSet, read_table, table_rows
from monsoon.models.data.tables.schema import Schema

TOGETHER = 8192  # rows


@dataclass(frozen=True)
class TableRows:
    """How table files are read; see `Kind`.

    Attributes
    ----------
    schema : Schema
        Which columns are read.
    """

    schema: Schema

    def extents(self, files: Sequence[Path]) -> list[Extent]:
        """How large files are. Raises InputError where one cannot be read or a column is missing."""
        found = []
        for path in files:
            rows = table_rows(path)
            read_table(path, self.schema, 0, min(1, rows))
            found.append(Extent(rows, None, TOGETHER, self.schema.weight is not None))
        return found

    def read(self, path: Path, start: int, stop: int) -> TableSet:
        """Rows of one file; see `read_table`."""
        return read_table(path, self.schema, start, stop)

    def joined(self, parts: Sequence[TableSet]) -> TableSet:
        """The rows of all parts, end to end."""
        return TableSet.joined(parts)

    def batch(self, rows: TableSet, seeds: Tensor) -> Batch[TableSet]:
        """Rows as they are."""
        return Batch.of(rows, seeds)
