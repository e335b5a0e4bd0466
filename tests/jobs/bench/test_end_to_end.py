"""The peers of the whole path make our events; with numbers of their own, others of the same size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.formats import parquet
from monsoon.engine.noise import Purpose, uniform
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Events, Incidents
from monsoon.jobs.bench import end_to_end
from monsoon.jobs.bench.benchmark import KNOWN, OURS, measure
from monsoon.jobs.bench.end_to_end import contains_near_events, contains_same_events
from monsoon.jobs.bench.inputs import SEED, Inputs
from monsoon.jobs.bench.peers.numpy_numbers import Drawn, Keyed
from monsoon.jobs.bench.peers.numpy_program import NumpyProgram
from monsoon.jobs.bench.writing import read
from monsoon.models.families.library import FEW
from monsoon.models.store.suite import Suite, load_suite

MakeIncidents = Callable[..., Incidents]


@pytest.fixture(scope="module")
def incidents(make_incidents: MakeIncidents) -> Incidents:
    """Of species that have a generator: a peer is given no others."""
    made = make_incidents([3, 0, 25, 1, 0, 9], first_event=(1 << 32) - 3)
    return replace(made, pdg=np.where(made.pdg == 12345, 22, made.pdg).astype(np.int32))


@pytest.fixture(scope="module")
def program(placing: Placing) -> NumpyProgram:
    pixels = placing.pixels
    assert pixels is not None
    return NumpyProgram(end_to_end.shipped_showers(), pixels, placing.detector, FEW)


@pytest.fixture(scope="module")
def ours(
    incidents: Incidents, suite: Suite, placing: Placing, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("ours") / "events.parquet"
    parquet.write(generate(incidents, suite, placing, SEED), path, {})
    return path


def run_program(
    program: NumpyProgram, incidents: Incidents, suite: Suite, path: Path, numbers: type[Keyed | Drawn]
) -> Events:
    routing = suite.route(localise(incidents, suite.grid))
    of_detector = numbers(program.detector, SEED)
    program.run(incidents, routing.conditions.pdg.numpy(), routing.status.numpy(), of_detector, path)
    return read(path)


def test_the_numpy_program_makes_our_events(
    program: NumpyProgram, incidents: Incidents, suite: Suite, ours: Path, tmp_path: Path
) -> None:
    run_program(program, incidents, suite, tmp_path / "numpy.parquet", Keyed)
    assert contains_same_events(ours, tmp_path / "numpy.parquet")


def test_with_numbers_of_its_own_the_numpy_program_makes_as_many_hits(
    program: NumpyProgram, incidents: Incidents, suite: Suite, ours: Path, tmp_path: Path
) -> None:
    """So that its time is that of the same work."""
    drawn = run_program(program, incidents, suite, tmp_path / "drawn.parquet", Drawn)
    mine = read(ours)
    assert not contains_same_events(ours, tmp_path / "drawn.parquet")
    assert len(drawn.hit_cell) == pytest.approx(len(mine.hit_cell), rel=0.1)
    assert drawn.hit_energy_mev.sum() == pytest.approx(mine.hit_energy_mev.sum(), rel=0.2)


def test_the_programs_numbers_are_ours(program: NumpyProgram) -> None:
    event = (1 << 33) + 5
    theirs = Keyed(program.detector, SEED).showers(event, 3, 6)
    mine = uniform(SEED, np.full(3, event), np.arange(3), Purpose.SHOWER, 6).numpy()
    assert theirs.dtype == mine.dtype
    assert np.array_equal(theirs, mine)


def test_geant4_has_a_row_and_no_run(
    incidents: Incidents, suite: Suite, placing: Placing, tmp_path: Path
) -> None:
    inputs = Inputs(placing.detector, suite, incidents, incidents)
    rows = end_to_end.with_geant4(measure(end_to_end.library(inputs, 2, tmp_path, 1)), incidents)
    mine, theirs, geant4 = rows
    assert (mine.provider, mine.check, theirs.check) == (OURS, "ok", "ok")
    assert (mine.n, theirs.n) == (6, 2)
    assert geant4.check == KNOWN
    particles = len(incidents.pdg) / len(incidents)
    assert geant4.p20 == pytest.approx(2.3e6 / 142 * particles)
    assert geant4.p80 == pytest.approx(4.6e6 / 142 * particles)


def test_the_flow_alone_has_its_row_where_the_runtime_is_not_installed(
    incidents: Incidents, placing: Placing, suite: Suite, tmp_path: Path
) -> None:
    inputs = Inputs(placing.detector, suite, incidents, incidents)
    (mine,) = measure(end_to_end.flow(incidents[:1], suite, inputs, tmp_path, 1, None))
    assert (mine.stage, mine.provider, mine.check) == (end_to_end.WITH_FLOW, OURS, "-")


def test_events_that_are_near_may_differ_by_counts_and_not_by_cells(ours: Path, tmp_path: Path) -> None:
    mine = read(ours)
    assert contains_near_events(ours, ours)
    for name, adc, near in (
        ("counts", mine.hit_adc + 1, True),
        ("more", mine.hit_adc + 2, False),
    ):
        path = tmp_path / f"{name}.parquet"
        parquet.write(replace(mine, hit_adc=adc.astype(np.uint16)), path, {})
        assert contains_near_events(ours, path) == near
    others = replace(mine, particle_energy_mev=mine.particle_energy_mev * np.float32(1.001))
    parquet.write(others, tmp_path / "others.parquet", {})
    assert not contains_near_events(ours, tmp_path / "others.parquet")
    parquet.write(replace(mine, event=mine.event + 1), tmp_path / "numbers.parquet", {})
    assert not contains_near_events(ours, tmp_path / "numbers.parquet")


@pytest.mark.slow
def test_the_loop_in_onnx_makes_our_events(
    incidents: Incidents, placing: Placing, suite: Suite, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    inputs = Inputs(placing.detector, suite, incidents, incidents)
    flows = load_suite("best", "clamp")
    mine, loop = measure(end_to_end.flow(incidents, flows, inputs, tmp_path, 1, 2))
    assert (mine.check, loop.check) == ("ok", "ok")
    assert loop.p50 is not None
    assert loop.n == 2
