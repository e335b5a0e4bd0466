"""`monsoon status`: the state of a campaign, from any terminal, while it runs and afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from monsoon.engine.ledger.commits import CAMPAIGN, Ledger
from monsoon.engine.ledger.plan import count_tasks
from monsoon.engine.ledger.status import DriverStatus, read_statuses
from monsoon.engine.storage import open_store, storage_answers
from monsoon.models.said import said, tell

SHOWN_TROUBLES = 5
NOBODY = "no driver is working on it; the same `monsoon generate` command continues it"


def status(url: str, say: Callable[[str], None] = tell) -> None:
    """Print the state of a campaign in plain lines.

    Parameters
    ----------
    url : str
        The campaign's output, which has no events yet while its pool of collisions is being made.
    say : callable
        Prints a line.

    Raises
    ------
    InputError
        Where there is no campaign, or the storage fails.
    """
    ledger = Ledger(open_store(url))
    with storage_answers(ledger.store):
        drivers = sorted(read_statuses(ledger.store), key=lambda driver: driver.updated, reverse=True)
        if drivers and drivers[0].collisions_wanted and not ledger.store.exists(CAMPAIGN):
            _say_pool(ledger.store.url, drivers, say)
            return
        stored, done = ledger.campaign(), ledger.ranges()
    missing_shards, missing = count_tasks(stored.range, int(stored.layout["shard_events"]), done)
    alive = [driver for driver in drivers if driver.alive]
    running = sum(driver.shards_running for driver in alive)
    say(f"campaign: {ledger.store.url}")
    say(f"events: {stored.events - missing} of {stored.events} committed")
    say(f"shards: {len(done)} committed, {running} running, {max(missing_shards - running, 0)} waiting")
    if missing and not alive:
        say(NOBODY)
    if not missing:
        say("finished")
    rate = sum(driver.rate for driver in alive)
    if rate and missing:
        say(f"rate: {rate:.1f} events/s, done in {_duration(missing / rate)}")
    for driver in alive or drivers[:1]:
        _say_driver(driver, say)


def _say_pool(url: str, drivers: Sequence[DriverStatus], say: Callable[[str], None]) -> None:
    """Print the state before the first event, from the drivers that make the pool, latest status first."""
    driver = next((driver for driver in drivers if driver.alive), drivers[0])
    made = driver.collisions_before + driver.collisions_made
    missing = driver.collisions_wanted - made
    say(f"campaign: {url}")
    say(f"pool: {made} of {driver.collisions_wanted} collisions made; the events follow")
    if not driver.alive and driver.state != "finished":
        say(NOBODY)
    elif driver.rate and missing:
        say(f"rate: {driver.rate:.1f} collisions/s, pool done in {_duration(missing / driver.rate)}")
    say(f"driver: {driver.driver}, {_state(driver)}, {_heard(driver)}")


def _say_driver(driver: DriverStatus, say: Callable[[str], None]) -> None:
    say(
        f"driver: {driver.driver}, {_state(driver)}, {driver.workers} workers on {driver.nodes} nodes, "
        f"{driver.events_made} events in {_duration(driver.updated - driver.started)}, {_heard(driver)}"
    )
    if driver.events_quarantined:
        say(f"quarantined: {driver.events_quarantined} events")
    if driver.failures:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(driver.failures.items()))
        say(f"failed calls: {sum(driver.failures.values())} ({kinds}); each was tried again or set aside")
    for trouble in driver.troubles[-SHOWN_TROUBLES:]:
        clock = time.strftime("%H:%M:%S", time.localtime(trouble.time))
        what = (said(part) for part in (trouble.shard, trouble.failure, trouble.reason))
        say(f"  {clock} {': '.join(what)} [{said(trouble.node)}]")


def _state(driver: DriverStatus) -> str:
    return driver.state if driver.state != "running" or driver.alive else "dead"


def _heard(driver: DriverStatus) -> str:
    return f"heard {max(time.time() - driver.updated, 0.0):.0f} s ago"


def _duration(seconds: float) -> str:
    """A time as h:mm:ss."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}"
