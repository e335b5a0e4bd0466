"""Where one event comes from: its shard, who made it, from what, and what failed before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from monsoon.engine.detector.description import FARTHEST_CROSSING
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.overlay import LARGEST_MU, draw
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.manifest import Manifest, read_manifest
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import parse_faults, quarantine_limit, quarantine_name
from monsoon.engine.ledger.sites import Sites
from monsoon.engine.ledger.status import Trouble, read_statuses
from monsoon.engine.ledger.stored import ShardFile, ShardRecord, StoredCampaign
from monsoon.engine.storage import Store

LOGS = "_logs"
LONGEST_LINE = 1 << 20  # bytes of a line of a log
KEPT = ("shard", "failure", "reason", "node")  # of a line about a failed call


class Provenance(BaseModel):
    """Where one event comes from.

    Attributes
    ----------
    url : str
        The campaign's output.
    event : int
        The event.
    state : str
        committed, quarantined, or missing: not made yet.
    reason : str or None
        Why it is in quarantine.
    shard : str or None
        Its shard, by the name of the record in _commits/.
    files : list of ShardFile
        The published attempt: the shard's files, with URLs that can be opened.
    content, merkle_root : str or None
        Those of the shard.
    worker, made : str, float or None
        HOST-PID of the process that made the shard, and when (Unix time); None for former releases.
    failed : list of Trouble
        Attempts at events of this shard that failed, as far as logs and drivers still say.
    identity_hash : str
        The campaign's.
    identity : dict
        What the event depends on: seed, hashes of incidents, model and detector, numerics.
    model, outside, detector : str or None
        As the last run named them.
    incidents, signal : dict or None
        The file of incidents and of the signal, as the manifest says.
    collisions : list of int or None
        The rows of that file that are overlaid in this event; None where nothing is overlaid, or there is
        no manifest.
    out_of_time : dict of list of int, or None
        The same of other crossings, by their number from the triggered one on.
    software : dict
        Versions of the last run.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    event: int
    state: Literal["committed", "quarantined", "missing"]
    reason: str | None = None
    shard: str | None = None
    files: list[ShardFile] = []
    content: str | None = None
    merkle_root: str | None = None
    worker: str | None = None
    made: float | None = None
    failed: list[Trouble] = []
    identity_hash: str
    identity: dict[str, Any]
    model: str | None = None
    outside: str | None = None
    detector: str | None = None
    incidents: dict[str, Any] | None = None
    signal: dict[str, Any] | None = None
    collisions: list[int] | None = None
    out_of_time: dict[int, list[int]] | None = None
    software: dict[str, Any] = {}


def provenance(ledger: Ledger, event: int) -> Provenance:
    """Say where an event comes from. No event file is opened.

    Parameters
    ----------
    ledger : Ledger
        The campaign's records.
    event : int
        The event's number.

    Raises
    ------
    InputError
        Where there is no campaign, the event is not of it, or its record is damaged.
    OSError
        Where the storage fails.
    """
    stored, store = ledger.campaign(), ledger.store
    shard = ledger.shard_of(stored, event)
    found: dict[str, Any] = {
        "url": store.url,
        "event": event,
        "identity": stored.identity,
        "identity_hash": stored.identity_hash,
        **_of_manifest(store, stored, event),
    }
    if shard is None:
        return Provenance(state="missing", failed=list(_failed(store, EventRange(event, event))), **found)
    record = ledger.record(shard)
    reason = _quarantined(store, record, event)
    return Provenance(
        state="committed" if reason is None else "quarantined",
        reason=reason,
        shard=shard.stem,
        files=_located(store, stored, record),
        content=record.content,
        merkle_root=record.merkle_root,
        worker=record.worker,
        made=record.made,
        failed=list(_failed(store, shard)),
        **found,
    )


def _of_manifest(store: Store, stored: StoredCampaign, event: int) -> dict[str, Any]:
    """What only the manifest says; nothing before the end of the first run, and where it is damaged."""
    try:
        manifest = Manifest.model_validate(read_manifest(store))
    except (OSError, ValueError):
        return {}
    named = manifest.model_extra or {}
    found = {key: named[key] for key in ("model", "outside", "detector") if isinstance(named.get(key), str)}
    found |= {
        key: named[key] for key in ("incidents", "signal", "software") if isinstance(named.get(key), dict)
    }
    mu, seed = stored.identity.get("mu"), stored.identity.get("seed")
    rows = found.get("incidents", {}).get("events")
    if (
        isinstance(mu, int | float)
        and 0 < mu <= LARGEST_MU
        and isinstance(seed, int)
        and 0 <= seed < 1 << 64
        and isinstance(rows, int)
        and 0 < rows < 1 << 32
    ):
        crossings = _crossings(stored)
        drawn = {k: draw(rows, float(mu), seed, np.array([event]), k)[1].tolist() for k in (0, *crossings)}
        found["collisions"] = drawn.pop(0)
        found["out_of_time"] = drawn or None
    return found


def _crossings(stored: StoredCampaign) -> list[int]:
    """The other crossings that are overlaid; none where there are none, or what is stored is damaged."""
    named = stored.identity.get("out_of_time")
    if not isinstance(named, list):
        return []
    return [k for k in named if isinstance(k, int) and 1 <= abs(k) <= FARTHEST_CROSSING]


def _quarantined(store: Store, record: ShardRecord, event: int) -> str | None:
    """Why an event is in quarantine; None if it is not."""
    if not record.counts.get("quarantined", 0):
        return None
    name = quarantine_name(record.range)
    try:
        faults = parse_faults(store.read(name, quarantine_limit(record.range)))
    except (FileNotFoundError, ValueError) as error:
        raise InputError(
            f"{store.url}/{name}: cannot be read as a list of events; run the campaign with repair=true"
        ) from error
    return next((fault.reason for fault in faults if fault.event == event), None)


def _located(store: Store, stored: StoredCampaign, record: ShardRecord) -> list[ShardFile]:
    sites, files = Sites(store, stored), []
    for file in record.files:
        try:
            where, name = sites.locate(file.url)
        except InputError:  # `monsoon verify` says what is wrong with it
            files.append(file)
        else:
            files.append(file.model_copy(update={"url": f"{where.url}/{name}"}))
    return files


def _failed(store: Store, shard: EventRange) -> Iterator[Trouble]:
    """Failed calls for events of a shard: from the logs, or else from what drivers keep of the last ones."""
    seen: set[tuple[str, str, int]] = set()
    told = (trouble for driver in read_statuses(store) for trouble in driver.troubles)
    for trouble in chain(_logged(store), told):
        asked = EventRange.parse(trouble.shard)
        key = (trouble.shard, trouble.node, round(trouble.time))
        near = {(*key[:2], key[2] + shift) for shift in (-1, 0, 1)}  # both write the time of their own line
        if asked and asked.first <= shard.last and shard.first <= asked.last and not near & seen:
            seen.add(key)
            yield trouble


def _logged(store: Store) -> Iterator[Trouble]:
    """The failed calls in the logs, which outputs on a file system have."""
    for entry in store.list(LOGS):
        if not entry.name.endswith(".jsonl"):
            continue
        with store.open(f"{LOGS}/{entry.name}") as file:
            while line := file.readline(LONGEST_LINE):
                try:
                    note = json.loads(line)
                    if note["what"] == "failed":
                        then = datetime.fromisoformat(note["time"]).timestamp()
                        yield Trouble(time=then, **{key: note[key] for key in KEPT})
                except (ValueError, KeyError, TypeError, ValidationError):
                    continue  # cut where its driver was killed
