"""`python -m tests.chaos.run --faults N --seed S --table PATH`: many faults, and their table.

Until the table is there, a file beside it tells what has happened so far.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.incidents.pools import PoolSettings
from monsoon.engine.incidents.transport import Transport
from monsoon.jobs.progress.collisions import make_pool
from tests.chaos.harness.arena import Arena
from tests.chaos.harness.judgement import Judgement, judge
from tests.chaos.harness.kinds import KINDS, Kind
from tests.chaos.harness.nodes import RayNodes
from tests.chaos.harness.runner import Runner
from tests.chaos.harness.world import World, until, wait
from tests.chaos.higgs import write_signal
from tests.chaos.orders import write_whole
from tests.chaos.table import Run, markdown

IN_FLIGHT = 6
SHARD_EVENTS = 5
SPARE_SHARDS = 1000
PACE_S = 0.6  # a worker's rest before each shard
MEBIBYTES = 512
SIGNAL_EVENTS = 100  # for each fault, beyond the spare ones: several times what a campaign makes meanwhile


@contextmanager
def world(seed: int, faults: int, further: int = 2) -> Iterator[World]:
    """A cluster, a volume and a campaign of signal and pile-up that nobody has submitted yet.

    Parameters
    ----------
    seed
        Of all that is drawn.
    faults
        How many are to come.
    further
        Nodes beside the head.
    """
    with tempfile.TemporaryDirectory(prefix="chaos-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        arena = Arena(Path(folder) / "arena", MEBIBYTES)
        nodes = RayNodes(Path(folder) / "orders", further)
        try:
            pool = Path(folder) / "pool.parquet"
            make_pool(pool, PoolSettings((), 1, Transport(), Detector.load("lhcb-ecal")), 300)
            events = SPARE_SHARDS * SHARD_EVENTS
            higgs = write_signal(Path(folder), 2 * events + SIGNAL_EVENTS * faults)
            nodes.start()
            wait(until(nodes.answered, "the cluster"))
            campaign = Campaign(
                incidents=str(pool),
                signal=str(higgs),
                mu=1.5,
                events=events,
                shard_events=SHARD_EVENTS,
                output=str(arena.output),
                log=str(arena.log),
                patience_s=20,
                deadline_s=15,
            )
            yield World(arena, nodes, campaign, Random(seed))
        finally:
            nodes.stop()
            arena.close()


def draw(random: Random, faults: int, *, mounted: bool) -> list[Kind]:
    """Each kind once, where there are so many, and then by weight."""
    kinds = [kind for kind in KINDS.values() if mounted or kind.name not in ("disk_full", "read_only")]
    first = random.sample(kinds, min(len(kinds), faults))
    rest = random.choices(kinds, [kind.weight for kind in kinds], k=faults - len(first))
    return first + rest


def storm(runner: Runner, kinds: list[Kind], progress: Progress, note: Callable[[], None]) -> None:
    """Keep some faults in flight until all have been; those that have to wait let others go first.

    Parameters
    ----------
    runner
        Of the campaign.
    kinds
        The faults, in the order in which they were drawn.
    progress
        Where they are counted.
    note
        Called whenever a fault is done.
    """
    task = progress.add_task("faults", total=len(kinds), rate="")
    start, faults = time.monotonic(), len(kinds)
    waiting = list(kinds)
    while waiting or runner.flights:
        if len(runner.flights) < IN_FLIGHT:
            kind = next((kind for kind in waiting[: 2 * IN_FLIGHT] if runner.may_launch(kind)), None)
            if kind is not None:
                waiting.remove(kind)
                runner.launch(kind)
        before = len(runner.flights)
        runner.step()
        done = faults - len(waiting) - len(runner.flights)
        if len(runner.flights) < before:
            minutes = (time.monotonic() - start) / 60
            rate = f"{done / minutes:.1f} a minute, {(faults - done) * minutes / done:.0f} minutes left"
            progress.update(task, completed=done, rate=rate)
            if not progress.console.is_terminal:
                said = f"{done}/{faults} faults, {rate}, {runner.world.made} events, "
                print(f"{said}driver {runner.world.drivers.life}", flush=True)
            note()


def unfinished(table: Path) -> Path:
    """Where the table is kept until it is whole."""
    return table.with_suffix(".unfinished.md")


def main(arguments: Namespace) -> int:
    """Exit code 3 where anything is not as it should be."""
    start = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    with world(arguments.seed, arguments.faults) as here, progress:
        here.orders.set_pace(PACE_S)
        runner = Runner(here, SPARE_SHARDS)

        def so_far(judgement: Judgement | None = None) -> Run:
            return Run(
                seed=arguments.seed,
                faults=arguments.faults,
                shards=len(here.drivers.committed) if judgement is None else len(here.ledger.ranges()),
                drivers=here.drivers.life,
                seconds=time.monotonic() - start,
                tallies=runner.tallies,
                surprises=runner.surprises,
                judgement=judgement,
            )

        kinds = draw(here.random, arguments.faults, mounted=here.arena.mounted)
        storm(runner, kinds, progress, lambda: write_whole(unfinished(arguments.table), markdown(so_far())))
        runner.finish()
        task = progress.add_task("judged", total=here.events, rate="")
        run = so_far(judge(here, lambda events: progress.advance(task, events)))
        if arguments.keep:
            arguments.keep.write_text(here.arena.log.read_text())
    arguments.table.write_text(markdown(run))
    unfinished(arguments.table).unlink(missing_ok=True)
    print(markdown(run))
    for end in run.surprises:
        print(f"driver {end.life} ended with {end.code}:\n{end.said[-4000:]}")
    return 0 if run.good else 3


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--table", type=Path, default=Path(__file__).with_name("TABLE.md"))
    parser.add_argument("--keep", type=Path, help="where to keep the drivers' log")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    given = parser.parse_args()
    try:
        sys.exit(main(given))
    except KeyboardInterrupt:
        print(f"interrupted; {unfinished(given.table)} tells what had happened before", file=sys.stderr)
        sys.exit(130)
