"""The ledger: which shards are on storage. A shard exists when its commit record does, and not before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from monsoon.engine.errors import InputError, first_problem
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import Store, open_store
from monsoon.models.files import sha256_of_json

COMMITS = "_commits"
CAMPAIGN = "campaign.json"
EVENTS = "events"


class ShardFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    url: str  # relative to the campaign's output, so that an output may move; of a merged one maybe absolute
    bytes: int
    sha256: str


class ShardRecord(BaseModel):
    """The event range that is now on storage; without files where all of it is in quarantine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    last: int
    files: tuple[ShardFile, ...]
    content: str  # engine.formats.schema.content_hash of the events
    identity: str  # hash of the campaign's identity
    counts: dict[str, int]  # events, hits, particles by status, losses by reason, quarantined
    seconds: dict[str, float]  # spent in each stage

    @property
    def range(self) -> EventRange:
        return EventRange(self.first, self.last)


class StoredCampaign(BaseModel):
    """campaign.json: what the first run fixed, and how many events the last one asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: dict[str, Any]
    layout: dict[str, Any]
    events: int

    @property
    def range(self) -> EventRange:
        first: int = self.layout["first_event"]
        return EventRange(first, first + self.events - 1)

    @property
    def identity_hash(self) -> str:
        """What every record of this campaign carries."""
        return identity_hash(self.identity)


class Commit(NamedTuple):
    """What became of a commit: the record that stands, and whether another driver had made it before."""

    record: ShardRecord
    by_another: bool


class Ledger:
    """The commit records below one output."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def open(self, identity: Mapping[str, Any], layout: Mapping[str, Any], events: int) -> StoredCampaign:
        """Start the campaign here, or join it. Raises InputError where another one owns the output."""
        wanted = StoredCampaign(identity=dict(identity), layout=dict(layout), events=events)
        if not self.store.exists(CAMPAIGN):
            self.refuse_strangers()
            with suppress(FileExistsError):  # another driver came first: compare with what it wrote
                self.store.create(CAMPAIGN, as_json(wanted))
        stored = self.campaign()
        for part in ("identity", "layout"):
            mine, theirs = getattr(wanted, part), getattr(stored, part)
            if different := difference(mine, theirs):
                raise InputError(
                    f"{self.store.url}: this campaign was started with {part} {different} = "
                    f"{theirs.get(different)!r}, not {mine.get(different)!r}; use the same, or another output"
                )
        for folder in (COMMITS, EVENTS):  # here alone: an output that vanishes is not made anew
            self.store.prepare(folder)
        if events > stored.events:
            stored = stored.model_copy(update={"events": events})
            self.store.replace(CAMPAIGN, as_json(stored))
        return stored

    def refuse_strangers(self) -> None:
        """Raise InputError where the output holds something, and no campaign."""
        if self.store.exists(CAMPAIGN):
            return
        strangers = [e.name for e in self.store.list("") if not e.name.startswith(("_", "."))]
        strangers += [f"{EVENTS}/{entry.name}" for entry in self.store.list(EVENTS)]
        if strangers:
            raise InputError(
                f"{self.store.url}: holds {strangers[0]} and no campaign; choose an empty output"
            )

    def campaign(self) -> StoredCampaign:
        """Raises InputError where there is none."""
        try:
            return StoredCampaign.model_validate_json(self.store.read(CAMPAIGN))
        except OSError as error:
            raise InputError(f"{self.store.url}: no campaign here ({CAMPAIGN} cannot be read)") from error
        except ValidationError as error:
            raise InputError(
                f"{self.store.url}/{CAMPAIGN}: damaged ({first_problem(error)}); restore it"
            ) from error

    def ranges(self) -> list[EventRange]:
        """What is committed, in event order: by the records' names alone, so that a million take seconds."""
        names = (entry.name for entry in self.store.list(COMMITS))
        found = (EventRange.parse(name.removesuffix(".json")) for name in names if name.endswith(".json"))
        return sorted(part for part in found if part is not None)

    def records(self) -> Iterator[ShardRecord]:
        """All commit records, in event order, one at a time. Raises InputError for a damaged one."""
        return (self.record(shard) for shard in self.ranges())

    def record(self, shard: EventRange) -> ShardRecord:
        """The record of a shard. Raises InputError where it is damaged or gone, OSError if storage fails."""
        name = record_name(shard)
        try:
            return ShardRecord.model_validate_json(self.store.read(name))
        except (FileNotFoundError, ValidationError) as error:
            raise InputError(
                f"{self.store.url}/{name}: damaged commit record; run the campaign with repair=true"
            ) from error

    def commit(self, record: ShardRecord) -> Commit:
        """Create the record exclusively; where one is there already, that one stands and is returned.

        Raises RuntimeError where the standing record has other content of as many events: determinism
        is broken.
        """
        name = record_name(record.range)
        try:
            self.store.create(name, as_json(record))
        except FileExistsError:
            standing = self.record(record.range)
            alike = standing.counts.get("quarantined") == record.counts.get("quarantined")
            if alike and standing.content != record.content:
                raise RuntimeError(
                    f"{self.store.url}/{name}: committed with other content than was just made"
                ) from None
            # an equal one is this very commit, whose first answer was lost
            return Commit(standing, by_another=standing != record)
        return Commit(record, by_another=False)

    def forget(self, shard: EventRange) -> None:
        """Take a shard out of the ledger: it is missing from now on, whatever files it has."""
        self.store.remove(record_name(shard))


def record_name(shard: EventRange) -> str:
    """Where a shard's record is, below the output."""
    return f"{COMMITS}/{shard.stem}.json"


def locate(store: Store, url: str) -> tuple[Store, str]:
    """The store and the name in it of a file, from the URL that a record below `store` gives.

    Raises InputError for a protocol that is not known.
    """
    if "://" in url or url.startswith("/"):
        folder, _, name = url.rpartition("/")
        return _opened(folder), name
    base = store.url
    if "://" in base and url.startswith("../"):  # object stores know no `..`; a path's are left to the system
        while url.startswith("../"):
            base, url = base.rpartition("/")[0], url.removeprefix("../")
        return _opened(base), url
    return store, url


@lru_cache(maxsize=64)
def _opened(url: str) -> Store:
    """One client for the many files of a folder."""
    return open_store(url)


def identity_hash(identity: Mapping[str, Any]) -> str:
    """One hash for an identity, whatever the order of its keys."""
    return sha256_of_json(identity)


def difference(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """The first key, by name, in which two identities or layouts are not equal; None where they are."""
    return next((k for k in sorted(mine.keys() | theirs.keys()) if mine.get(k) != theirs.get(k)), None)


def as_json(model: BaseModel) -> bytes:
    """A model as it is stored: sorted, indented, one line at the end."""
    return (json.dumps(model.model_dump(mode="json"), indent=1, sort_keys=True) + "\n").encode()
