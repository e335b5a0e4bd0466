"""What a driver says of itself while it runs, below _drivers/ in the output: for people and other drivers."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monsoon.engine.storage import Store

DRIVERS = "_drivers"
EVERY_S = 3.0
AHEAD_S = 300.0  # a word from further in the future is no driver's: clocks that Kerberos takes differ by less
SILENT_S = 30.0  # a driver that has said nothing for so long is taken for dead
KEPT_FAILURES = 20

LARGEST = (1 << 63) - 1

Time = Annotated[float, Field(ge=0, le=1e11)]  # seconds since 1970, to the year 5138
Count = Annotated[int, Field(ge=0, le=LARGEST)]
State = Literal["running", "finished", "interrupted", "failed"]


class Trouble(BaseModel):
    """A call that failed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Time
    shard: str
    failure: str
    reason: str
    node: str


class DriverStatus(BaseModel):
    """One driver's last word."""

    model_config = ConfigDict(extra="ignore")  # of another version, maybe

    driver: str
    started: Time
    updated: Time
    state: State = "running"
    events_wanted: Count
    events_committed: Count  # of the campaign, by all drivers, as far as this one knows
    events_made: Count = 0  # by this driver
    events_quarantined: Count = 0
    shards_committed: Count
    shards_running: Count = 0
    shards_waiting: Count = 0
    workers: Count = 0
    nodes: Count = 0
    failures: dict[str, Count] = {}
    troubles: list[Trouble] = []  # the last of them

    @property
    def rate(self) -> float:
        """Events a second, since this driver's start."""
        return self.events_made / max(self.updated - self.started, 1e-9)

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
        """Write it, at most every few seconds unless it has to be now."""
        self.status.updated = time.time()
        if not now and self.status.updated - self._written < EVERY_S:
            return
        self._written = self.status.updated
        with suppress(OSError):  # storage in trouble is met, and dealt with, where it matters
            self._store.replace(self._name, self.status.model_dump_json(indent=1).encode())

    def trouble(self, shard: str, failure: str, reason: str, node: str) -> None:
        """A call has failed."""
        self.status.failures[failure] = self.status.failures.get(failure, 0) + 1
        entry = Trouble(time=time.time(), shard=shard, failure=failure, reason=reason, node=node)
        self.status.troubles = [*self.status.troubles, entry][-KEPT_FAILURES:]


def driver_name() -> str:
    """This process, for people."""
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
    """The last words of all drivers that ever worked here, in any order."""
    for entry in store.list(DRIVERS):
        if entry.name.endswith(".json") and not entry.name.startswith("."):
            try:
                yield DriverStatus.model_validate_json(store.read(f"{DRIVERS}/{entry.name}"))
            except (OSError, ValidationError):
                continue  # replaced or removed meanwhile


def running(store: Store) -> str | None:
    """The name of a driver that works here now, if there is one."""
    return next((status.driver for status in read_statuses(store) if status.alive), None)
