"""manifest.json: what a campaign holds, summed over its commit records, and where it comes from."""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from monsoon.engine.config import Campaign
from monsoon.engine.formats.schema import combine
from monsoon.engine.ledger.commits import Ledger, ShardRecord
from monsoon.engine.storage import Store

MANIFEST = "manifest.json"
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
    "pyhepmc",
)


def summarise(records: Iterable[ShardRecord]) -> dict[str, Any]:
    """Sums over shards: counts, bytes by format, seconds by stage, one content hash."""
    shards, content = 0, combine([])
    counts: Counter[str] = Counter()
    size: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    for record in records:
        shards += 1
        content = combine([content, record.content])
        counts.update(record.counts)
        seconds.update(record.seconds)
        for file in record.files:
            size[file.format] += file.bytes
    return {
        "shards": shards,
        "counts": dict(counts),
        "bytes": dict(size),
        "seconds": {stage: round(time, 3) for stage, time in seconds.items()},
        "content": content,
    }


def write_manifest(
    ledger: Ledger, campaign: Campaign, incidents: dict[str, Any], signal: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Write the manifest of what is committed now; `incidents` and `signal` as they describe themselves."""
    stored = ledger.campaign()
    manifest = {
        **summarise(ledger.records()),
        "events_wanted": stored.events,
        "model": campaign.model,
        "outside": campaign.outside,
        "detector": campaign.detector,
        "identity": stored.identity,
        "layout": stored.layout,
        "incidents": incidents,
        **({} if signal is None else {"signal": signal}),
        "software": software(),
    }
    ledger.store.replace(MANIFEST, (json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode())
    return manifest


def read_manifest(store: Store) -> dict[str, Any]:
    """The manifest of a campaign's output."""
    manifest: dict[str, Any] = json.loads(store.read(MANIFEST))
    return manifest


def software() -> dict[str, str]:
    """Versions of what made the events."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
