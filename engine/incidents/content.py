"""A hash of the content of incidents, whatever their division into parts, row groups and files."""

from __future__ import annotations

import hashlib

import numpy as np

from monsoon.engine.records import PER_EVENT, PER_PARTICLE, Incidents

LITTLE_ENDIAN = {"i": "<i8", "u": "<u8", "f": "<f8"}


class ContentHash:
    """SHA-256 over the columns of incidents, which are added in consecutive parts."""

    def __init__(self) -> None:
        self._columns = {name: hashlib.sha256() for name in ("counts", *PER_EVENT, *PER_PARTICLE)}

    def update(self, incidents: Incidents) -> None:
        """Append the incidents' events."""
        for name in ("counts", *PER_EVENT, *incidents.per_particle):
            column = self._columns.setdefault(name, hashlib.sha256())
            values = np.diff(incidents.offsets) if name == "counts" else getattr(incidents, name)
            # float32 is hashed as it is stored: widening would double the work
            kind = "<f4" if values.dtype == np.float32 else LITTLE_ENDIAN[values.dtype.kind]
            column.update(np.ascontiguousarray(values, kind).tobytes())

    def hexdigest(self) -> str:
        """The hash of all events so far, in hexadecimal."""
        whole = hashlib.sha256()
        for name, column in self._columns.items():
            whole.update(f"{name} {column.hexdigest()}\n".encode())
        return whole.hexdigest()


def content_hash(incidents: Incidents) -> str:
    """SHA-256 of the incidents' columns, in hexadecimal."""
    content = ContentHash()
    content.update(incidents)
    return content.hexdigest()
