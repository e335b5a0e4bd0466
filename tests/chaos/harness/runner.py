"""Keeps a campaign going while faults hit it: submits it again whenever its driver has ended."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tests.chaos.harness.drivers import End
from tests.chaos.harness.kinds import KINDS, Kind, together
from tests.chaos.harness.world import TICK_S, NotSeenError, Seen, Steps, World, until

LONGEST_END_S = 1800.0  # from the last fault to the end of the campaign
T = TypeVar("T")
MOST_SURPRISES = 10  # before nothing is to be learned from going on


@dataclass
class Flight:
    """A fault that has been started and is not done with."""

    kind: Kind
    steps: Steps


@dataclass
class Tally:
    """What became of the faults of one kind."""

    done: int = 0
    calls: int = 0  # failed calls, by the driver's log
    overtaken: int = 0
    passed: int = 0  # times that a worker given up before made a shard without executing its order
    restarts: int = 0  # of the driver
    missed: list[str] = field(default_factory=list)  # why a fault, or what follows from it, was not seen

    def add(self, other: Tally) -> None:
        self.done += other.done
        self.calls += other.calls
        self.overtaken += other.overtaken
        self.passed += other.passed
        self.restarts += other.restarts
        self.missed += other.missed


class Runner:
    """Steps everything that is in flight, one after the other, in one thread."""

    def __init__(self, world: World, spare_shards: int, bearable: int = MOST_SURPRISES) -> None:
        """
        spare_shards  the campaign grows so that at least so many are left while faults are to come
        bearable      the run ends with an error when so many drivers have ended as they should not
        """
        self.world, self._bearable = world, bearable
        self._spare = spare_shards * world.campaign.shard_events
        self.flights: list[Flight] = []
        self.tallies: dict[str, Tally] = {}
        self.surprises: list[End] = []  # drivers that ended as they should not
        self._growing = True

    def launch(self, kind: Kind) -> None:
        """Start a fault."""
        self.flights.append(Flight(kind, kind.run(self.world)))

    def may_launch(self, kind: Kind) -> bool:
        return together(kind, [flight.kind for flight in self.flights])

    def step(self) -> None:
        """Look after the driver, and let every fault take its next step."""
        self._supervise()
        for flight in list(self.flights):
            tally = self.tallies.setdefault(flight.kind.name, Tally())
            try:
                next(flight.steps)
                continue
            except StopIteration as stop:
                seen: Seen = stop.value
                tally.done += 1
                tally.calls += seen.calls
                tally.overtaken += seen.overtaken
                tally.passed += seen.passed
            except NotSeenError as error:
                tally.missed.append(str(error))
            self.flights.remove(flight)
        time.sleep(TICK_S)

    def drive(self, steps: Generator[None, None, T]) -> T:
        """Go on until these steps are done, which are no fault's."""
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result
            self.step()

    def land(self, *kinds: Kind) -> None:
        """Start faults, and go on until none of these is in flight."""
        for kind in kinds:
            self.launch(kind)
        self._await(kinds)

    def land_all(self) -> None:
        """Go on until nothing is in flight."""
        self._await([flight.kind for flight in self.flights])

    def finish(self) -> None:
        """No faults any more: the campaign runs to its end."""
        self._growing = False
        self.world.orders.set_pace(0.0)
        self.drive(until(self._finished, "the end of the campaign", LONGEST_END_S))

    def _supervise(self) -> None:
        world, drivers = self.world, self.world.drivers
        if (end := drivers.look()) is not None:
            if end.code not in drivers.expected:
                self.surprises.append(end)
                if len(self.surprises) >= self._bearable:
                    raise RuntimeError(f"driver {end.life} ended with {end.code}:\n{end.said[-4000:]}")
            cause = drivers.expected.get(end.code)
            if cause in KINDS:
                self.tallies.setdefault(cause, Tally()).restarts += 1
        if drivers.pid is None and not world.held and (self._growing or not self._finished()):
            self._submit()

    def _submit(self) -> None:
        world = self.world
        if self._growing:
            world.events = max(world.events, world.made + self._spare)
        world.drivers.start(world.events, world.nodes.address, **world.settings)

    def _await(self, kinds: Sequence[Kind]) -> None:
        while any(flight.kind in kinds for flight in self.flights):
            self.step()

    def _finished(self) -> bool:
        drivers = self.world.drivers
        return drivers.pid is None and bool(drivers.ends) and drivers.ends[-1].code == 0
