"""The status that each driver writes while it runs, in _drivers/ of the output."""

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
AHEAD_S = 300.0  # a status further in the future is ignored: with Kerberos, clocks differ by less
SILENT_S = 30.0  # a driver that has not written for this long counts as dead
KEPT_FAILURES = 20

LARGEST = (1 << 63) - 1

Time = Annotated[float, Field(ge=0, le=1e11)]  # seconds since 1970, to the year 5138
Count = Annotated[int, Field(ge=0, le=LARGEST)]
State = Literal["running", "finished", "interrupted", "failed"]


class Trouble(BaseModel):
    """A call to a worker that failed.

    Attributes
    ----------
    time : float
        When it failed (Unix time).
    shard : str
        The shard, by its name.
    failure : str
        The kind of failure, a value of `engine.ledger.retry.Failure`.
    reason : str
        The error.
    node : str
        The worker's node.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Time
    shard: str
    failure: str
    reason: str
    node: str


class DriverStatus(BaseModel):
    """The last status of one driver.

    Attributes
    ----------
    driver : str
        HOST-PID of its process.
    started, updated : float
        When it started, and when it wrote this (Unix time).
    state : str
        running, finished, interrupted or failed.
    events_wanted : int
        Events of the campaign.
    events_committed : int
        Events committed by all drivers, as far as this one knows.
    events_made, events_quarantined : int
        Events that this driver has made and quarantined.
    collisions_wanted : int
        Collisions of the pool that this driver makes; 0 if it makes events.
    collisions_before, collisions_made : int
        Of these, those that existed at its start, and those that it has made.
    shards_committed, shards_running, shards_waiting : int
        Shards by state.
    workers, nodes : int
        Workers that are ready, and nodes in use.
    failures : dict
        Number of failed calls by kind.
    troubles : list of Trouble
        The last failed calls.
    """

    model_config = ConfigDict(extra="ignore")  # another release may have written it

    driver: str
    started: Time
    updated: Time
    state: State = "running"
    events_wanted: Count
    events_committed: Count
    events_made: Count = 0
    events_quarantined: Count = 0
    collisions_wanted: Count = 0
    collisions_before: Count = 0
    collisions_made: Count = 0
    shards_committed: Count
    shards_running: Count = 0
    shards_waiting: Count = 0
    workers: Count = 0
    nodes: Count = 0
    failures: dict[str, Count] = {}
    troubles: list[Trouble] = []

    @property
    def rate(self) -> float:
        """Events per second since this driver's start, or collisions per second if it makes a pool."""
        made = self.collisions_made if self.collisions_wanted else self.events_made
        return made / max(self.updated - self.started, 1e-9)

    @property
    def alive(self) -> bool:
        """Whether it is still running, as far as can be told from this machine."""
        if self.state != "running" or not -AHEAD_S <= time.time() - self.updated <= SILENT_S:
            return False
        host, _, process = self.driver.rpartition("-")
        if not re.fullmatch("[1-9][0-9]{0,8}", process):
            return False  # not the name of a driver
        return host != socket.gethostname() or _exists(int(process))


class StatusFile:
    """The status file of one driver.

    Parameters
    ----------
    store : Store
        The campaign's output.
    status : DriverStatus
        The first status. Its fields are changed in place before `write`.
    """

    def __init__(self, store: Store, status: DriverStatus) -> None:
        self.status = status
        self._store = store
        self._name = f"{DRIVERS}/{status.driver}-{secrets.token_hex(3)}.json"
        self._written = 0.0
        store.prepare(DRIVERS)

    def write(self, now: bool = False) -> None:
        """Write the file, at most every `EVERY_S` seconds unless `now` is true."""
        self.status.updated = time.time()
        if not now and self.status.updated - self._written < EVERY_S:
            return
        self._written = self.status.updated
        with suppress(OSError):  # failures of the storage are handled by the loop
            self._store.replace(self._name, self.status.model_dump_json(indent=1).encode())

    def trouble(self, shard: str, failure: str, reason: str, node: str) -> None:
        """Add a failed call. The file keeps the last `KEPT_FAILURES` of them.

        Parameters
        ----------
        shard, failure, reason, node : str
            As in `Trouble`.
        """
        self.status.failures[failure] = self.status.failures.get(failure, 0) + 1
        entry = Trouble(time=time.time(), shard=shard, failure=failure, reason=reason, node=node)
        self.status.troubles = [*self.status.troubles, entry][-KEPT_FAILURES:]


@contextmanager
def kept(file: StatusFile) -> Iterator[StatusFile]:
    """Write a status file at the start of a run, and at its end with the final state."""
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


def process_name() -> str:
    """The name of this process: HOST-PID."""
    return f"{socket.gethostname()}-{os.getpid()}"


def _exists(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # a process of another user
    return True


def read_statuses(store: Store) -> Iterator[DriverStatus]:
    """Read the status of every driver that has worked on this output, in any order."""
    for entry in store.list(DRIVERS):
        if entry.name.endswith(".json") and not entry.name.startswith("."):
            try:
                yield DriverStatus.model_validate_json(store.read(f"{DRIVERS}/{entry.name}"))
            except (OSError, ValidationError):
                continue  # replaced or removed in the meantime


def running(store: Store) -> str | None:
    """The name of a driver that is working on this output now; None if there is none."""
    return next((status.driver for status in read_statuses(store) if status.alive), None)
