"""What campaigns there are below a URL, from campaign.json, manifest.json and the names of records alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from math import inf
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from monsoon.engine.errors import InputError
from monsoon.engine.ledger.commits import CAMPAIGN, EVENTS, Ledger
from monsoon.engine.ledger.manifest import MANIFEST, Manifest, read_manifest
from monsoon.engine.ledger.plan import EventRange, count_tasks
from monsoon.engine.ledger.status import DRIVERS, running
from monsoon.engine.storage import Store, open_store

State = Literal["finished", "running", "incomplete", "pool", "damaged"]


class CatalogEntry(BaseModel):
    """One campaign of a catalog.

    Attributes
    ----------
    url : str
        Its output.
    state : str
        finished, running, incomplete (nobody works on it), pool (no event yet, its collisions are being made)
        or damaged (not to be read; see `problem`).
    events, events_wanted : int
        Events that are committed, or in quarantine, and those asked for.
    quarantined : int or None
        Of these, those in quarantine; None where the manifest is not of all committed shards.
    shards : int
        Committed shards.
    bytes : int
        Size of the event files: by the manifest, or else of all files that lie in events/.
    changed : str or None
        Time of the last commit by the storage's clock, in ISO 8601.
    model, detector : str or None
        As the last run named them.
    identity : dict
        As in campaign.json: seed, mu, and hashes of what the events depend on.
    identity_hash : str or None
        The hash of it, which every record carries.
    layout : dict
        As in campaign.json.
    content : str or None
        Content hash of all events; None where the manifest is not of all committed shards.
    problem : str
        What cannot be read; empty if nothing is wrong.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    state: State
    events: int = 0
    events_wanted: int = 0
    quarantined: int | None = None
    shards: int = 0
    bytes: int = 0
    changed: str | None = None
    model: str | None = None
    detector: str | None = None
    identity: dict[str, Any] = {}
    identity_hash: str | None = None
    layout: dict[str, Any] = {}
    content: str | None = None
    problem: str = ""


def campaigns(store: Store, depth: int) -> Iterator[CatalogEntry]:
    """Find the campaigns in a folder and below it. No event file is opened; one is in memory at a time.

    Links, and folders whose names begin with `.` or `_`, are not entered; nor are campaigns.

    Parameters
    ----------
    store : Store
        Where to look.
    depth : int
        How many levels of folders to descend.

    Yields
    ------
    CatalogEntry
        Folder by folder in the order of their names. What cannot be read is an entry with a `problem`.
    """
    try:
        if store.exists(CAMPAIGN):
            yield look(store)
            return
        if any(True for _ in store.list(DRIVERS)):
            yield CatalogEntry(url=store.url, state="pool")
            return
        inner = sorted(name for name in store.folders("") if not name.startswith((".", "_"))) if depth else []
    except (InputError, OSError) as error:
        yield _damaged(store.url, error)
        return
    for name in inner:
        url = f"{store.url.rstrip('/')}/{name}"
        try:
            below = open_store(url)
        except InputError as error:  # a name that no URL of a campaign can have
            yield _damaged(url, error)
            continue
        yield from campaigns(below, depth - 1)


def look(store: Store) -> CatalogEntry:
    """The entry of one campaign.

    Parameters
    ----------
    store : Store
        Its output.
    """
    try:
        return _look(Ledger(store))
    except (InputError, OSError) as error:
        return _damaged(store.url, error)


def _look(ledger: Ledger) -> CatalogEntry:
    store, stored, problem = ledger.store, ledger.campaign(), ""
    manifest: Manifest | None = None
    try:
        manifest = Manifest.model_validate(read_manifest(store))
    except FileNotFoundError:
        pass  # it is written at the end of a run
    except (OSError, ValueError):
        problem = f"{MANIFEST}: cannot be read as a manifest; `monsoon verify {store.url}` says more"
    shards, youngest_s = 0, inf

    def done() -> Iterator[EventRange]:
        nonlocal shards, youngest_s
        for shard, entry in ledger.listed():
            shards += 1
            youngest_s = min(youngest_s, entry.age_s)
            yield shard

    _, missing = count_tasks(stored.range, int(stored.layout["shard_events"]), done())
    named = (manifest.model_extra or {}) if manifest else {}
    whole = manifest if manifest and manifest.shards == shards and not problem else None
    return CatalogEntry(
        url=store.url,
        state="finished" if not missing else "running" if running(store) else "incomplete",
        events=stored.events - missing,
        events_wanted=stored.events,
        quarantined=whole.counts.get("quarantined", 0) if whole else None,
        shards=shards,
        bytes=sum(whole.bytes.values()) if whole else sum(entry.bytes for entry in store.list(EVENTS)),
        changed=_time_before(youngest_s) if shards else None,
        model=_text(named.get("model")),
        detector=_text(named.get("detector")),
        identity=stored.identity,
        identity_hash=stored.identity_hash,
        layout=stored.layout,
        content=whole.content if whole else None,
        problem=problem,
    )


def _damaged(url: str, error: InputError | OSError) -> CatalogEntry:
    reason = f"cannot be read ({error.strerror or error})" if isinstance(error, OSError) else str(error)
    return CatalogEntry(url=url, state="damaged", problem=reason.removeprefix(f"{url}: "))


def _time_before(seconds: float) -> str:
    now = datetime.now(UTC).timestamp()
    return datetime.fromtimestamp(max(0.0, now - seconds), UTC).isoformat(timespec="seconds")


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
