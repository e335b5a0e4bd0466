"""Checks of committed shards against storage: their records, files and lists of quarantined events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import NamedTuple

from pydantic import ValidationError

from monsoon.engine.errors import InputError, first_problem
from monsoon.engine.ledger.commits import Ledger, record_name
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import parse_faults, quarantine_limit, quarantine_name
from monsoon.engine.ledger.shards import FORMATS, content_of
from monsoon.engine.ledger.sites import Sites, UnknownSite
from monsoon.engine.ledger.stored import ShardFile, ShardRecord, StoredCampaign
from monsoon.engine.storage import Store
from monsoon.models.files import sha256_of

AT_ONCE = 16  # shards checked in parallel on a remote store


class Flaw(NamedTuple):
    """A problem with one file.

    Attributes
    ----------
    url : str
        The file, as the record names it.
    problem : str
        What is wrong with it.
    damaged : bool
        False where the storage did not answer, so that the file may still be good.
    """

    url: str
    problem: str
    damaged: bool = True

    def __str__(self) -> str:
        return f"{self.url}: {self.problem}"


class Checked(NamedTuple):
    """The result of checking one shard.

    Attributes
    ----------
    shard : EventRange
        Its events.
    record : ShardRecord or None
        Its record; None if that is unusable.
    flaws : list of Flaw
        The problems found.
    """

    shard: EventRange
    record: ShardRecord | None
    flaws: list[Flaw]


def check_all(
    ledger: Ledger, campaign: StoredCampaign, shards: Iterable[EventRange], *, quick: bool = False
) -> Iterator[Checked]:
    """Check shards in order; on a remote store, several of them in parallel.

    Parameters
    ----------
    ledger : Ledger
        The campaign's records.
    campaign : StoredCampaign
        Its campaign.json.
    shards : iterable of EventRange
        The shards to check.
    quick : bool
        Whether to check only the sizes of the event files, not their content.

    Yields
    ------
    Checked
        The result of each shard.
    """
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
    """Check one shard: its record, its event files, its list of quarantined events.

    Parameters
    ----------
    ledger : Ledger
        The campaign's records.
    campaign : StoredCampaign
        Its campaign.json.
    sites : Sites
        Where its event files are.
    shard : EventRange
        The shard to check.
    quick : bool
        Whether to check only the sizes of the event files, not their content.
    """
    record = read_record(ledger, campaign, shard)
    if isinstance(record, Flaw):
        return Checked(shard, None, [record])
    flaws = list(file_flaws(sites, record, quick=quick))
    quarantine = quarantine_flaw(ledger.store, record)
    return Checked(shard, record, [*flaws, quarantine] if quarantine else flaws)


def read_record(ledger: Ledger, campaign: StoredCampaign, shard: EventRange) -> ShardRecord | Flaw:
    """Read a shard's record.

    Parameters
    ----------
    ledger : Ledger
        The campaign's records.
    campaign : StoredCampaign
        Its campaign.json.
    shard : EventRange
        The shard.

    Returns
    -------
    ShardRecord or Flaw
        The record, or why it is unusable.
    """
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
    """Check that a record belongs to a campaign and a shard, and that its counts are consistent.

    Parameters
    ----------
    record : ShardRecord
        The record.
    campaign : StoredCampaign
        The campaign that it should belong to.
    shard : EventRange
        The shard that its name says.

    Returns
    -------
    str or None
        The problem; None if there is none.
    """
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
    """Check a shard's event files against its record.

    Parameters
    ----------
    sites : Sites
        Where the files are.
    record : ShardRecord
        What was committed.
    quick : bool
        Whether to check only the sizes.

    Yields
    ------
    Flaw
        One for each file that differs or cannot be read.
    """
    for file in record.files:
        try:
            problem = _file_problem(sites, file, record, quick)
        except FileNotFoundError:
            problem = "the file is gone"
        except OSError as error:
            yield _unanswered(file.url, error)
            continue
        except InputError as error:  # a file outside the campaign; of an unknown site it may be good
            yield Flaw(record_name(record.range), str(error), damaged=not isinstance(error, UnknownSite))
            continue
        if problem:
            yield Flaw(file.url, problem)


def quarantine_flaw(store: Store, record: ShardRecord) -> Flaw | None:
    """Check the list of a shard's quarantined events against its record.

    Parameters
    ----------
    store : Store
        The campaign's output.
    record : ShardRecord
        What was committed.

    Returns
    -------
    Flaw or None
        The problem; None if there is none.
    """
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
        return f"unknown format {file.format}"
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
        return "its events are not those that were committed, though their sum is: they were forged"
    return None


def _unanswered(url: str, error: OSError) -> Flaw:
    reason = error.strerror or error
    return Flaw(url, f"cannot be read ({reason}); if this persists, remove it and repair", damaged=False)
