"""manifest.json: what a campaign holds, summed over its commit records, and where it comes from."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from math import isclose
from typing import Any

from pydantic import BaseModel, ConfigDict

from monsoon.engine.config import Campaign
from monsoon.engine.formats.merkle import MerkleTree
from monsoon.engine.formats.schema import NOTHING, combine
from monsoon.engine.ledger.commits import CAMPAIGN, Count, Ledger, Seconds, ShardRecord, StoredCampaign
from monsoon.engine.ledger.geometry import geometry_record
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import Store
from monsoon.models.said import said

MANIFEST = "manifest.json"
LONGEST_VALUE = 400  # characters that are said of one
LATER_COUNTS = ("saturated",)  # that records did not have from the first release on
PACKAGES = (
    "monsoon-hep",
    "ray",
    "torch",
    "numpy",
    "numba",
    "pyarrow",
    "uproot",
    "awkward",
    "pythia8mc",
)


class Manifest(BaseModel):
    """What readers rely on in manifest.json; there is more in it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    shards: Count
    counts: dict[str, Count]
    not_counted: dict[str, Count] | None = None  # None: a former release wrote the manifest
    bytes: dict[str, Count]
    seconds: dict[str, Seconds]
    content: str
    merkle_root: str | None = None  # None: a shard has none, or a former release wrote the manifest
    events_wanted: Count
    identity: dict[str, Any]
    layout: dict[str, Any]


class Summary:
    """The sums over the records added so far, of which it keeps none."""

    def __init__(self, records: Iterable[ShardRecord] = ()) -> None:
        self._shards, self._content = 0, NOTHING.total
        self._counts: Counter[str] = Counter()
        self._not_counted: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._seconds: Counter[str] = Counter()
        self._tree: MerkleTree | None = MerkleTree()
        for record in records:
            self.add(record)

    def add(self, record: ShardRecord) -> None:
        """Add a record; they come in event order."""
        self._shards += 1
        self._content = combine([self._content, record.content])
        self._counts.update(record.counts)
        self._not_counted.update(name for name in LATER_COUNTS if name not in record.counts)
        self._seconds.update(record.seconds)
        for file in record.files:
            self._bytes[file.format] += file.bytes
        if record.merkle_root is None:
            self._tree = None
        elif self._tree is not None:
            self._tree.append(shard_leaf(record.range, record.merkle_root))

    @property
    def merkle_root(self) -> str | None:
        """The Merkle root over the shards; None where a record, of a former release, has none."""
        return self._tree.root() if self._tree else None

    def content(self) -> dict[str, Any]:
        """The keys of the manifest that follow from the records."""
        return {
            "shards": self._shards,
            "counts": dict(self._counts),
            "not_counted": dict(self._not_counted),  # of how many shards a count is missing
            "bytes": dict(self._bytes),
            "seconds": {stage: round(time, 3) for stage, time in self._seconds.items()},
            "content": self._content,
            "merkle_root": self.merkle_root,
        }


def shard_leaf(shard: EventRange, root: str) -> bytes:
    """What a shard is in the tree over shards: first and last event as little-endian int64, and its root."""
    numbers = (number.to_bytes(8, "little") for number in shard)
    return b"".join(numbers) + bytes.fromhex(root)


def disagreements(manifest: Manifest, campaign: StoredCampaign, summary: Summary) -> Iterator[str]:
    """What a manifest says otherwise than campaign.json and the commit records do."""
    wanted = {
        **summary.content(),
        "events_wanted": campaign.events,
        "identity": campaign.identity,
        "layout": campaign.layout,
    }
    for key, value in wanted.items():
        found = getattr(manifest, key)
        if key == "not_counted" and found is None:
            continue
        alike = _close(found, value) if key == "seconds" else found == value
        if not alike:
            mine, theirs = (said(repr(content), LONGEST_VALUE) for content in (value, found))
            yield f"{key} is {theirs}, but the records and {CAMPAIGN} give {mine}"


def _close(one: dict[str, float], other: dict[str, float]) -> bool:
    """Whether two sums over stages are equal but for rounding."""
    return one.keys() == other.keys() and all(isclose(one[key], other[key], abs_tol=0.01) for key in one)


def write_manifest(
    ledger: Ledger, campaign: Campaign, incidents: dict[str, Any], signal: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write the manifest of what is committed now; `incidents` and `signal` as they describe themselves."""
    stored = ledger.campaign()
    manifest = {
        **Summary(ledger.records()).content(),
        "events_wanted": stored.events,
        "model": campaign.model,
        "outside": campaign.outside,
        "detector": campaign.detector,
        "geometry": geometry_record(ledger.store),
        "identity": stored.identity,
        "layout": stored.layout,
        "incidents": incidents,
        **({} if signal is None else {"signal": signal}),
        "software": software(),
    }
    ledger.store.replace(MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode())
    return manifest


def read_manifest(store: Store) -> dict[str, Any]:
    """Read the manifest of a campaign's output.

    Raises
    ------
    OSError
        Where it cannot be read.
    ValueError
        Where it is not a manifest.
    """
    return Manifest.model_validate_json(store.read(MANIFEST)).model_dump()


def software() -> dict[str, str]:
    """Versions of what made the events."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
