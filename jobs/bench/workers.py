"""Benchmark of campaigns on Ray: whether workers add up, and whether time is lost besides that of the stages.

A worker's first shard, and its start before that, are not counted: what remains is the pace that a long
campaign keeps, with all that happens between shards. The same shards made in this process say what the
stages take.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from monsoon.engine.campaign import ShardMaker, resolve
from monsoon.engine.config import Campaign
from monsoon.engine.incidents.parquet import write_incidents
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.records import Array
from monsoon.engine.remote.cluster import connected
from monsoon.engine.storage import open_store
from monsoon.jobs.bench.benchmark import OURS, Row, of_times
from monsoon.jobs.bench.inputs import RUN3_MU, SEED, Inputs
from monsoon.jobs.generate import generate

WORKERS = "campaign on Ray"
ONE, TWO = f"{OURS}, 1 worker", f"{OURS}, 2 workers"
STARTED = f"{TWO}, with their start"
STAGES = "CPU of the stages"
CORES = 2
SHARDS = (5, 10)  # for one and for two workers


def benchmarks(inputs: Inputs, quick: bool, directory: Path) -> Iterator[list[Row]]:
    """Run 3 events in shards of 500, or (quick) 250."""
    pool = directory / "pool.parquet"
    write_incidents(
        pool, [inputs.pool], source="pythia", settings={}, detector=inputs.detector.description.name
    )
    yield campaigns(inputs, pool, directory, 250 if quick else 500)


def campaigns(inputs: Inputs, pool: Path, directory: Path, shard_events: int) -> list[Row]:
    """Rows of campaigns with one and two workers, and of their stages.

    Parameters
    ----------
    inputs : Inputs
        Detector and generators.
    pool : Path
        A file of collisions.
    directory : Path
        A folder for the outputs.
    shard_events : int
        Events in a shard.
    """

    def campaign(workers: int) -> Campaign:
        return Campaign(
            seed=SEED,
            incidents=str(pool),
            mu=RUN3_MU,
            model="library",
            output=str(directory / f"workers-{workers}"),
            events=shard_events * SHARDS[workers - 1],
            shard_events=shard_events,
            workers=workers,
        )

    stages = cpu_of_shards(campaign(1), inputs, directory / "stages")
    contents: dict[int, list[ShardRecord]] = {}
    with connected(None):
        for workers in (1, 2):
            start = perf_counter()
            generate(campaign(workers), say=_nothing)
            whole = (perf_counter() - start) / campaign(workers).events
            contents[workers] = list(Ledger(open_store(campaign(workers).output)).records())
    same = [one.content for one in sorted(contents[1], key=_first)] == [
        two.content for two in sorted(contents[2], key=_first)[: len(contents[1])]
    ]
    one, two = (1e6 * pace(contents[workers]) for workers in (1, 2))
    check = "ok" if same else "red"
    base = float(np.median(one))
    counted = [shard_events * (SHARDS[workers - 1] - workers) for workers in (1, 2)]
    return [
        of_times(Row(WORKERS, ONE, "us/event", counted[0], check=check), one, base),
        of_times(Row(WORKERS, TWO, "us/event", counted[1], check=check), two, base),
        of_times(
            Row(WORKERS, STARTED, "us/event", campaign(2).events, check=check), np.array([whole * 1e6]), base
        ),
        of_times(Row(WORKERS, STAGES, "us/event", campaign(1).events, check="-"), 1e6 * stages, base),
    ]


def cpu_of_shards(campaign: Campaign, inputs: Inputs, output: Path) -> Array:
    """CPU seconds of an event for each shard of a campaign, made here one after the other, float64 [S]."""
    output.mkdir()
    there = str(output.absolute())
    resolved = resolve(
        campaign.model_copy(update={"output": there}),
        there,
        str(campaign.incidents),
        inputs.suite,
        inputs.detector,
    )
    maker, size = ShardMaker(resolved), campaign.shard_events
    open_store(there).prepare("events")
    maker.warm_up()
    taken = []
    for first in range(0, campaign.events, size):
        start = process_time()
        maker.make(EventRange(first, first + size - 1))
        taken.append((process_time() - start) / size)
    return np.array(taken)


def pace(records: Sequence[ShardRecord]) -> Array:
    """Seconds of an event of the campaign, from each shard to its worker's next one; float64 [S - W].

    Workers work side by side: what one of them takes is divided by their number.
    """
    made: dict[str, list[ShardRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.made or 0.0):
        made[str(record.worker)].append(record)
    steps = [
        (float(after.made or 0.0) - float(before.made or 0.0)) / (after.last - after.first + 1) / len(made)
        for of_worker in made.values()
        for before, after in pairwise(of_worker)
    ]
    return np.array(steps)


def _first(record: ShardRecord) -> int:
    return record.first


def _nothing(line: str) -> None:
    """Nothing is said: the rows are what counts."""
