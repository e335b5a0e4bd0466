"""Orders for the processes under test: a folder of small files, each executed once, by whoever claims it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

FOLDER = "MONSOON_CHAOS"  # the environment variable that names the folder
SURVIVED = 2  # failures of its own that any shard has to survive: beyond them it may be quarantined
TICK_S = 0.02
NUMBERS = count(1)  # of orders: unlike in every folder of a process

Action = Literal["raise", "fail", "exit", "abort", "pause", "slow"]
DEADLY: tuple[Action, ...] = ("fail", "exit", "abort", "pause")  # that count against a shard


@dataclass(frozen=True)
class Order:
    """At a point of the path, do something."""

    name: str
    point: str  # make, events; attempt, publish, published: of an event file; commit, committed: of a record
    action: Action
    errno: int = 0  # of `raise`, an OSError
    seconds: float = 0.0  # of `slow`
    times: int = 1  # in a row, to the same shard
    shard: str | None = None  # to this shard alone
    event: int | None = None  # where this event is among those that are made
    parent: int | None = None  # by a child of this process alone
    once: bool = True  # whether it goes when it is executed


@dataclass(frozen=True)
class Claim:
    """Who executes an order, and on what: an empty file of this name, so that it is made at once or not."""

    pid: int
    shard: str
    time: float  # seconds since 1970

    @property
    def name(self) -> str:
        return f"{self.time:.6f} {self.pid} {self.shard}"

    @classmethod
    def parse(cls, name: str) -> Claim:
        time, pid, shard = name.split(" ")
        return cls(int(pid), shard, float(time))


class Orders:
    """The folder, as both sides see it."""

    def __init__(self, folder: Path) -> None:
        self._waiting, self._claimed, self._released, self._hits = (
            folder / name for name in ("waiting", "claimed", "released", "hits")
        )
        self._pace = folder / "pace"
        self._late = False  # this process was given up while it paused: what befalls it nobody will hear of
        for path in (self._waiting, self._claimed, self._released, self._hits):
            path.mkdir(parents=True, exist_ok=True)

    # What the harness does

    def place(self, point: str, action: Action, *, name: str | None = None, **rest: object) -> str:
        """Give an order; returns its name."""
        order = Order(name or f"{next(NUMBERS):04d}", point, action, **rest)  # type: ignore[arg-type]
        self._put(order)
        return order.name

    def claims(self, name: str) -> list[Claim]:
        """Who has executed an order, or is about to."""
        found = sorted(path.name for path in self._claimed.glob(f"{name} *"))
        return [Claim.parse(text.partition(" ")[2]) for text in found]

    def withdraw(self, name: str) -> bool:
        """Take an order back; whether that was in time."""
        found = list(self._waiting.glob(f"{name}.*"))
        for path in found:
            path.unlink(missing_ok=True)
        return bool(found)

    def release(self, name: str) -> None:
        """Let whoever pauses by an order go on."""
        (self._released / name).touch()

    def set_pace(self, seconds: float) -> None:
        """How long a worker rests before each shard, so that a campaign lasts as long as its faults."""
        _write(self._pace, str(seconds))

    # What the processes under test do

    def rest(self) -> None:
        """Keep the pace that is set, unless there is an order which the first who comes by executes."""
        with suppress(FileNotFoundError):
            end = time.monotonic() + float(self._pace.read_text())
            while (left := end - time.monotonic()) > 0 and not self._urgent():
                time.sleep(min(left, TICK_S))

    def obey(self, point: str, shard: str, events: Collection[int] = ()) -> None:
        """Execute the first order for this point, if there is one for this shard and process."""
        if self._late:
            return
        for name in sorted(os.listdir(self._waiting)):
            if not name.endswith(f".{point}"):
                continue
            order = self._read(name)
            if order is not None and self._meant(order, shard, events) and self._claim(order, name, shard):
                self._execute(order)
                return

    def _urgent(self) -> bool:
        orders = [self._read(name) for name in os.listdir(self._waiting) if not name.startswith(".")]
        return any(
            order is not None
            and order.once
            and (order.shard, order.event) == (None, None)
            and order.parent in (None, os.getppid())
            for order in orders
        )

    def _put(self, order: Order) -> None:
        _write(self._waiting / f"{order.name}.{order.times}.{order.point}", json.dumps(asdict(order)))

    def _read(self, name: str) -> Order | None:
        try:
            return Order(**json.loads((self._waiting / name).read_text()))
        except FileNotFoundError:  # claimed by another
            return None

    def _meant(self, order: Order, shard: str, events: Collection[int]) -> bool:
        if order.shard not in (None, shard) or order.parent not in (None, os.getppid()):
            return False
        if order.event is not None and order.event not in events:
            return False
        if not order.once or order.action not in DEADLY or order.shard is not None:
            return True
        return sum(1 for _ in self._hits.glob(f"{shard}.*")) + order.times <= SURVIVED

    def _claim(self, order: Order, name: str, shard: str) -> bool:
        claim = self._claimed / f"{order.name} {Claim(os.getpid(), shard, time.time()).name}"
        if not order.once:
            claim.touch()
        else:
            try:  # of several who try, one has it
                (self._waiting / name).rename(claim)
            except FileNotFoundError:
                return False
            if order.action in DEADLY:
                (self._hits / f"{shard}.{order.name}.{order.times}").touch()
            if order.times > 1:  # before the shard can come back
                self._put(replace(order, times=order.times - 1, shard=shard))
        return True

    def _execute(self, order: Order) -> None:
        if order.action == "raise":
            raise OSError(order.errno, f"{os.strerror(order.errno)}, by order {order.name}")
        if order.action == "fail":
            raise ValueError(f"by order {order.name}")
        if order.action == "exit":
            os._exit(3)
        if order.action == "abort":
            os.abort()
        if order.action == "slow":
            time.sleep(order.seconds)
        if order.action == "pause":
            while not (self._released / order.name).exists():
                time.sleep(TICK_S)
            self._late = True


def _write(path: Path, text: str) -> None:
    """Whole, or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
