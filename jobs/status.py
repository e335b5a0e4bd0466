"""`monsoon status`: how a campaign stands, from any terminal, while it runs and after."""

from __future__ import annotations

import time
from collections.abc import Callable

from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import count_tasks
from monsoon.engine.ledger.status import DriverStatus, read_statuses
from monsoon.engine.storage import open_store, storage_answers
from monsoon.models.said import tell

SHOWN_TROUBLES = 5


def status(url: str, say: Callable[[str], None] = tell) -> None:
    """Say it in plain lines. Raises InputError where there is no campaign."""
    ledger = Ledger(open_store(url))
    with storage_answers(ledger.store):
        stored, done = ledger.campaign(), ledger.ranges()
        drivers = sorted(read_statuses(ledger.store), key=lambda driver: driver.updated, reverse=True)
    missing_shards, missing = count_tasks(stored.range, int(stored.layout["shard_events"]), done)
    alive = [driver for driver in drivers if driver.alive]
    running = sum(driver.shards_running for driver in alive)
    say(f"campaign: {ledger.store.url}")
    say(f"events: {stored.events - missing} of {stored.events} committed")
    say(f"shards: {len(done)} committed, {running} running, {max(missing_shards - running, 0)} waiting")
    if missing and not alive:
        say("no driver works on it; the same `monsoon generate` goes on with it")
    if not missing:
        say("finished")
    rate = sum(driver.rate for driver in alive)
    if rate and missing:
        say(f"rate: {rate:.1f} events/s, done in {_duration(missing / rate)}")
    for driver in alive or drivers[:1]:
        _say_driver(driver, say)


def _say_driver(driver: DriverStatus, say: Callable[[str], None]) -> None:
    ago = time.time() - driver.updated
    state = driver.state if driver.state != "running" or driver.alive else "dead"
    say(
        f"driver: {driver.driver}, {state}, {driver.workers} workers on {driver.nodes} nodes, "
        f"{driver.events_made} events in {_duration(driver.updated - driver.started)}, heard {ago:.0f} s ago"
    )
    if driver.events_quarantined:
        say(f"quarantined: {driver.events_quarantined} events")
    if driver.failures:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(driver.failures.items()))
        say(f"failed calls: {sum(driver.failures.values())} ({kinds}); each was tried again or set aside")
    for trouble in driver.troubles[-SHOWN_TROUBLES:]:
        clock = time.strftime("%H:%M:%S", time.localtime(trouble.time))
        say(f"  {clock} {trouble.shard}: {trouble.failure}: {trouble.reason} [{trouble.node}]")


def _duration(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"
