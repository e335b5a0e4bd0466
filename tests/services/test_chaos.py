"""Campaigns that are killed, starved and lied to: every event comes out once, and equal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import h5py
import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.quarantine import QUARANTINE
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.records import Events
from monsoon.jobs.verify import Verdict, verify
from monsoon.models.store.shipped import SHIPPED
from tests.chaos.harness.arena import Arena
from tests.chaos.harness.drivers import End
from tests.chaos.harness.judgement import judge
from tests.chaos.harness.kinds import KINDS
from tests.chaos.harness.nodes import RayNodes
from tests.chaos.harness.processes import alive
from tests.chaos.harness.runner import Runner
from tests.chaos.harness.world import World, until, wait
from tests.chaos.orders import Claim

DEADLINE_S = 8.0
PATIENCE_S = 8.0
PACE_S, SLOW_PACE_S = 0.7, 2.0  # a worker's rest before each shard, unless a fault waits for it
SHARD_EVENTS = 3
SPARE_SHARDS = 150
EVERY = 20  # showers of the shipped library, one is in the one that is used here: it is loaded sooner
RAISES, DIES = 9, 17  # events
POISONED = EventRange(24, 25)  # a shard
TWICE = EventRange(30, 31)  # a shard that raises twice

TOGETHER = (  # the first takes until the deadline
    *("hang", "failing_storage", "ambiguous_storage", "slow_storage", "poison_error", "garbage_file"),
    "stale_copy",
)
ROOT_ONLY = ("disk_full", "read_only")
LATE = ("zombie_writer", "torn_file")  # each on a worker of its own, and then others start
# A driver's end follows at once where a worker has died: nobody waits for the one that comes in its place.
ENDING = ("actor_kill", "head_kill", "sigint", "poison_death", "sigterm", "driver_kill")


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RayNodes]:
    """A head of two CPUs, and a node of one that may still be about to join."""
    nodes = RayNodes(tmp_path_factory.mktemp("nodes") / "orders", further=1, head_cpus=2)
    try:
        nodes.start()
        wait(until(nodes.head_answered, "the cluster"))
        yield nodes
    finally:
        nodes.stop()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that is loaded in no time."""
    folder = tmp_path_factory.mktemp("library")
    for source in SHIPPED["library"]:
        with h5py.File(source) as whole, h5py.File(folder / source.name, "w") as part:
            for name, column in whole.items():
                part.create_dataset(name, data=column[::EVERY])
    return ",".join(str(folder / source.name) for source in SHIPPED["library"])


@dataclass(frozen=True)
class Poisoned:
    """A campaign whose storage was away for too long, and of which some events cannot be made."""

    world: World
    given_up: End
    while_away: list[str]  # what was where the output had been
    after_return: Verdict
    end: End
    raised: list[Claim]  # by the shard that raises twice


@pytest.fixture(scope="module")
def poisoned(nodes: RayNodes, pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Poisoned]:
    """Two drivers: one that gives up, and one that meets the poison."""
    arena = Arena(tmp_path_factory.mktemp("poisoned") / "arena")
    campaign = Campaign(
        incidents=str(pool),
        model="library",
        mu=1.5,
        events=40,
        shard_events=2,
        output=str(arena.output),
        log=str(arena.log),
        patience_s=2,
    )
    world = World(arena, nodes, campaign, Random(1))
    orders, drivers = world.orders, world.drivers
    runner = Runner(world, spare_shards=0, bearable=1)
    try:
        orders.set_pace(0.5)
        runner.drive(world.working())
        drivers.expected[2] = "storage that is gone"
        world.held += 1
        arena.take_away()
        runner.drive(until(lambda: drivers.ends, "the end of the driver"))
        while_away = [str(path) for path in arena.output.glob("**/*")]
        arena.bring_back()
        after_return = verify(str(arena.output), lambda line: None)
        poison = [
            orders.place("events", "fail", event=RAISES, once=False),
            orders.place("events", "exit", event=DIES, once=False),
            orders.place("publish", "fail", shard=POISONED.stem, once=False),
        ]
        twice = orders.place("make", "fail", shard=TWICE.stem, times=2)
        world.held -= 1
        runner.finish()
        for order in poison:
            orders.withdraw(order)
        raised = orders.claims(twice)
        yield Poisoned(world, drivers.ends[0], while_away, after_return, drivers.ends[-1], raised)
    finally:
        arena.close()


def test_storage_that_stays_away_ends_the_run_with_one_line(poisoned: Poisoned) -> None:
    """Exit code 2, what, where and the remedy; no traceback."""
    assert poisoned.given_up.code == 2
    line = poisoned.given_up.last_line
    assert line.startswith(f"monsoon: {poisoned.world.output}: storage has been failing for ")
    assert line.endswith("fix it, and run the same command again")
    assert "Traceback" not in poisoned.given_up.said


def test_nothing_is_written_where_the_output_was_nor_half_written_in_it(poisoned: Poisoned) -> None:
    assert poisoned.while_away == []
    assert poisoned.after_return.missing > 0
    assert poisoned.after_return.corrupt == poisoned.after_return.duplicate == 0


def test_a_poison_event_costs_that_event_alone(poisoned: Poisoned) -> None:
    """One that raises and one that kills the process; both say why they are in quarantine."""
    raised, died = (_quarantined(poisoned.world, event) for event in (RAISES, DIES))
    assert list(raised) == [RAISES]
    assert list(died) == [DIES]
    assert raised[RAISES].startswith("ValueError: by order")
    assert died[DIES].startswith("ActorDiedError: ")


def test_a_poison_shard_is_quarantined_whole(poisoned: Poisoned) -> None:
    reasons = _quarantined(poisoned.world, POISONED.first)
    assert sorted(reasons) == list(range(POISONED.first, POISONED.last + 1))
    assert all("though each event can be: ValueError: by order" in reason for reason in reasons.values())
    assert not _record(poisoned.world, POISONED.first).files


def test_a_shard_that_raised_twice_is_committed_as_a_third_call_made_it(poisoned: Poisoned) -> None:
    world = poisoned.world
    told = world.failures(0, {"error"}, TWICE.stem)
    assert len(told) == len(poisoned.raised) == 2
    making = world.making(_record(world, TWICE.first))
    assert not making.late
    assert poisoned.raised[-1].time < told[-1].time < making.start + 0.001  # as exact as the log is


def test_a_campaign_with_poison_in_it_finishes_with_the_other_events_as_they_are_without(
    poisoned: Poisoned,
) -> None:
    world = poisoned.world
    assert poisoned.end.code == 0
    verdict = verify(str(world.output), lambda line: None)
    assert verdict.good
    assert verdict.quarantined == 2 + POISONED.events
    calm = world.maker.events(world.maker.incidents(EventRange(0, 39)))
    expected = _hashes(calm)
    found: dict[int, Any] = {}
    for record in world.ledger.records():
        for file in record.files:
            found.update(_hashes(parquet.read(world.output / file.url)))
    poison = {RAISES, DIES, *range(POISONED.first, POISONED.last + 1)}
    assert found == {event: content for event, content in expected.items() if event not in poison}


@pytest.mark.timeout(1500)  # on a machine that has other things to do
def test_one_fault_of_each_kind_loses_no_event_and_doubles_none(
    nodes: RayNodes, pool: Path, library: str, tmp_path: Path
) -> None:
    """Each is seen to take place, and no driver ends in another way than its fault asks for."""
    arena = Arena(tmp_path / "arena")
    campaign = Campaign(
        incidents=str(pool),
        model=library,
        mu=1.5,
        events=SPARE_SHARDS * SHARD_EVENTS,
        shard_events=SHARD_EVENTS,
        output=str(arena.output),
        log=str(arena.log),
        patience_s=PATIENCE_S,
        deadline_s=DEADLINE_S,
    )
    world = World(arena, nodes, campaign, Random(1))
    runner = Runner(world, SPARE_SHARDS, bearable=1)
    outages = (*(ROOT_ONLY if arena.mounted else ()), "vanish")
    try:
        world.orders.set_pace(PACE_S)
        runner.step()
        world.maker.warm_up()  # while the first driver starts: nothing of this process is then late
        runner.drive(world.working())
        for name in TOGETHER:
            runner.launch(KINDS[name])
        for name in outages:
            runner.land(KINDS[name])
        world.orders.set_pace(SLOW_PACE_S)  # or a campaign whose nodes take long to join is done meanwhile
        runner.drive(until(nodes.answered, "all nodes"))
        raylet = nodes.nodes[-1].raylet
        runner.launch(KINDS["raylet_kill"])  # whose worker is no other fault's
        runner.drive(until(lambda: not alive(raylet), "the end of a raylet"))
        for name in LATE:
            runner.launch(KINDS[name])
        runner.land_all()
        world.orders.set_pace(PACE_S)
        nodes.further, world.settings = 0, {"workers": 1}  # from the next head on: drivers come and go sooner
        for name in ENDING:
            if name == "poison_death":
                runner.drive(world.working())
            runner.land(KINDS[name])
        runner.finish()
        tallies, judgement = runner.tallies, judge(world)
    finally:
        arena.close()
    assert {name: tally.missed for name, tally in tallies.items() if tally.missed} == {}
    assert {name: tally.done for name, tally in tallies.items()} == dict.fromkeys(
        (*TOGETHER, *outages, "raylet_kill", *LATE, *ENDING), 1
    )
    assert not any(tally.overtaken for tally in tallies.values())
    assert judgement.good, judgement
    if not arena.mounted:
        pytest.skip(f"all but disk_full and read_only, for want of a volume to mount: {arena.refusal}")


@pytest.mark.timeout(1500)
def test_killed_workers_of_a_layered_calorimeter_lose_no_event(
    nodes: RayNodes, layered_pool: Path, tmp_path: Path
) -> None:
    """Three die in the midst of a shard, wherever in it; the content is that of calm weather."""
    arena = Arena(tmp_path / "arena")
    campaign = Campaign(
        incidents=str(layered_pool),
        model="siw",
        detector="forward-siw",
        mu=2.0,
        contributions=True,
        events=20 * SHARD_EVENTS,
        shard_events=SHARD_EVENTS,
        output=str(arena.output),
        log=str(arena.log),
    )
    world = World(arena, nodes, campaign, Random(1))
    runner = Runner(world, spare_shards=10, bearable=1)
    try:
        world.orders.set_pace(PACE_S)
        runner.drive(world.working())
        for _ in range(3):
            runner.land(KINDS["actor_kill"])
        runner.finish()
        tally, judgement = runner.tallies["actor_kill"], judge(world)
    finally:
        arena.close()
    assert (tally.done, tally.missed) == (3, [])
    assert tally.calls >= 3
    assert judgement.good, judgement


def _hashes(events: Events) -> dict[int, Any]:
    """Event -> hash of its content."""
    return dict(zip(events.event.tolist(), event_hashes(events), strict=True))


def _quarantined(world: World, event: int) -> dict[int, str]:
    """Event -> reason, of the shard of an event."""
    shard = _record(world, event).range
    entries = json.loads((world.output / QUARANTINE / f"{shard.stem}.json").read_text())
    return {entry["event"]: entry["reason"] for entry in entries}


def _record(world: World, event: int) -> ShardRecord:
    size = world.campaign.shard_events
    first = event // size * size
    return world.ledger.record(EventRange(first, first + size - 1))
