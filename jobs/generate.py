"""`monsoon generate`: run a campaign from its config to a finished output, or continue it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic, sleep
from typing import TypeVar

from monsoon.engine.campaign import (
    ResolvedCampaign,
    ShardMaker,
    as_begun,
    refuse_outside,
    refuse_unvalidated,
    resolve,
)
from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.spill_over import crossings_of
from monsoon.engine.errors import InputError
from monsoon.engine.formats.schema import content_hash, event_hashes
from monsoon.engine.incidents.parquet import read_metadata
from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.geometry import CELLS, DESCRIPTION, store_geometry
from monsoon.engine.ledger.manifest import write_manifest
from monsoon.engine.ledger.plan import EventRange, count_tasks, gaps, shard_tasks
from monsoon.engine.ledger.quarantine import screen
from monsoon.engine.ledger.retry import Patience, Stop
from monsoon.engine.ledger.shards import FORMATS
from monsoon.engine.ledger.status import running
from monsoon.engine.loading import load, load_replicas
from monsoon.engine.remote.cluster import connected, expect_room
from monsoon.engine.storage import Store, open_store, storage_answers
from monsoon.engine.storage.posix import PosixStore
from monsoon.jobs.collisions import POOL, find_collisions
from monsoon.jobs.progress.campaign import run_campaign
from monsoon.jobs.progress.collisions import make_pool
from monsoon.jobs.progress.pool import told_of_pool
from monsoon.jobs.refusals import nothing_left, nothing_left_in_store
from monsoon.jobs.signal import complete_signal, find_signal
from monsoon.jobs.verify import repair
from monsoon.models.said import tell
from monsoon.models.species import NAMED

T = TypeVar("T")

ONLY = "_only"


# What a run creates in the output, and which of these files are kept if the run is refused
FILES = (CAMPAIGN, DESCRIPTION, CELLS)
MADE = (*FILES, "events", "_commits", "_drivers", "_incidents", "_logs", "_only", "_quarantine")
KEPT = ("events/*", "_commits/*", "_incidents/*.parquet", "_incidents/*.parts/*.parquet", "_quarantine/*")
# The same in a store without folders
MADE_IN_STORE = (*FILES, "_drivers/", "_logs/", "_only/")
KEPT_IN_STORE = ("events/", "_commits/", "_incidents/", f"{POOL}.parts/", "_quarantine/")


@dataclass(frozen=True)
class CampaignResult:
    """The result of a run of `generate`.

    Attributes
    ----------
    output : str
        URL of the campaign.
    shards_made : int
        Shards made by this run.
    content : str
        Hash over all events of the campaign.
    """

    output: str
    shards_made: int
    content: str


def generate(campaign: Campaign, say: Callable[[str], None] = tell) -> CampaignResult:
    """Make the missing events of a campaign. Returns when every event is committed.

    Parameters
    ----------
    campaign : Campaign
        What to generate, and where.
    say : callable
        Prints a line.

    Returns
    -------
    CampaignResult

    Raises
    ------
    InputError
        For unusable input or configuration, and for storage or a cluster that fail for too long. If events or
        parts of a pool were made, the same call continues with them. Otherwise nothing is left behind.
    KeyboardInterrupt
        If interrupted; the same call continues the campaign.
    """
    store = open_store(campaign.output)
    if campaign.profile and not isinstance(store, PosixStore):
        raise InputError(
            f"profile: {store.url} is no folder that traces can be written to; leave profile out"
        )
    ledger = Ledger(store)
    with storage_answers(store):
        campaign = as_begun(campaign, ledger).anchored()
    suite, detector = load(**campaign.named)
    reports = refuse_unvalidated(campaign, suite)
    crossings = crossings_of(detector) if campaign.out_of_time else ()
    replicas = load_replicas(campaign, suite)
    if suite.unserved:
        say(f"warning: {unserved(campaign.model, suite.unserved)}")
    with ExitStack() as stack:
        if isinstance(store, PosixStore):
            stack.enter_context(nothing_left(store.root, MADE, KEPT, lambda: running(store) is not None))
        store.probe()
        if not isinstance(store, PosixStore):
            stack.enter_context(
                nothing_left_in_store(store, MADE_IN_STORE, KEPT_IN_STORE, lambda: running(store) is not None)
            )
        with storage_answers(store):
            ledger.refuse_strangers()
        signal = find_signal(campaign, store, detector, say)
        incidents = _incidents(campaign, store, detector, stack, say)
        resolved = resolve(campaign, store.url, incidents, suite, detector, signal, replicas)
        with storage_answers(store):
            if store.exists(CAMPAIGN):  # refuse another campaign before any work; 1 event does not extend it
                ledger.open(resolved.identity, campaign.layout(), 1)
        wanting = _missing(campaign, ledger)
        complete_signal(campaign, signal, detector, wanting)
        refuse_outside(resolved, suite, wanting, reports)
        for one in replicas:
            refuse_outside(resolved, one, wanting)
        if campaign.only is None and wanting:
            stack.enter_context(connected(campaign.ray_address))
            expect_room(campaign)
        with storage_answers(store):
            stored = ledger.open(resolved.identity, campaign.layout(), campaign.events)
        if campaign.only is not None:
            return _reproduce(resolved, campaign.only, say)
        with storage_answers(store):
            store_geometry(store, detector)
        if other := running(store):
            say(f"another driver, {other}, is working on this output: its shards are used as they are")
        if campaign.repair:
            say(f"{repair(ledger, say)} shards are to be made again")
            complete_signal(campaign, signal, detector, _missing(campaign, ledger))
        with storage_answers(store):
            done = ledger.ranges()
        shards, missing = count_tasks(stored.range, campaign.shard_events, done)
        if shards:
            if campaign.mu is not None:
                what = "" if signal is None else f"one signal event of {signal.url} with "
                say(f"overlaying {what}{campaign.mu:g} collisions per event on average, from {incidents}")
            if crossings:
                say(f"and as many of each of these crossings: {', '.join(f'{k:+d}' for k in crossings)}")
            stack.enter_context(connected(campaign.ray_address))
            tasks = shard_tasks(stored.range, campaign.shard_events, done)
            run_campaign(resolved, ledger, tasks, shards, stored.events - missing, say)
    with storage_answers(store):
        manifest = patiently(
            lambda: write_manifest(
                ledger, campaign, read_metadata(incidents), signal.metadata if signal else None
            ),
            campaign.patience_s,
        )
    if shards:
        say(f"made {shards} shards; {manifest['counts']['events']} events are committed")
    else:
        say(f"finished before: {manifest['counts']['events']} events are committed, nothing to do")
    return CampaignResult(store.url, shards, manifest["content"])


def unserved(model: str, species: Sequence[int]) -> str:
    """The line about species that a campaign's model has no generator for."""
    name_of = {pdg: name for name, pdg in reversed(NAMED.items())}
    names = ", ".join(name_of[pdg] for pdg in species)
    return (
        f"model {model}: has no generator for {names}: they leave nothing, and their status says so; "
        f"where they matter name one of them too, model={model},OTHER"
    )


def _missing(campaign: Campaign, ledger: Ledger) -> list[EventRange]:
    """The events that this run has to make."""
    if campaign.only is not None:
        return [EventRange(campaign.only, campaign.only)]
    wanted = EventRange(campaign.first_event, campaign.first_event + campaign.events - 1)
    with storage_answers(ledger.store):
        if ledger.store.exists(CAMPAIGN):  # an earlier run may have asked for more
            wanted = EventRange(wanted.first, max(wanted.last, ledger.campaign().range.last))
        return list(gaps(wanted, ledger.ranges()))


def patiently(act: Callable[[], T], patience_s: float) -> T:
    """Call a function until the storage works.

    Parameters
    ----------
    act : callable
        The function.
    patience_s : float
        How long the storage may fail [s].

    Returns
    -------
    T
        What it returned.

    Raises
    ------
    OSError
        Its last error, if the storage has failed for longer.
    """
    patience = Patience(patience_s)
    while True:
        try:
            return act()
        except OSError:
            patience, verdict = patience.after_failure(monotonic())
            if isinstance(verdict, Stop):
                raise
            sleep(verdict.delay_s)


def _incidents(
    campaign: Campaign, store: Store, detector: Detector, stack: ExitStack, say: Callable[[str], None]
) -> str:
    """The URL of the incidents: the file that the campaign names, or a pool, made at its first run."""
    found = find_collisions(campaign, store, detector)
    if found.warning:
        say(f"warning: {found.warning}")
    if found.pool is None:
        return found.url
    stack.enter_context(connected(campaign.ray_address))  # before the pool, which would be made in vain
    expect_room(campaign)
    say(f"no incidents given: making a pool of {campaign.pool_collisions} collisions first")
    with told_of_pool(store, POOL, campaign.pool_collisions, campaign.events):
        return make_pool(found.url, found.pool, campaign.pool_collisions)


def _reproduce(resolved: ResolvedCampaign, event: int, say: Callable[[str], None]) -> CampaignResult:
    """Make a single event in a folder of its own. Its shard and record are left unchanged."""
    maker = ShardMaker(resolved)
    alone = EventRange(event, event)
    incidents, faults = screen(maker.incidents(alone))
    if faults:
        raise InputError(f"event {event}: quarantined, {faults[0].reason}; choose another event")
    events = maker.events(incidents)
    content = content_hash(event_hashes(events))
    store = open_store(f"{resolved.output}/{ONLY}")
    store.probe()
    for name in resolved.campaign.formats:
        final, write = f"{alone.stem}{FORMATS[name].suffix}", FORMATS[name].writer
        with store.attempt(final) as attempt:
            with write(attempt, resolved.campaign.contributions, maker.metadata, resolved.origins) as append:
                append(events)
            store.publish_over(attempt, final)
        say(f"event: {store.url}/{final}")
    say(f"content: {content}")
    return CampaignResult(store.url, 0, content)
