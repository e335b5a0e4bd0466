"""What a driver tells while it runs, in _drivers/ of the output: for people and for other drivers."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monsoon.engine.storage import Store

DRIVERS = "_drivers"
EVERY_S = 3.0
AHEAD_S = 300.0  # a status from further in the future is not believed: Kerberos' clocks differ by less
SILENT_S = 30.0  # a driver that has not written for so long counts as dead
KEPT_FAILURES = 20

LARGEST = (1 << 63) - 1

Time = Annotated[float, Field(ge=0, le=1e11)]  # seconds since 1970, to the year 5138
Count = Annotated[int, Field(ge=0, le=LARGEST)]
State = Literal["running", "finished", "interrupted", "failed"]


class Trouble(BaseModel):
    """A call to a worker that failed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Time
    shard: str
    failure: str
    reason: str
    node: str


class DriverStatus(BaseModel):
    """What one driver has told last."""

    model_config = ConfigDict(extra="ignore")  # it may be of another version

    driver: str
    started: Time
    updated: Time
    state: State = "running"
    events_wanted: Count
    events_committed: Count  # of the campaign, by all drivers, as far as this one knows
    events_made: Count = 0  # by this driver
    events_quarantined: Count = 0
    collisions_wanted: Count = 0
    """Collisions of the pool that this driver makes; 0 where it makes events."""
    collisions_before: Count = 0
    """Of these, those that were there when it started."""
    collisions_made: Count = 0
    """Of these, those that it has made itself."""
    shards_committed: Count
    shards_running: Count = 0
    shards_waiting: Count = 0
    workers: Count = 0
    nodes: Count = 0
    failures: dict[str, Count] = {}
    troubles: list[Trouble] = []  # the last of them

    @property
    def rate(self) -> float:
        """Events per second, or collisions where a pool is made, since this driver's start."""
        made = self.collisions_made if self.collisions_wanted else self.events_made
        return made / max(self.updated - self.started, 1e-9)

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as can be told from here."""
        if self.state != "running" or not -AHEAD_S <= time.time() - self.updated <= SILENT_S:
            return False
        host, _, process = self.driver.rpartition("-")
        if not re.fullmatch("[1-9][0-9]{0,8}", process):
            return False  # no driver writes such a name
        return host != socket.gethostname() or _exists(int(process))


class StatusFile:
    """The file that one driver keeps up to date."""

    def __init__(self, store: Store, status: DriverStatus) -> None:
        self.status = status
        self._store = store
        self._name = f"{DRIVERS}/{status.driver}-{secrets.token_hex(3)}.json"
        self._written = 0.0
        store.prepare(DRIVERS)

    def write(self, now: bool = False) -> None:
        """Write the file; unless it has to be now, at most every few seconds."""
        self.status.updated = time.time()
        if not now and self.status.updated - self._written < EVERY_S:
            return
        self._written = self.status.updated
        with suppress(OSError):  # storage in trouble is met, and dealt with, where it matters
            self._store.replace(self._name, self.status.model_dump_json(indent=1).encode())

    def trouble(self, shard: str, failure: str, reason: str, node: str) -> None:
        """Note a call that has failed; the file keeps the last of them."""
        self.status.failures[failure] = self.status.failures.get(failure, 0) + 1
        entry = Trouble(time=time.time(), shard=shard, failure=failure, reason=reason, node=node)
        self.status.troubles = [*self.status.troubles, entry][-KEPT_FAILURES:]


@contextmanager
def kept(file: StatusFile) -> Iterator[StatusFile]:
    """A status file whose last word says how the run ended."""
    file.write(now=True)
    state: State = "failed"
    try:
        yield file
        state = "finished"
    except KeyboardInterrupt:
        state = "interrupted"
        raise
    finally:
        file.status.state = state
        file.status.shards_running = file.status.workers = 0
        file.write(now=True)


def driver_name() -> str:
    """The name of this process, for people: HOST-PID."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True


def read_statuses(store: Store) -> Iterator[DriverStatus]:
    """The status of every driver that ever worked here, in any order."""
    for entry in store.list(DRIVERS):
        if entry.name.endswith(".json") and not entry.name.startswith("."):
            try:
                yield DriverStatus.model_validate_json(store.read(f"{DRIVERS}/{entry.name}"))
            except (OSError, ValidationError):
                continue  # replaced or removed meanwhile


def running(store: Store) -> str | None:
    """The name of a driver that works here now; None where there is none."""
    return next((status.driver for status in read_statuses(store) if status.alive), None)
