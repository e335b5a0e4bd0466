"""Growth is of the events that are said, and work is counted as it is there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.detector.placing import Placing
from monsoon.engine.ledger.stored import ShardRecord
from monsoon.engine.records import Incidents
from monsoon.jobs.bench import growth, machine, workers
from monsoon.jobs.bench.inputs import Inputs, draw
from monsoon.jobs.bench.workers import ONE, STAGES, STARTED, TWO, pace
from monsoon.jobs.bench.writing import read
from monsoon.models.store.suite import Suite

MakeIncidents = Callable[..., Incidents]


@pytest.fixture(scope="module")
def inputs(placing: Placing, suite: Suite, make_incidents: MakeIncidents) -> Inputs:
    """Collisions of a few particles."""
    pool = make_incidents([5, 3, 0, 9])
    ones = np.ones(4, np.int32)
    single = Incidents(**{**vars(pool), "collisions": ones, "collision": np.zeros_like(pool.collision)})
    return Inputs(placing.detector, suite, single, single)


@pytest.mark.parametrize("particles", [1, 7, 40])
def test_events_have_so_many_particles(inputs: Inputs, particles: int) -> None:
    made = growth.with_particles(inputs.pool, particles, events=5)
    assert np.diff(made.offsets).tolist() == [particles] * 5
    assert len(made.pdg) == 5 * particles


def test_runs_of_more_than_a_block_are_whole(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(growth, "BLOCK_EVENTS", 2)
    growth.run3(5, inputs, tmp_path / "blocks.parquet")
    monkeypatch.undo()
    growth.run3(5, inputs, tmp_path / "once.parquet")
    blocks, once = read(tmp_path / "blocks.parquet"), read(tmp_path / "once.parquet")
    assert blocks.event.tolist() == list(range(5))
    assert np.array_equal(blocks.hit_adc, once.hit_adc)


def test_growth_is_told_of_each_axis(inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "EVENTS", (2, 3))
    monkeypatch.setattr(growth, "PARTICLES", (1, 2))
    monkeypatch.setattr(growth, "COLLISIONS", (1.0,))
    found = list(growth.benchmarks(inputs, True, tmp_path))
    assert [[row.provider for row in rows] for rows in found] == [
        ["ours, 2 events", "ours, 3 events"],
        ["ours, 1 particles", "ours, 2 particles"],
        ["ours, 1 collisions"],
    ]
    assert [rows[0].ratio for rows in found] == [1.0, 1.0, 1.0]
    assert [row.n for row in found[0]] == [2, 3]


def record(first: int, made: float, worker: str) -> ShardRecord:
    return ShardRecord(
        first=first, last=first + 9, files=(), content="0", identity="", counts={}, seconds={},
        worker=worker, made=made,
    )  # fmt: skip


def test_the_pace_is_that_between_a_workers_shards() -> None:
    """Two workers that take 2 s and 4 s for 10 events after their first shards."""
    records = [record(0, 5.0, "a"), record(10, 7.0, "a"), record(20, 11.0, "b"), record(30, 15.0, "b")]
    assert pace(records).tolist() == pytest.approx([0.1, 0.2])
    assert pace(records[:2]).tolist() == pytest.approx([0.2])


def test_work_of_placing_is_counted(inputs: Inputs) -> None:
    drawn = draw(inputs.incidents, inputs.suite)
    operations, traffic = machine.of_place(drawn, inputs.detector.cells)
    lit = float((drawn.showers.energy_mev > 0).sum())
    assert operations == 3 * lit / 4
    assert traffic == 4 * (17 * 900 / 4 + 6016)


def test_work_of_linear_maps_is_two_operations_a_weight() -> None:
    import torch

    operations, traffic = machine.of_network([torch.nn.Linear(3, 5)])
    assert operations == 30
    assert traffic == 4 * (15 / 256 + 8)


def test_roofs_are_measured() -> None:
    copy, product, half = machine.roofs(1)
    assert (copy.unit, product.unit, half.unit) == ("GB/s", "GFLOP/s", "GFLOP/s")
    assert copy.p50 is not None
    assert copy.p50 > 0.1


@pytest.mark.services
def test_campaigns_of_one_and_two_workers_have_the_same_events(
    inputs: Inputs, tmp_path: Path, cluster: None
) -> None:
    from monsoon.engine.incidents.parquet import write_incidents

    pool = tmp_path / "pool.parquet"
    write_incidents(pool, [inputs.pool], source="pythia", settings={}, detector="lhcb-ecal")
    rows = workers.campaigns(inputs, pool, tmp_path, 4)
    assert [row.provider for row in rows] == [ONE, TWO, STARTED, STAGES]
    assert [row.check for row in rows] == ["ok", "ok", "ok", "-"]
    assert all(row.p50 for row in rows)
