"""What the ledger stores, as it is stored: campaign.json and the commit records. No storage, no clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from monsoon.engine.errors import first_problem
from monsoon.engine.ledger.plan import EventRange
from monsoon.models.files import sha256_of_json

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
    worker : str or None
        HOST-PID of the process that made it; None in records of former releases.
    made : float or None
        When it was made (Unix time); None in records of former releases.
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
    worker: Annotated[str, Field(max_length=300)] | None = None
    made: Annotated[float, Field(ge=0, le=1e11)] | None = None

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
    hit_times : bool
        Whether hits have times; absent where they have none, as in former releases.
    hit_energy : bool
        Whether files have hit energies; absent where they have, as in former releases.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    first_event: Count
    shard_events: Annotated[int, Field(gt=0, le=LARGEST)]
    formats: list[str]
    contributions: bool
    hit_times: bool = False
    hit_energy: bool = True


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
