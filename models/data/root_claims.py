"""What a ROOT file claims, held against its size before a library takes memory for it."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

Table = Any  # an RNTuple or a TTree: uproot has no types


class Within(io.FileIO):
    """A file of which no more is asked for than there is: Python takes memory for all that it is asked for.

    A few bytes can claim that an object of the file is gigabytes long. For `uproot.open`.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._size = os.fstat(self.fileno()).st_size

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, or up to the end."""
        left = max(0, self._size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left)) or b""


def claims(table: Table) -> tuple[int, int]:
    """Bytes that all pages or baskets unpack to, and bytes that they take in the file, as it says."""
    if hasattr(table, "page_link_list"):
        bits = [record.nbits for record in table.column_records]
        columns = [
            (page, width)
            for cluster in table.page_link_list
            for pages, width in zip(cluster, bits, strict=False)  # of a column that is left out: no pages
            for page in pages.pages
        ]
        elements = [abs(page.num_elements) * width // 8 for page, width in columns]  # negative: a checksum
        return sum(elements), sum(page.locator.num_bytes for page, _ in columns)
    baskets = [(branch, number) for branch in table.branches for number in range(branch.num_baskets)]
    return (
        sum(abs(branch.basket_uncompressed_bytes(number)) for branch, number in baskets),
        sum(abs(branch.basket_compressed_bytes(number)) for branch, number in baskets),
    )
