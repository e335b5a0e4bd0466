"""The ledger: which shards are on storage. A shard exists once its commit record exists."""

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


LARGEST = (1 << 63) - 1  # largest int64

Count = Annotated[int, Field(ge=0, le=LARGEST)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ShardFile(BaseModel):
    """A file of a shard's events.

    Attributes
    ----------
    format : str
        A key of `engine.ledger.shards.FORMATS`.
    url : str
        `[SITE/]events/FILE`; see engine.ledger.sites.
    bytes : int
        Its size.
    sha256 : str
        Its checksum, in hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[str, Field(max_length=100)]
    url: Annotated[str, Field(max_length=4096)]
    bytes: Count
    sha256: Annotated[str, Field(max_length=64)]


class ShardRecord(BaseModel):
    """The commit record of a shard.

    Attributes
    ----------
    first, last : int
        Its first and last event, both included.
    files : tuple of ShardFile
        One for each format; none if all of its events are in quarantine.
    content : str
        Content hash of its events (`engine.formats.schema.content_hash`), in hexadecimal.
    identity : str
        Hash of the campaign's identity.
    counts : dict
        Events, hits, particles by status, losses by reason, quarantined events.
    seconds : dict
        Time spent in each stage [s].
    merkle_root : str or None
        Merkle root over the hashes of its events; None in records of former releases.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Count
    last: Count
    files: tuple[ShardFile, ...]
    content: Annotated[str, Field(pattern=r"^[0-9a-f]{1,32}$")]
    identity: Annotated[str, Field(max_length=64)]
    counts: dict[str, Count]
    seconds: dict[str, Seconds]
    merkle_root: Sha256 | None = None

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
    """campaign.json: what the first run fixed, and how many events the last one asked for.

    Attributes
    ----------
    identity : dict
        Everything that the events depend on.
    layout : dict
        How the campaign is divided into shards and files; see `Layout`.
    events : int
        Number of events asked for.
    sites : tuple of str
        The sites of a merged output; see engine.ledger.sites.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    identity: dict[str, Any]
    layout: dict[str, Any]
    events: Annotated[int, Field(gt=0, le=LARGEST)]
    sites: tuple[Annotated[str, Field(max_length=4096)], ...] = ()

    @field_validator("layout")
    @classmethod
    def _layout_is_whole(cls, layout: dict[str, Any]) -> dict[str, Any]:
        """Refuse a layout without the keys that readers rely on."""
        try:
            Layout.model_validate(layout, strict=True)
        except ValidationError as error:
            raise ValueError(first_problem(error)) from error
        return layout

    @property
    def range(self) -> EventRange:
        """All events asked for."""
        first: int = self.layout["first_event"]
        return EventRange(first, first + self.events - 1)

    @property
    def identity_hash(self) -> str:
        """The hash of the identity, which every record of this campaign carries."""
        return identity_hash(self.identity)


class Layout(BaseModel):
    """How a campaign is divided into shards and files.

    Attributes
    ----------
    first_event : int
        Number of the first event.
    shard_events : int
        Events in a shard.
    formats : list of str
        Keys of `engine.ledger.shards.FORMATS`.
    contributions : bool
        Whether the energy that each particle contributed to a hit is stored.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    first_event: Count
    shard_events: Annotated[int, Field(gt=0, le=LARGEST)]
    formats: list[str]
    contributions: bool


class Commit(NamedTuple):
    """The result of a commit.

    Attributes
    ----------
    record : ShardRecord
        The record that is now in the ledger.
    by_another : bool
        Whether another driver had committed it before.
    """

    record: ShardRecord
    by_another: bool


class Ledger:
    """The commit records below one output.

    Parameters
    ----------
    store : Store
        The output.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def open(self, identity: Mapping[str, Any], layout: Mapping[str, Any], events: int) -> StoredCampaign:
        """Start a campaign in this output, or join it.

        Parameters
        ----------
        identity, layout : mapping
            Those of the campaign, as in `StoredCampaign`.
        events : int
            Number of events asked for. A larger number extends a campaign that exists.

        Returns
        -------
        StoredCampaign
            What campaign.json says now.

        Raises
        ------
        InputError
            Where the output belongs to another campaign or holds other files.
        """
        wanted = StoredCampaign(identity=dict(identity), layout=dict(layout), events=events)
        if not self.store.exists(CAMPAIGN):
            self.refuse_strangers()
            with suppress(FileExistsError):  # another driver was faster: compare with what it wrote
                self.store.create(CAMPAIGN, as_json(wanted))
        stored = self.campaign()
        for part in ("identity", "layout"):
            mine, theirs = getattr(wanted, part), getattr(stored, part)
            if different := difference(mine, theirs):
                raise InputError(
                    f"{self.store.url}: this campaign was started with {part} {different} = "
                    f"{theirs.get(different)!r}, not {mine.get(different)!r}; use the same or another output"
                )
        for folder in (COMMITS, EVENTS):  # only here: an output that disappears later is not created again
            self.store.prepare(folder)
        if events > stored.events:
            stored = stored.model_copy(update={"events": events})
            self.store.replace(CAMPAIGN, as_json(stored))
        return stored

    def refuse_strangers(self) -> None:
        """Raise InputError if the output holds files but no campaign."""
        if self.store.exists(CAMPAIGN):
            return
        strangers = [e.name for e in self.store.list("") if not e.name.startswith(("_", "."))]
        strangers += [f"{EVENTS}/{entry.name}" for entry in self.store.list(EVENTS)]
        if strangers:
            raise InputError(
                f"{self.store.url}: holds {strangers[0]} but no campaign; choose an empty output"
            )

    def campaign(self) -> StoredCampaign:
        """Read campaign.json. Raises InputError if it is missing or damaged."""
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
        """The committed shards in event order. Only the records' names are read: a million take seconds."""
        names = (entry.name for entry in self.store.list(COMMITS))
        found = (EventRange.parse(name.removesuffix(".json")) for name in names if name.endswith(".json"))
        return sorted(part for part in found if part is not None)

    def records(self) -> Iterator[ShardRecord]:
        """Read all commit records in event order, one at a time. Raises InputError for a damaged one."""
        return (self.record(shard) for shard in self.ranges())

    def record(self, shard: EventRange) -> ShardRecord:
        """Read the commit record of a shard.

        Parameters
        ----------
        shard : EventRange
            The shard.

        Raises
        ------
        InputError
            Where the record is damaged or missing.
        OSError
            Where the storage fails.
        """
        name = record_name(shard)
        try:
            return ShardRecord.model_validate_json(self.store.read(name))
        except (FileNotFoundError, ValidationError) as error:
            raise InputError(
                f"{self.store.url}/{name}: damaged commit record; run the campaign with repair=true"
            ) from error

    def commit(self, record: ShardRecord) -> Commit:
        """Commit a shard by creating its record exclusively.

        Parameters
        ----------
        record : ShardRecord
            The record of a shard whose files are published.

        Returns
        -------
        Commit
            If the shard was committed already, the record that exists is kept and returned.

        Raises
        ------
        RuntimeError
            Where the existing record has as many events but other content: the events are not reproducible.
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
            # an equal record is this very commit, whose first answer was lost
            return Commit(standing, by_another=standing != record)
        return Commit(record, by_another=False)

    def forget(self, shard: EventRange) -> None:
        """Remove a shard from the ledger: it counts as missing from now on. Its files stay."""
        self.store.remove(record_name(shard))


def record_name(shard: EventRange) -> str:
    """The name of a shard's record below the output."""
    return f"{COMMITS}/{shard.stem}.json"


def identity_hash(identity: Mapping[str, Any]) -> str:
    """The hash of an identity. It does not depend on the order of the keys."""
    return sha256_of_json(identity)


def difference(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> str | None:
    """Compare two identities or layouts.

    Parameters
    ----------
    mine, theirs : mapping
        What to compare.

    Returns
    -------
    str or None
        The first key, in alphabetical order, whose values differ; None if all are equal.

    Examples
    --------
    >>> difference({"seed": 1, "mu": 5.2}, {"seed": 2, "mu": 5.2})
    'seed'
    """
    return next((k for k in sorted(mine.keys() | theirs.keys()) if mine.get(k) != theirs.get(k)), None)


def as_json(model: BaseModel) -> bytes:
    """A model as it is stored: sorted and indented JSON, without fields that have their default value."""
    content = model.model_dump(mode="json", exclude_defaults=True)
    return (json.dumps(content, indent=1, sort_keys=True) + "\n").encode()
