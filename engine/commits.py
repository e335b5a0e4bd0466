"""The ledger: which shards are on storage. A shard exists when its commit record does, and not before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from engine import storage
from engine.errors import InputError, first_problem
from engine.plan import EventRange

COMMITS = "_commits"
CAMPAIGN = "campaign.json"


class ShardFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str
    url: str  # relative to the campaign's output, so that an output may move
    bytes: int
    sha256: str


class ShardRecord(BaseModel):
    """The event range that is now on storage."""

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


class Ledger:
    """The commit records below one output."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def open(self, identity: Mapping[str, Any], layout: Mapping[str, Any], events: int) -> StoredCampaign:
        """Start the campaign here, or join it. Raises InputError where another one owns the output."""
        path = self.root / CAMPAIGN
        wanted = StoredCampaign(identity=dict(identity), layout=dict(layout), events=events)
        if not path.exists():
            self.refuse_strangers()
            (self.root / COMMITS).mkdir(exist_ok=True)
            try:
                storage.create(path, _json(wanted))
            except FileExistsError:
                pass  # another driver came first: compare with what it wrote
            else:
                return wanted
        stored = self.campaign()
        for part in ("identity", "layout"):
            mine, theirs = getattr(wanted, part), getattr(stored, part)
            for key in sorted(mine.keys() | theirs.keys()):
                if mine.get(key) != theirs.get(key):
                    raise InputError(
                        f"{self.root}: this campaign was started with {part} {key} = {theirs.get(key)!r}, "
                        f"not {mine.get(key)!r}; use the same, or another output"
                    )
        if events > stored.events:
            stored = stored.model_copy(update={"events": events})
            storage.replace(path, _json(stored))
        return stored

    def refuse_strangers(self) -> None:
        """Raise InputError where the output holds something, and no campaign."""
        strangers = [p.name for p in self.root.iterdir() if not p.name.startswith(("_", "."))]
        if strangers and CAMPAIGN not in strangers:
            raise InputError(f"{self.root}: holds {strangers[0]} and no campaign; choose an empty output")

    def campaign(self) -> StoredCampaign:
        """Raises InputError where there is none."""
        path = self.root / CAMPAIGN
        try:
            return StoredCampaign.model_validate_json(path.read_bytes())
        except OSError as error:
            raise InputError(f"{self.root}: no campaign here ({CAMPAIGN} cannot be read)") from error
        except ValidationError as error:
            raise InputError(f"{path}: damaged ({first_problem(error)}); restore it") from error

    def records(self) -> list[ShardRecord]:
        """All commit records, in event order. Raises InputError for one that cannot be read."""
        found = []
        for path in (self.root / COMMITS).glob("events-*.json"):
            try:
                found.append(ShardRecord.model_validate_json(path.read_bytes()))
            except (OSError, ValidationError) as error:
                raise InputError(
                    f"{path}: damaged commit record; remove it and run the campaign again"
                ) from error
        return sorted(found, key=lambda record: record.range)

    def commit(self, record: ShardRecord) -> ShardRecord:
        """Create the record exclusively; where it is there already, that one stands and is returned.

        Raises RuntimeError where the standing record has other content: determinism is broken.
        """
        path = self.root / COMMITS / f"{record.range.stem}.json"
        try:
            storage.create(path, _json(record))
        except FileExistsError:
            standing = ShardRecord.model_validate_json(path.read_bytes())
            if standing.content != record.content:
                raise RuntimeError(f"{path}: committed with other content than was just made") from None
            return standing
        return record


def _json(model: BaseModel) -> bytes:
    return (json.dumps(model.model_dump(mode="json"), indent=1, sort_keys=True) + "\n").encode()
