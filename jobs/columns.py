"""Rows of texts in aligned columns, for terminals and logs."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, two spaces between columns.

    Examples
    --------
    >>> aligned([("job", "state"), ("generate-1", "RUNNING")])
    ['job         state', 'generate-1  RUNNING']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
