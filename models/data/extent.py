"""How large a file of rows is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Extent:
    """How large a file of rows is.

    Attributes
    ----------
    rows : int
        That it has.
    voxels : int or None
        Of every shower; None where the file has no showers.
    together : int
        Rows that are stored, and so best read, together.
    weighted : bool
        Whether it has weights.
    """

    rows: int
    voxels: int | None
    together: int
    weighted: bool
