"""The ledger: which shards are on storage. A shard exists once its commit record exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from pydantic import ValidationError

from monsoon.engine.errors import InputError, first_problem
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.stored import ShardRecord, StoredCampaign, as_json, difference
from monsoon.engine.storage import Entry, Store

COMMITS = "_commits"
CAMPAIGN = "campaign.json"
EVENTS = "events"


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
        stored = self.expect(identity, layout)
        for folder in (COMMITS, EVENTS):  # only here: an output that disappears later is not created again
            self.store.prepare(folder)
        if events > stored.events:
            stored = stored.model_copy(update={"events": events})
            self.store.replace(CAMPAIGN, as_json(stored))
        return stored

    def expect(self, identity: Mapping[str, Any], layout: Mapping[str, Any]) -> StoredCampaign:
        """Read campaign.json, which must be of this campaign. Nothing is written.

        Parameters
        ----------
        identity, layout : mapping
            Those of the campaign, as in `StoredCampaign`.

        Raises
        ------
        InputError
            Where it is missing or damaged, or the output belongs to another campaign.
        """
        stored = self.campaign()
        for part, mine, theirs in (
            ("identity", identity, stored.identity),
            ("layout", layout, stored.layout),
        ):
            if different := difference(mine, theirs):
                same = "the release that began it" if different == "arithmetic" else "the same"
                raise InputError(
                    f"{self.store.url}: this campaign was started with {part} {different} = "
                    f"{theirs.get(different)!r}, not {mine.get(different)!r}; use {same} or another output"
                )
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
                f"{self.store.url}: no campaign here ({CAMPAIGN} cannot be read: {error.strerror or error}); "
                "give the output of one"
            ) from error
        except ValidationError as error:
            raise InputError(
                f"{self.store.url}/{CAMPAIGN}: damaged ({first_problem(error)}); restore it"
            ) from error

    def ranges(self) -> list[EventRange]:
        """The committed shards in event order. Only the records' names are read: a million take seconds."""
        return sorted(shard for shard, _ in self.listed())

    def listed(self) -> Iterator[tuple[EventRange, Entry]]:
        """The committed shards and the entries of their records, one at a time, in the storage's order."""
        for entry in self.store.list(COMMITS):
            if entry.name.endswith(".json") and (shard := EventRange.parse(entry.name.removesuffix(".json"))):
                yield shard, entry

    def shard_of(self, campaign: StoredCampaign, event: int) -> EventRange | None:
        """The committed shard that an event of this campaign is in; None where it is not made yet.

        Raises
        ------
        InputError
            Where the event is not of it.
        """
        asked = campaign.range
        if not asked.first <= event <= asked.last:
            raise InputError(
                f"{self.store.url}: event {event}: the campaign has events {asked.first} .. {asked.last}"
            )
        return next((shard for shard, _ in self.listed() if shard.first <= event <= shard.last), None)

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
