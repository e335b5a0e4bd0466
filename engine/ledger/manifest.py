"""manifest.json: what a campaign holds, summed over its commit records, and its provenance."""

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
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.geometry import geometry_record
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.stored import Count, Seconds, ShardRecord, StoredCampaign
from monsoon.engine.storage import Store
from monsoon.models.said import said

MANIFEST = "manifest.json"
LONGEST_VALUE = 400  # characters of a value in a message
LATER_COUNTS = ("saturated",)  # counts that the records of the first releases do not have
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
    """The keys of manifest.json that readers rely on; it has others.

    Attributes
    ----------
    shards : int
        Number of committed shards.
    counts : dict
        Sums of the records' counts: events, hits, particles by status, losses by reason, quarantined events.
    not_counted : dict or None
        For each count that some records lack, how many; None in manifests of former releases.
    bytes : dict
        Bytes of the event files by format.
    seconds : dict
        Time spent in each stage, over all workers [s].
    content : str
        Content hash of all events, in hexadecimal.
    merkle_root : str or None
        Merkle root over the shards; None if a shard has none, or in manifests of former releases.
    events_wanted : int
        Number of events asked for.
    identity, layout : dict
        As in campaign.json.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    shards: Count
    counts: dict[str, Count]
    not_counted: dict[str, Count] | None = None
    bytes: dict[str, Count]
    seconds: dict[str, Seconds]
    content: str
    merkle_root: str | None = None
    events_wanted: Count
    identity: dict[str, Any]
    layout: dict[str, Any]


class Summary:
    """Sums over commit records. The records themselves are not kept.

    Parameters
    ----------
    records : iterable of ShardRecord
        Records to add at once, in event order.
    """

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
        """Add one record. Records must be added in event order."""
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
        """The Merkle root over the shards; None if a record of a former release has none."""
        return self._tree.root() if self._tree else None

    def content(self) -> dict[str, Any]:
        """The keys of the manifest that follow from the records."""
        return {
            "shards": self._shards,
            "counts": dict(self._counts),
            "not_counted": dict(self._not_counted),  # for each count, the shards without it
            "bytes": dict(self._bytes),
            "seconds": {stage: round(time, 3) for stage, time in self._seconds.items()},
            "content": self._content,
            "merkle_root": self.merkle_root,
        }


def shard_leaf(shard: EventRange, root: str) -> bytes:
    """A shard's leaf in the Merkle tree over shards.

    Parameters
    ----------
    shard : EventRange
        Its events.
    root : str
        Merkle root over its events, in hexadecimal.

    Returns
    -------
    bytes
        First and last event as little-endian int64, then the root.
    """
    numbers = (number.to_bytes(8, "little") for number in shard)
    return b"".join(numbers) + bytes.fromhex(root)


def disagreements(manifest: Manifest, campaign: StoredCampaign, summary: Summary) -> Iterator[str]:
    """Compare a manifest with campaign.json and the commit records.

    Parameters
    ----------
    manifest : Manifest
        The manifest.
    campaign : StoredCampaign
        What campaign.json says.
    summary : Summary
        The sums over the commit records.

    Yields
    ------
    str
        A line for each key that differs.
    """
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
    """Whether two sums over stages are equal up to rounding."""
    return one.keys() == other.keys() and all(isclose(one[key], other[key], abs_tol=0.01) for key in one)


def write_manifest(
    ledger: Ledger, campaign: Campaign, incidents: dict[str, Any], signal: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write the manifest of everything that is committed now.

    Parameters
    ----------
    ledger : Ledger
        The campaign's records.
    campaign : Campaign
        The configuration of the present run.
    incidents : dict
        The description of the incidents file, for the manifest.
    signal : dict, optional
        The description of the signal file, for campaigns that have one.

    Returns
    -------
    dict
        The manifest.
    """
    stored = ledger.campaign()
    replicas = {"replicas": campaign.replicas} if "replicas" in stored.identity else {}
    said = {"geometry": campaign.geometry, "species": campaign.species}
    manifest = {
        **Summary(ledger.records()).content(),
        "events_wanted": stored.events,
        "model": campaign.model,
        "outside": campaign.outside,
        "detector": campaign.detector,
        **{f"model_{key}": word for key, word in said.items() if word is not None},
        **replicas,
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
        Where its content is not a manifest.
    """
    return Manifest.model_validate_json(store.read(MANIFEST)).model_dump()


def software() -> dict[str, str]:
    """Versions of Python and of the packages that the events depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
