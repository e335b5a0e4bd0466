"""Committed shards held against storage: their records, their files, their quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple

from pydantic import ValidationError

from monsoon.engine.errors import InputError, first_problem
from monsoon.engine.ledger.commits import Ledger, ShardFile, ShardRecord, StoredCampaign, record_name
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import parse_faults, quarantine_limit, quarantine_name
from monsoon.engine.ledger.shards import FORMATS, content_of
from monsoon.engine.ledger.sites import Sites, UnknownSite
from monsoon.engine.storage import Store
from monsoon.models.files import sha256_of

AT_ONCE = 16  # shards, of a store that is another machine


class Flaw(NamedTuple):
    """Something that is wrong with one file."""

    url: str  # as the record names it
    problem: str
    damaged: bool = True  # otherwise storage only failed to answer, and may yet

    def __str__(self) -> str:
        return f"{self.url}: {self.problem}"


class Checked(NamedTuple):
    """A shard, and what is wrong with it."""

    shard: EventRange
    record: ShardRecord | None  # none where it is no use
    flaws: list[Flaw]


def check_all(
    ledger: Ledger, campaign: StoredCampaign, shards: Iterable[EventRange], *, quick: bool = False
) -> Iterator[Checked]:
    """`check` each, in order; several at a time where each answer of the storage takes its time."""
    look = partial(check, ledger, campaign, Sites(ledger.store, campaign), quick=quick)
    if "://" not in ledger.store.url:
        yield from map(look, shards)
        return
    source = iter(shards)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        while block := list(islice(source, 8 * AT_ONCE)):
            yield from pool.map(look, block)


def check(
    ledger: Ledger, campaign: StoredCampaign, sites: Sites, shard: EventRange, *, quick: bool = False
) -> Checked:
    """Everything that is wrong with a shard; `quick` looks at the sizes of files alone."""
    record = read_record(ledger, campaign, shard)
    if isinstance(record, Flaw):
        return Checked(shard, None, [record])
    flaws = list(file_flaws(sites, record, quick=quick))
    quarantine = quarantine_flaw(ledger.store, record)
    return Checked(shard, record, [*flaws, quarantine] if quarantine else flaws)


def read_record(ledger: Ledger, campaign: StoredCampaign, shard: EventRange) -> ShardRecord | Flaw:
    """A shard's record, or what makes it useless."""
    name = record_name(shard)
    try:
        record = ShardRecord.model_validate_json(ledger.store.read(name))
    except FileNotFoundError:
        return Flaw(name, "the record is gone")
    except OSError as error:
        return _unanswered(name, error)
    except ValidationError as error:
        return Flaw(name, f"not a commit record ({first_problem(error)})")
    problem = record_problem(record, campaign, shard)
    return Flaw(name, problem) if problem else record


def record_problem(record: ShardRecord, campaign: StoredCampaign, shard: EventRange) -> str | None:
    """What keeps a record from being this campaign's for this shard."""
    events, quarantined = (record.counts.get(key, 0) for key in ("events", "quarantined"))
    formats, wanted = sorted(file.format for file in record.files), sorted(campaign.layout["formats"])
    if record.range != shard:
        return f"it is the record of {record.range.stem}"
    if record.identity != campaign.identity_hash:
        return "it is the record of another campaign"
    if events + quarantined != shard.events:
        return f"it counts {events} events and {quarantined} in quarantine, not {shard.events}"
    if events and formats != wanted:
        return f"it names files of {', '.join(formats) or 'no format'}, not of {', '.join(wanted)}"
    return None


def file_flaws(sites: Sites, record: ShardRecord, *, quick: bool) -> Iterator[Flaw]:
    """Files that are not what was committed."""
    for file in record.files:
        try:
            problem = _file_problem(sites, file, record, quick)
        except FileNotFoundError:
            problem = "the file is gone"
        except OSError as error:
            yield _unanswered(file.url, error)
            continue
        except InputError as error:  # a name that leads elsewhere: of an unknown site it may be right
            yield Flaw(record_name(record.range), str(error), damaged=not isinstance(error, UnknownSite))
            continue
        if problem:
            yield Flaw(file.url, problem)


def quarantine_flaw(store: Store, record: ShardRecord) -> Flaw | None:
    """What is wrong with the list of the shard's events in quarantine."""
    wanted = record.counts.get("quarantined", 0)
    if not wanted:
        return None
    name = quarantine_name(record.range)
    try:
        found = parse_faults(store.read(name, quarantine_limit(record.range)))
    except FileNotFoundError:
        return Flaw(name, f"the file is gone, {wanted} events were committed as in quarantine")
    except OSError as error:
        return _unanswered(name, error)
    except ValueError:
        return Flaw(name, "not a list of events in quarantine")
    if len(found) != wanted:
        return Flaw(name, f"holds {len(found)} events, {wanted} were committed as in quarantine")
    if stranger := next((f for f in found if not record.first <= f.event <= record.last), None):
        return Flaw(name, f"holds event {stranger.event}, which is not of this shard")
    return None


def _file_problem(sites: Sites, file: ShardFile, record: ShardRecord, quick: bool) -> str | None:
    if file.format not in FORMATS:
        return f"format {file.format} is not known"
    store, name = sites.locate(file.url)
    size = store.size(name)
    if size != file.bytes:
        return f"its bytes are not those that were committed: {size} of {file.bytes}"
    if quick:
        return None
    with store.local(name) as path:
        if sha256_of(path) != file.sha256:
            return "its bytes are not those that were committed"
        content = content_of(file.format, path)
    if content is None or content.total != record.content:
        return "its content is not what was committed"
    if record.merkle_root is not None and content.merkle_root != record.merkle_root:
        return "its events are not those that were committed, though their sum is: somebody has made them so"
    return None


def _unanswered(url: str, error: OSError) -> Flaw:
    reason = error.strerror or error
    return Flaw(url, f"cannot be read ({reason}); if it stays so, remove it and repair", damaged=False)
