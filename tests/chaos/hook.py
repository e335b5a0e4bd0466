"""Runs inside workers and drivers under test and makes them obey orders; their code knows nothing of it.

Ray calls `install` in every worker whose node was started with its name (harness/nodes.py).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from numba.core import entrypoints

from tests.chaos.orders import FOLDER, Making, Orders

POINTS = {"events": ("publish", "published"), "_commits": ("commit", "committed")}


def install() -> None:
    """Wrap what makes shards and what stores them; nothing where no folder of orders is named."""
    if FOLDER not in os.environ:
        return
    entrypoints._already_initialized = True  # of other packages for numba: 1 s, and nothing that is used here
    orders = Orders(Path(os.environ[FOLDER]))
    _wrap_maker(orders)
    _wrap_store(orders)
    if "AWS_ENDPOINT_URL" in os.environ:
        from tests.chaos.faulty_s3 import register

        register(orders)


def _wrap_maker(orders: Orders) -> None:
    from monsoon.engine.campaign import ShardMaker
    from monsoon.engine.ledger.plan import EventRange, Fault
    from monsoon.engine.ledger.stored import ShardRecord
    from monsoon.engine.pipeline import Stopwatch
    from monsoon.engine.records import Events, Incidents

    make, events = ShardMaker.make, ShardMaker.events

    def obedient_make(self: ShardMaker, shard: EventRange, skip: Sequence[Fault] = ()) -> ShardRecord:
        orders.rest()
        orders.obey("make", shard.stem)
        late, start = orders.late, time.time()
        record = make(self, shard, skip)
        orders.note(shard.stem, Making(os.getpid(), late, start, record.model_dump(mode="json")))
        return record

    def obedient_events(self: ShardMaker, incidents: Incidents, stopwatch: Stopwatch | None = None) -> Events:
        orders.obey("events", "", incidents.event.tolist())
        return events(self, incidents, stopwatch)

    ShardMaker.make = obedient_make  # type: ignore[method-assign]
    ShardMaker.events = obedient_events  # type: ignore[method-assign]


def _wrap_store(orders: Orders) -> None:
    from monsoon.engine.storage.posix import PosixStore

    begin, publish, publish_over = PosixStore.attempt, PosixStore.publish, PosixStore.publish_over

    @contextmanager
    def obedient_attempt(self: PosixStore, name: str) -> Iterator[Path]:
        folder, _, file = name.partition("/")
        if folder == "events":
            orders.obey("attempt", file.partition(".")[0])
        with begin(self, name) as path:
            yield path

    def obedient_publish(self: PosixStore, attempt: Path, name: str) -> str:
        folder, _, file = name.partition("/")
        before, after = POINTS.get(folder, ("", ""))
        shard = file.partition(".")[0]
        if before:
            orders.obey(before, shard)
        final = publish(self, attempt, name)
        if after:
            orders.obey(after, shard)
        return final

    def obedient_publish_over(self: PosixStore, attempt: Path, name: str) -> None:
        publish_over(self, attempt, name)
        folder, _, file = name.partition("/")
        if folder == "events":
            orders.obey("published", file.partition(".")[0])

    PosixStore.attempt = obedient_attempt  # type: ignore[method-assign]
    PosixStore.publish = obedient_publish  # type: ignore[method-assign]
    PosixStore.publish_over = obedient_publish_over  # type: ignore[method-assign]
