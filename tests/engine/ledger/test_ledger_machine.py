"""Any interleaving of attempts, crashes, damage and drivers ends with each shard committed once, and right.

Attempts are threads inside the real `publish_shard` that stop before each thing they do to storage; the
machine lets one at a time go on, so that every order is tried, and every order can be repeated.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from monsoon.engine.detector.placing import Placing
from monsoon.engine.formats.schema import combine, content_hash, event_hashes
from monsoon.engine.ledger.commits import EVENTS, Ledger
from monsoon.engine.ledger.plan import EventRange, gaps
from monsoon.engine.ledger.shards import content_of, publish_shard
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.pipeline import Stopwatch, generate
from monsoon.engine.records import Events, Incidents
from monsoon.engine.storage.posix import PosixStore
from monsoon.models.files import sha256_of
from monsoon.models.store.suite import Suite

SHARDS = [EventRange(0, 1), EventRange(2, 3)]
FORMATS = ("root", "parquet")  # ROOT files differ in their time stamp
LAYOUT = {"first_event": 0, "shard_events": 2, "formats": list(FORMATS), "contributions": False}


class Killed(BaseException):
    """The worker is gone."""


class SlowStore(PosixStore):
    """Stops before everything that other writers could see or disturb."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.go, self.stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.killed = False

    def stop(self) -> None:
        self.stopped.release()
        self.go.acquire()
        if self.killed:
            raise Killed

    def publish(self, attempt: Path, name: str) -> str:
        self.stop()
        return super().publish(attempt, name)

    def publish_over(self, attempt: Path, name: str) -> None:
        self.stop()
        super().publish_over(attempt, name)

    def local(self, name: str) -> AbstractContextManager[Path]:
        self.stop()
        return super().local(name)


class Attempt:
    """One worker's attempt at a shard."""

    def __init__(self, root: Path, shard: EventRange, events: Events) -> None:
        self.shard, self.record = shard, None
        self._events, self._store = events, SlowStore(root)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._store.stopped.acquire()

    def _run(self) -> None:
        try:
            published = publish_shard(
                [self._events],
                self._store,
                self.shard,
                FORMATS,
                contributions=False,
                metadata={},
                stopwatch=Stopwatch(),
            )
            self.record: ShardRecord | None = ShardRecord(
                first=self.shard.first,
                last=self.shard.last,
                files=published.files,
                content=published.content.total,
                merkle_root=published.content.merkle_root,
                identity="id",
                counts={"events": self.shard.events, "quarantined": 0},
                seconds={},
            )
        except Killed:
            pass
        finally:
            self._store.stopped.release()

    def advance(self) -> bool:
        """One step; whether there are more."""
        self._store.go.release()
        self._store.stopped.acquire()
        return self._thread.is_alive() and self.record is None and not self._store.killed

    def kill(self) -> None:
        self._store.killed = True
        self._store.go.release()
        self._thread.join()


class Machine(RuleBasedStateMachine):
    """Two drivers, any number of workers, and somebody who damages files that are not committed."""

    events: ClassVar[dict[EventRange, Events]]
    fresh: ClassVar[Callable[[], Path]]

    def __init__(self) -> None:
        super().__init__()
        self.root = type(self).fresh()
        self.ledger = Ledger(PosixStore(self.root))
        self.ledger.open({"seed": 1}, LAYOUT, 4)
        self.working: list[Attempt] = []
        self.published: list[ShardRecord] = []
        self.committed: dict[EventRange, ShardRecord] = {}

    @rule(shard=st.sampled_from(SHARDS))
    def start(self, shard: EventRange) -> None:
        if len(self.working) < 4:
            self.working.append(Attempt(self.root, shard, self.events[shard]))

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def advance(self, data: st.DataObject) -> None:
        self._advance(data.draw(st.sampled_from(self.working)))

    def _advance(self, attempt: Attempt) -> None:
        if not attempt.advance():
            self.working.remove(attempt)
            assert attempt.record is not None
            self.published.append(attempt.record)

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(self.working))
        attempt.kill()
        self.working.remove(attempt)

    @precondition(lambda self: self.published)
    @rule(data=st.data(), keep=st.booleans())
    def commit(self, data: st.DataObject, keep: bool) -> None:
        """By any driver; a record that is kept is committed again, as after an answer that got lost."""
        record = data.draw(st.sampled_from(self.published))
        if not keep:
            self.published.remove(record)
        first = self.committed.setdefault(record.range, record)
        commit = Ledger(PosixStore(self.root)).commit(record)
        assert commit.record == first
        assert commit.by_another == (record != first)

    @rule(shard=st.sampled_from(SHARDS), format_name=st.sampled_from(FORMATS))
    def damage(self, shard: EventRange, format_name: str) -> None:
        """Only what nobody has claimed yet: a file torn after it was read back is another matter."""
        records = [*self.committed.values(), *self.published]
        path = self.root / EVENTS / f"{shard.stem}.{format_name}"
        claimed = {file.url for record in records for file in record.files}
        under_way = any(attempt.shard == shard for attempt in self.working)
        if f"{EVENTS}/{path.name}" not in claimed and not under_way:
            path.write_bytes(path.read_bytes()[:-30] if path.exists() else b"torn")

    @invariant()
    def what_is_committed_is_there_and_right(self) -> None:
        assert self.ledger.ranges() == sorted(self.committed)
        for shard, record in self.committed.items():
            assert self.ledger.record(shard) == record
            for file in record.files:
                path = self.root / file.url
                assert sha256_of(path) == file.sha256
                found = content_of(file.format, path)
                assert found is not None
                assert found.total == content_hash(event_hashes(self.events[shard]))

    def teardown(self) -> None:
        for attempt in self.working:
            attempt.kill()
        wanted = EventRange(0, 3)
        for missing in list(gaps(wanted, self.ledger.ranges())):
            for shard in [s for s in SHARDS if missing.first <= s.first <= missing.last]:
                attempt = Attempt(self.root, shard, self.events[shard])
                while attempt.advance():
                    pass
                assert attempt.record is not None
                self.ledger.commit(attempt.record)
        records = list(self.ledger.records())
        assert [record.range for record in records] == SHARDS
        everything = [content_hash(event_hashes(events)) for events in self.events.values()]
        assert combine([record.content for record in records]) == combine(everything)


@pytest.fixture(scope="module")
def machine(
    suite: Suite,
    placing: Placing,
    make_incidents: Callable[..., Incidents],
    tmp_path_factory: pytest.TempPathFactory,
) -> type[Machine]:
    incidents = make_incidents([3, 0, 1, 2])

    Machine.events = {
        shard: generate(incidents[shard.first : shard.last + 1], suite, placing, 1) for shard in SHARDS
    }
    Machine.fresh = staticmethod(lambda: tmp_path_factory.mktemp("machine"))
    return Machine


@pytest.mark.slow
def test_each_shard_is_committed_once_whatever_happens(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_two_writers_who_meet_a_torn_file_do_not_spoil_each_other(
    machine: type[Machine], tmp_path: Path
) -> None:
    """Step by step in turn, so that both have read it before either does something about it."""
    Ledger(PosixStore(tmp_path)).open({"seed": 1}, LAYOUT, 4)
    shard = SHARDS[0]
    for format_name in FORMATS:
        (tmp_path / EVENTS / f"{shard.stem}.{format_name}").write_bytes(b"torn")
    working = [Attempt(tmp_path, shard, machine.events[shard]) for _ in range(2)]
    records = []
    while working:
        for attempt in list(working):
            if not attempt.advance():
                working.remove(attempt)
                records.append(attempt.record)
    for record in records:
        assert record is not None
        for file in record.files:
            assert sha256_of(tmp_path / file.url) == file.sha256
