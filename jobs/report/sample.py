"""What a report reads of a campaign: the manifest and the first events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from monsoon.engine.crossings import of_triggered_crossing
from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.pdg import charges
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.manifest import MANIFEST, read_manifest
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.ledger.sites import Sites
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.records import Array, Events, concatenate
from monsoon.engine.storage import Store
from monsoon.models.records import Status
from monsoon.models.species import NEIGHBOUR

READ_EVENTS = 2000

# in the order of the plots; the first that applies is the particle's kind
KINDS = ("photons", "electrons", "muons", "charged hadrons", "neutral hadrons")


@dataclass(frozen=True)
class CampaignSample:
    """A campaign's manifest with the first of its events."""

    manifest: dict[str, Any]
    events: Events


def read_sample(store: Store, events: int = READ_EVENTS) -> CampaignSample:
    """Read a campaign's manifest and the first of its events, with particles of the triggered crossing.

    Parameters
    ----------
    store
        The campaign's output.
    events
        How many events are read, at most.

    Raises
    ------
    InputError
        Without a manifest or events, or where a shard is damaged; names the file.
    """
    try:
        manifest = read_manifest(store)
    except (OSError, ValueError) as error:
        raise InputError(f"{store.url}: no readable {MANIFEST}; run `monsoon generate` to its end") from error
    parts: list[Events] = []
    missing = events
    for part in _parts(store):
        parts.append(of_triggered_crossing(_first(part, missing)))
        missing -= len(parts[-1])
        if not missing:
            break
    if missing == events:
        raise InputError(f"{store.url}: no events are committed; there is nothing to report")
    return CampaignSample(manifest, concatenate(parts))


def read_event(store: Store, event: int) -> Events:
    """Read one event of a campaign, which need not be finished.

    Parameters
    ----------
    store
        The campaign's output.
    event
        The event's number.

    Returns
    -------
    Events
        That one event.

    Raises
    ------
    InputError
        Where there is no campaign, the event is not of it, is not made yet or set aside, or its file is
        damaged; names the file.
    """
    ledger = Ledger(store)
    campaign = ledger.campaign()
    shard = ledger.shard_of(campaign, event)
    if shard is None:
        raise InputError(f"{store.url}: event {event} is not made yet; run the campaign to its end")
    for part in events_of(store, Sites(store, campaign), ledger.record(shard)):
        rows = np.flatnonzero(part.event == event)
        if len(rows):
            return _between(part, int(rows[0]), int(rows[0]) + 1)
    raise InputError(f"{store.url}: event {event} is in no file of its shard; see `monsoon provenance`")


def expect_cells(event: int, cell: Array, detector: Detector) -> None:
    """Raise InputError where one of an event's hits, in these cells [H], is in none of the detector."""
    if len(cell) and cell.max() >= detector.cells:
        raise InputError(f"event {event}: a hit in no cell of the detector; run `monsoon verify`")


def kind_of(pdg: Array) -> Array:
    """Index into `KINDS` of every particle, int64 [N], from PDG codes [N]."""
    size = np.abs(pdg)
    return np.select(
        [pdg == 22, size == 11, size == 13, charges(pdg) != 0], list(range(len(KINDS) - 1)), len(KINDS) - 1
    )


def particles_per_event(events: Events) -> Array:
    """Truth particles of each of `KINDS` in each event, int64 [E, 5]."""
    event = np.repeat(np.arange(len(events)), np.diff(events.particle_offsets))
    cell = event * len(KINDS) + kind_of(events.particle_pdg)
    return np.bincount(cell, minlength=len(events) * len(KINDS)).reshape(len(events), len(KINDS))


def typical_event(events: Events) -> int:
    """Row of an event with about the median number of hits; with photons and electrons if there is one."""
    hits = np.diff(events.hit_offsets)
    nearest = np.argsort(np.abs(hits - np.median(hits)), kind="stable")
    counts = particles_per_event(events)
    both = (counts[:, KINDS.index("photons")] > 0) & (counts[:, KINDS.index("electrons")] > 0)
    close = nearest[: max(1, len(nearest) // 20)]
    return int(next((row for row in close if both[row]), nearest[0]))


def remapped(events: Events) -> list[tuple[int, int, int]]:
    """Species, its stand-in (PDG codes both) and the number of particles; the most frequent first."""
    of_status = events.particle_status == Status.REMAPPED
    codes, counts = np.unique(events.particle_pdg[of_status], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return [(int(codes[i]), NEIGHBOUR.get(int(codes[i]), int(codes[i])), int(counts[i])) for i in order]


def _parts(store: Store) -> Iterator[Events]:
    ledger = Ledger(store)
    sites = Sites(store, ledger.campaign())
    for record in ledger.records():
        if record.files:  # otherwise all of it is in quarantine
            yield from events_of(store, sites, record)


def events_of(store: Store, sites: Sites, record: ShardRecord) -> Iterator[Events]:
    """The events of a shard, block by block. Raises InputError where no file of it can be read."""
    # any format holds the same events: the one that reads fastest
    files = {file.format: file.url for file in record.files}
    name = next((name for name in FORMATS if name in files), None)
    if name is None:
        raise InputError(f"{store.url}: shard {record.range.stem} is in no known format ({', '.join(files)})")
    home, file = sites.locate(files[name])
    try:
        with home.local(file) as path:
            yield from FORMATS[name].blocks(path)
    except Exception as error:  # a torn file makes its reader raise anything
        raise InputError(f"{home.url}/{file}: cannot be read as events; run `monsoon verify`") from error


def _first(events: Events, count: int) -> Events:
    """The first `count` events."""
    return events if count >= len(events) else _between(events, 0, count)


def _between(events: Events, first: int, last: int) -> Events:
    """Events in rows first .. last - 1."""
    columns: dict[str, Any] = {}
    for field in fields(events):
        values = getattr(events, field.name)
        group = field.name.split("_")[0]
        if values is None:
            columns[field.name] = None
        elif field.name.endswith("_offsets"):
            columns[field.name] = values[first : last + 1] - values[first]
        elif group in ("particle", "hit", "contribution", "replica"):
            offsets = getattr(events, f"{group}_offsets")
            columns[field.name] = values[offsets[first] : offsets[last]]
        else:
            columns[field.name] = values[first:last]
    return Events(**columns)
