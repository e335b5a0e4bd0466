"""The ledger: which shards are on storage. A shard exists when its commit record does, and not before."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from monsoon.engine.errors import InputError, first_problem
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import Store
from monsoon.models.files import sha256_of_json

COMMITS = "_commits"
CAMPAIGN = "campaign.json"
EVENTS = "events"


LARGEST = (1 << 63) - 1  # of numbers that are stored: int64's

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ShardFile(BaseModel):
    """A file of a shard's events."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[str, Field(max_length=100)]
    url: Annotated[str, Field(max_length=4096)]  # [SITE/]events/FILE, see engine.ledger.sites
    bytes: Count
    sha256: Annotated[str, Field(max_length=64)]


class ShardRecord(BaseModel):
    """The event range that is now on storage; without files where all of it is in quarantine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Count
    last: Count
    files: tuple[ShardFile, ...]
    content: Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$")]  # engine.formats.schema.content_hash
    identity: Annotated[str, Field(max_length=64)]  # hash of the campaign's identity
    counts: dict[str, Count]  # events, hits, particles by status, losses by reason, quarantined
    seconds: dict[str, Seconds]  # spent in each stage
    merkle_root: Sha256 | None = None  # over the events' hashes; a former release's records have none

    @model_validator(mode="after")
    def _ordered(self) -> ShardRecord:
        if self.first > self.last:
            raise ValueError(f"last: {self.last} is before the first event, {self.first}")
        return self

    @property
    def range(self) -> EventRange:
        """The shard's events."""
        return EventRange(self.first, self.last)


class StoredCampaign(BaseModel):
    """campaign.json: what the first run fixed, and how many events the last one asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: dict[str, Any]
    layout: dict[str, Any]
    events: Annotated[int, Field(gt=0, le=LARGEST)]
    sites: tuple[Annotated[str, Field(max_length=4096)], ...] = ()  # of a merged output: see ledger.sites

    @field_validator("layout")
    @classmethod
    def _layout_is_whole(cls, layout: dict[str, Any]) -> dict[str, Any]:
        """Refuse a layout that no run has written: all who read it rely on these keys."""
        try:
            Layout.model_validate(layout, strict=True)
        except ValidationError as error:
            raise ValueError(first_problem(error)) from error
        return layout

    @property
    def range(self) -> EventRange:
        """All events that were asked for."""
        first: int = self.layout["first_event"]
        return EventRange(first, first + self.events - 1)

    @property
    def identity_hash(self) -> str:
        """What every record of this campaign carries."""
        return identity_hash(self.identity)


class Layout(BaseModel):
    """How a campaign is cut into shards and files."""

    model_config = ConfigDict(frozen=True, extra="allow")

    first_event: Count
    shard_events: Annotated[int, Field(gt=0, le=LARGEST)]
    formats: list[str]
    contributions: bool


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
            raise InputError(
                f"{self.store.url}: no campaign here ({CAMPAIGN} cannot be read: {error.strerror or error})"
            ) from error
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
            roots = {standing.merkle_root, record.merkle_root} - {None}
            if alike and (standing.content != record.content or len(roots) > 1):
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


def identity_hash(identity: Mapping[str, Any]) -> str:
    """One hash for an identity, whatever the order of its keys."""
    return sha256_of_json(identity)


def difference(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """The first key, by name, in which two identities or layouts are not equal; None where they are."""
    return next((k for k in sorted(mine.keys() | theirs.keys()) if mine.get(k) != theirs.get(k)), None)


def as_json(model: BaseModel) -> bytes:
    """A model as it is stored: sorted, indented, one line at the end; without what has its default."""
    content = model.model_dump(mode="json", exclude_defaults=True)
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()
