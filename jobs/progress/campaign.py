"""Running a campaign and reporting its progress: to the user, other drivers, Prometheus and the log."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TextIO

from monsoon.engine.campaign import ResolvedCampaign
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.journal import Journal
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.provenance import LOGS
from monsoon.engine.ledger.status import DriverStatus, StatusFile, kept, process_name
from monsoon.engine.remote.cluster import head_is_gone
from monsoon.engine.remote.happenings import Beat, Committed, Failed, News
from monsoon.engine.remote.loop import Loop
from monsoon.engine.remote.metrics import DriverMetrics
from monsoon.engine.storage import Store
from monsoon.engine.storage.posix import PosixStore
from monsoon.engine.tracing import shares
from monsoon.jobs.progress.bar import JobProgress

LONGEST_HEADLESS_S = 50.0  # Ray ends the driver after 60


def run_campaign(
    resolved: ResolvedCampaign,
    ledger: Ledger,
    tasks: Iterator[EventRange],
    shards: int,
    events_before: int,
    say: Callable[[str], None],
) -> None:
    """Make the missing shards of a campaign on an initialised Ray, and report the progress.

    Parameters
    ----------
    resolved : ResolvedCampaign
        The campaign.
    ledger : Ledger
        Its records.
    tasks : iterator of EventRange
        The missing shards.
    shards : int
        Their number.
    events_before : int
        Events that are committed already.
    say : callable
        Prints a line.

    Raises
    ------
    InputError
        Where storage, nodes or workers are not available.
    """
    store, wanted = ledger.store, ledger.campaign()
    status = DriverStatus(
        driver=process_name(),
        started=time.time(),
        updated=time.time(),
        events_wanted=wanted.events,
        events_committed=events_before,
        shards_committed=len(ledger.ranges()),
        shards_waiting=shards,
    )
    with ExitStack() as stack:
        file = stack.enter_context(kept(StatusFile(store, status)))
        journal = Journal(stack.enter_context(_log(store, resolved.campaign.log)))
        progress = stack.enter_context(JobProgress("events", wanted.events, events_before))
        stack.enter_context(_watched_head(resolved.campaign.patience_s, file))
        narrator = _Narrator(file, journal, progress, say)
        loop = Loop(resolved, ledger, tasks, shards).run()
        stack.callback(loop.close)
        journal.note("start", campaign=resolved.output, identity=resolved.identity_hash, shards=shards)
        for happening in loop:
            narrator.tell(happening)
        if resolved.campaign.profile:
            say(f"profile: {sum(narrator.seconds.values()):.3g} worker seconds: {shares(narrator.seconds)}")
            say(f"profile: a Chrome trace of each worker: {store.url}/{LOGS}/trace-*.json")
        journal.note("end", events=status.events_committed)


class _Narrator:
    """Reports each happening to the user, the status file, Prometheus and the log."""

    def __init__(
        self, file: StatusFile, journal: Journal, progress: JobProgress, say: Callable[[str], None]
    ) -> None:
        self._file, self._journal, self._progress, self._say = file, journal, progress, say
        self._metrics = DriverMetrics()
        self._another = False
        self.seconds: Counter[str] = Counter()  # by stage, of the shards that were made

    def tell(self, happening: Committed | Failed | News | Beat) -> None:
        if isinstance(happening, Committed):
            self._committed(happening)
        elif isinstance(happening, Failed):
            what, failure, reason, node = (
                happening.what,
                happening.failure.value,
                happening.reason,
                happening.node,
            )
            self._file.trouble(what, failure, reason, node)
            self._metrics.failed(failure)
            self._journal.note("failed", shard=what, failure=failure, reason=reason, node=node)
        elif isinstance(happening, News):
            self._say(happening.text)
            self._journal.note("news", text=happening.text)
        else:
            status = self._file.status
            status.shards_running, status.shards_waiting = happening.running, happening.waiting
            status.workers, status.nodes = happening.workers, happening.nodes
            self._metrics.state(
                running=happening.running, waiting=happening.waiting, workers=happening.workers
            )
        self._file.write()

    def _committed(self, happening: Committed) -> None:
        record, status = happening.record, self._file.status
        status.shards_committed += 1
        status.events_committed += record.range.events
        status.events_quarantined += record.counts["quarantined"]
        if happening.by_another:
            if not self._another:
                self._say(
                    f"another driver is working on this output: it had committed {record.range.stem} before; "
                    "its shards are used as they are"
                )
            self._another = True
        else:
            status.events_made += record.range.events
            self._metrics.committed(record)
            self.seconds.update(record.seconds)
        self._journal.note(
            "committed",
            shard=record.range.stem,
            by_another=happening.by_another,
            content=record.content,
            counts=record.counts,
            seconds=record.seconds,
        )
        self._progress.advance(record.range.events, record.seconds)


@contextmanager
def _log(store: Store, path: str | None) -> Iterator[TextIO]:
    """The stream of the structured log: the campaign's file, or a new one in an output that is a folder."""
    if path is None and not isinstance(store, PosixStore):
        path = os.devnull
    if path is None:
        store.prepare(LOGS)
        own = Path(store.url) / LOGS / f"{process_name()}-{secrets.token_hex(3)}.jsonl"
        with own.open("x") as stream:
            yield stream
    else:
        with Path(path).open("a") as stream:
            yield stream


@contextmanager
def _watched_head(patience_s: float, file: StatusFile) -> Iterator[None]:
    """End the process with a message if the cluster's head is gone, because its driver cannot continue."""
    stop = Event()

    def watch() -> None:
        if head_is_gone(stop, min(patience_s, LONGEST_HEADLESS_S)):
            file.status.state = "failed"
            file.write(now=True)
            print(
                "\nmonsoon: the head of the Ray cluster is gone; start the cluster, and run the same command "
                "again: committed events are kept",
                file=sys.stderr,
                flush=True,
            )
            os._exit(2)  # the main thread may hang in a call to Ray

    thread = Thread(target=watch, name="head watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
