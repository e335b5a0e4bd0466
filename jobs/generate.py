"""`monsoon generate`: a campaign from its config to a finished output, resumed where it was left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine import storage
from engine.campaign import ResolvedCampaign, ShardMaker, resolve
from engine.commits import Ledger
from engine.config import Campaign
from engine.detector import Detector
from engine.errors import InputError
from engine.formats.schema import content_hash, event_hashes
from engine.incidents.parquet import read_header, read_metadata
from engine.incidents.transport import Transport
from engine.manifest import write_manifest
from engine.plan import EventRange, shard_tasks
from engine.quarantine import screen
from engine.remote.cluster import connected, worker_count
from engine.remote.loop import run_shards
from engine.shards import FORMATS
from jobs.incidents import CHUNK, make_pool, pool_settings
from jobs.progress import JobProgress
from models.suite import load_suite

POOL = Path("_incidents/pool.parquet")


@dataclass(frozen=True)
class Outcome:
    """What a run of `generate` did."""

    output: Path
    shards_made: int
    content: str  # hash over all events of the campaign


def generate(campaign: Campaign, say: Callable[[str], None] = print) -> Outcome:
    """Run what is missing of a campaign; returns when every event is committed.

    Raises InputError for unusable input or configuration; KeyboardInterrupt passes through and leaves
    a campaign that the same call resumes.
    """
    campaign = campaign.anchored()
    suite, detector = load_suite(campaign.model), Detector.load(campaign.detector)
    output = storage.local_path(campaign.output)
    storage.probe(output)
    ledger = Ledger(output)
    ledger.refuse_strangers()
    with ExitStack() as stack:
        incidents = _incidents(campaign, output, detector, stack, say)
        resolved = resolve(campaign, output, incidents, suite, detector)
        stored = ledger.open(resolved.identity, campaign.layout(), campaign.events)
        if campaign.only is not None:
            return _reproduce(resolved, campaign.only, say)
        done = ledger.records()
        tasks = shard_tasks(stored.range, campaign.shard_events, [record.range for record in done])
        if tasks:
            if campaign.mu is not None:
                say(f"overlaying {campaign.mu:g} collisions an event on average, drawn from {incidents}")
            workers = min(_workers(campaign, stack), len(tasks))
            start = sum(record.range.events for record in done)
            with JobProgress("events", stored.events, start) as progress:
                for record in run_shards(resolved, ledger, tasks, workers):
                    progress.advance(record.range.events, record.seconds)
    manifest = write_manifest(ledger, campaign, read_metadata(incidents))
    if tasks:
        say(f"made {len(tasks)} shards; {manifest['counts']['events']} events are committed")
    else:
        say(f"finished before: {manifest['counts']['events']} events are committed, nothing to do")
    return Outcome(output, len(tasks), manifest["content"])


def _workers(campaign: Campaign, stack: ExitStack) -> int:
    """Connect to Ray until the stack unwinds; how many workers there is room for."""
    stack.enter_context(connected(campaign.ray_address))
    return worker_count(campaign.workers, campaign.cpus_per_worker, campaign.gpus_per_worker)


def _incidents(
    campaign: Campaign, output: Path, detector: Detector, stack: ExitStack, say: Callable[[str], None]
) -> Path:
    """The incidents' file; where the campaign names none, a pool of collisions, made at its first run."""
    if campaign.incidents is not None:
        return storage.local_path(campaign.incidents)
    pool = output / POOL
    if pool.exists():
        _expect_pool(campaign, pool, detector)
        return pool
    _workers(campaign, stack)  # before the work that would be for nothing
    say(f"no incidents given: making a pool of {campaign.pool_collisions} collisions first")
    pool.parent.mkdir(exist_ok=True)
    return make_pool(
        collisions=campaign.pool_collisions,
        cards=campaign.pythia,
        seed=campaign.seed,
        polarity=campaign.polarity,
        threshold_mev=campaign.threshold_mev,
        detector=campaign.detector,
        output=pool,
    )


def _expect_pool(campaign: Campaign, pool: Path, detector: Detector) -> None:
    """Raise InputError unless the pool is the one that this campaign would make."""
    way = Transport(polarity=campaign.polarity, threshold_mev=campaign.threshold_mev)
    header = read_header(pool)
    wanted = {
        **pool_settings(campaign.pythia, campaign.seed, CHUNK, way, detector),
        "pool_collisions": campaign.pool_collisions,
    }
    found = {**header.settings, "pool_collisions": header.collisions}
    for key, value in wanted.items():
        if found.get(key) != value:
            raise InputError(
                f"{pool}: this campaign's pool was made with {key} = {found.get(key)!r}, not {value!r}; "
                "use the same, or another output"
            )


def _reproduce(resolved: ResolvedCampaign, event: int, say: Callable[[str], None]) -> Outcome:
    """Make one event alone, beside the campaign: its shard and its record are not touched."""
    maker = ShardMaker(resolved)
    alone = EventRange(event, event)
    incidents, faults = screen(maker.incidents(alone))
    if faults:
        raise InputError(f"event {event}: quarantined, {faults[0].reason}; choose another")
    events = maker.events(incidents)
    content = content_hash(event_hashes(events))
    folder = resolved.output / "_only"
    folder.mkdir(exist_ok=True)
    for name in resolved.campaign.formats:
        path = folder / f"{alone.stem}{FORMATS[name].suffix}"
        attempt = storage.attempt_path(path)
        FORMATS[name].write(events, attempt, resolved.metadata)
        storage.publish_over(attempt, path)
        say(f"event: {path}")
    say(f"content: {content}")
    return Outcome(folder, 0, content)


if __name__ == "__main__":
    from jobs.cli import main

    sys.exit(main(["generate", *sys.argv[1:]]))
