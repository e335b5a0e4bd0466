"""Orders for the processes under test: a folder of small files, each executed once, by whoever claims it.

An order that a shard executes several times is as many files, all there from the start: the first goes to
whichever shard comes by, the others wait for that shard. A claim renames a file: it is made at once or not at
all, whatever kills its process. Whoever makes a shard notes that before its driver can know of it, so that
each committed shard can be traced to the process that made it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, Literal

FOLDER = "MONSOON_CHAOS"  # the environment variable that names the folder
SURVIVED = 2  # failures of its own that any shard has to survive: beyond them it may be quarantined
TICK_S = 0.02
NUMBERS = count(1)  # of orders: unlike in every folder of a process

Action = Literal["raise", "fail", "exit", "abort", "pause", "slow"]
DEADLY: tuple[Action, ...] = ("fail", "exit", "abort", "pause")  # that count against a shard


@dataclass(frozen=True)
class Order:
    """At a point of the path, do something.

    Parameters
    ----------
    name
        Of this order alone.
    point
        `make` or `events`; `attempt`, `publish` or `published` of an event file; `commit` or `committed` of a
        record.
    action
        What to do there.
    errno
        Of `raise`, an OSError.
    seconds
        Of `slow`.
    times
        How often in all, by the same shard; 1 in all files of an order but the first.
    again
        Whether this is for the shard that has executed the first file of the order.
    shard
        To this shard alone.
    event
        Where this event is among those that are made.
    parent
        By a child of this process alone.
    once
        Whether it goes when it is executed.
    """

    name: str
    point: str
    action: Action
    errno: int = 0
    seconds: float = 0.0
    times: int = 1
    again: bool = False
    shard: str | None = None
    event: int | None = None
    parent: int | None = None
    once: bool = True


@dataclass(frozen=True)
class Claim:
    """Who executes an order, and on what: the name of a file."""

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


@dataclass(frozen=True)
class Making:
    """A shard as it was made, whether that was committed or not.

    Parameters
    ----------
    pid
        Of the process that made it.
    late
        Whether that process obeyed no orders any more when it began; see `Orders.late`.
    start
        When it began, in seconds since 1970.
    record
        What it told its driver, as plain types.
    """

    pid: int
    late: bool
    start: float
    record: Mapping[str, Any]


class Orders:
    """The folder, as both sides see it.

    Parameters
    ----------
    folder
        Where it is; made where it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self._waiting, self._claimed, self._released, self._made = folders = [
            folder / name for name in ("waiting", "claimed", "released", "made")
        ]
        self._pace = folder / "pace"
        self.late = False
        """Whether this process paused and was released.

        It was given up meanwhile: it obeys no orders, since nobody may hear of what follows from them. Its
        answer is taken all the same where only the death of its node was about to end it.
        """
        for path in folders:
            path.mkdir(parents=True, exist_ok=True)

    # What the harness does

    def place(self, point: str, action: Action, *, name: str | None = None, **rest: object) -> str:
        """Give an order; returns its name. The fields of `Order` are given by keyword."""
        first = Order(name or f"{next(NUMBERS):04d}", point, action, **rest)  # type: ignore[arg-type]
        again = replace(first, times=1, again=True)
        for order, left in [*((again, left) for left in range(1, first.times)), (first, first.times)]:
            write_whole(self._waiting / f"{order.name}.{left}.{point}", json.dumps(asdict(order)))
        return first.name

    def claims(self, name: str) -> list[Claim]:
        """Who has executed an order, or is about to."""
        found = sorted(path.name for path in self._claimed.glob(f"{name} *"))
        return [Claim.parse(text.partition(" ")[2]) for text in found]

    def makings(self, shard: str) -> list[Making]:
        """All that have made a shard and were about to tell their drivers."""
        return [Making(**json.loads(path.read_text())) for path in (self._made / shard).glob("*.json")]

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
        write_whole(self._pace, str(seconds))

    # What the processes under test do

    def rest(self) -> None:
        """Keep the pace that is set, unless there is an order which the first who comes by executes."""
        with suppress(FileNotFoundError):
            end = time.monotonic() + float(self._pace.read_text())
            while (left := end - time.monotonic()) > 0 and not self._urgent():
                time.sleep(min(left, TICK_S))

    def obey(self, point: str, shard: str, events: Collection[int] = ()) -> None:
        """Execute the first order for this point, if there is one for this shard and process."""
        if self.late:
            return
        for name in sorted(os.listdir(self._waiting)):
            if not name.endswith(f".{point}"):
                continue
            order = self._read(name)
            if order is not None and self._meant(order, shard, events) and self._claim(order, name, shard):
                self._execute(order)
                return

    def note(self, shard: str, making: Making) -> None:
        """Tell who made a shard, before anybody can commit it."""
        folder = self._made / shard
        folder.mkdir(exist_ok=True)
        write_whole(folder / f"{making.start:.6f}.{making.pid}.json", json.dumps(asdict(making)))

    def _urgent(self) -> bool:
        orders = [self._read(name) for name in os.listdir(self._waiting) if not name.startswith(".")]
        return any(
            order is not None
            and order.once
            and (order.shard, order.event, order.again) == (None, None, False)
            and order.parent in (None, os.getppid())
            for order in orders
        )

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
        if order.again:
            return any(claim.shard == shard for claim in self.claims(order.name))
        if not order.once or order.action not in DEADLY or order.shard is not None:
            return True
        return self._failures(shard) + order.times <= SURVIVED

    def _failures(self, shard: str) -> int:
        """How many of its own a shard has been given, or will be: by the orders that it has claimed."""
        texts = [path.read_text() for path in self._claimed.glob(f"* {shard}")]
        orders = [Order(**json.loads(text)) for text in texts if text]
        return sum(order.times for order in orders if order.action in DEADLY and not order.again)

    def _claim(self, order: Order, name: str, shard: str) -> bool:
        claim = self._claimed / f"{order.name} {Claim(os.getpid(), shard, time.time()).name}"
        if not order.once:
            claim.touch()
            return True
        with suppress(FileNotFoundError):  # of several who try, one has it
            (self._waiting / name).rename(claim)
            return True
        return False

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
            self.late = True


def write_whole(path: Path, text: str) -> None:
    """Write a file whole, or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
