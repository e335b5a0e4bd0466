"""Benchmarks of the whole path: from incidents in memory to a file of events, one core against one core.

Two peers, each with the model that its way has: the library by an expert's numpy program, event by event,
and the flow by a batch of one in ONNX, as inside Geant4. Both are given what the generators may know of
each particle, and how it is treated; Monsoon works that out itself. Geant4's own CPU time is a row without
a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Array, Events, Incidents
from monsoon.jobs.bench.benchmark import OURS, Benchmark, Provider, Row, absent, known, measure
from monsoon.jobs.bench.inputs import SEED, Inputs, typical
from monsoon.jobs.bench.peers.numpy_numbers import Drawn, Keyed, Numbers
from monsoon.jobs.bench.peers.numpy_program import NumpyProgram, Showers
from monsoon.jobs.bench.writing import read
from monsoon.jobs.plan import GEANT4_SECONDS_PER_PARTICLE
from monsoon.models.data.shower_files import read_showers
from monsoon.models.families.library import FEW
from monsoon.models.records import Conditions
from monsoon.models.store.shipped import LIBRARY
from monsoon.models.store.suite import Suite, load_suite

END_TO_END, WITH_FLOW = "end to end", "end to end, flow"
NUMPY, ONNX, GEANT4 = "an expert's numpy program", "ONNX, batch of one", "Geant4, CPU of its showers alone"
SAME_SHARE, NEAR = 0.995, 1  # of hits that are the same to so many counts, where floats are summed otherwise


def benchmarks(inputs: Inputs, quick: bool, directory: Path) -> Iterator[list[Row]]:
    """Both benchmarks; peers get a few typical events where they are far slower."""
    rounds = 3 if quick else 5
    yield with_geant4(measure(library(inputs, 64 if quick else 256, directory, rounds)), inputs.incidents)
    some = inputs.incidents[typical(inputs.incidents, 32 if quick else 128)]
    suite = load_suite("best", "clamp")
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        rows = [
            *measure(flow(some, suite, inputs, directory, rounds, None)),
            absent(WITH_FLOW, ONNX, "us/event"),
        ]
    else:
        rows = measure(flow(some, suite, inputs, directory, rounds, 3 if quick else 10))
    yield with_geant4(rows, some)


def library(inputs: Inputs, few: int, directory: Path, rounds: int) -> Benchmark[Path]:
    """Monsoon against the numpy program, whose events must equal ours with the same numbers.

    Parameters
    ----------
    inputs : Inputs
        Detector, generators and incidents.
    few : int
        Events for the program.
    directory : Path
        A folder for the files.
    rounds : int
        How often each is timed.
    """
    detector, suite = inputs.detector, inputs.suite
    mine, theirs = directory / "ours.parquet", directory / "numpy.parquet"
    subset = inputs.incidents[typical(inputs.incidents, few)]
    routing = suite.route(localise(subset, suite.grid))
    pdg, status = routing.conditions.pdg.numpy(), routing.status.numpy()
    program = NumpyProgram(shipped_showers(), inputs.pixels, detector, FEW)

    def run(numbers: Numbers) -> Path:
        program.run(subset, pdg, status, numbers, theirs)
        return theirs

    return Benchmark(
        END_TO_END,
        "event",
        Provider(OURS, whole_path(inputs.incidents, suite, inputs.placing, mine), len(inputs.incidents)),
        [
            Provider(
                NUMPY,
                lambda: run(Keyed(detector, SEED)),
                few,
                lambda: run(Drawn(detector, SEED)),
            )
        ],
        contains_same_events,
        rounds,
    )


def flow(
    incidents: Incidents, suite: Suite, inputs: Inputs, directory: Path, rounds: int, few: int | None
) -> Benchmark[Path]:
    """Monsoon's flow against the same flow in ONNX, particle by particle; parameters as in `library`.

    Parameters
    ----------
    incidents : Incidents
        The events.
    suite : Suite
        Flows, that clamp what is outside their domains.
    few : int or None
        Events for the loop; None where its runtime is not installed.
    """
    detector = inputs.detector
    mine, theirs = directory / "flow.parquet", directory / "flow.root"
    ours = Provider(OURS, whole_path(incidents, suite, Placing(suite.grid, detector), mine), len(incidents))
    peers = []
    if few is not None:
        from monsoon.jobs.bench.peers.onnx_loop import OnnxLoop  # an extra

        subset = incidents[typical(incidents, few)]
        asked, which, status = asked_of(subset, suite)
        loop = OnnxLoop(suite.models, inputs.pixels, detector, directory)

        def run(numbers: Numbers) -> Path:
            theirs.unlink(missing_ok=True)
            loop.run(subset, asked, which, status, numbers, theirs)
            return theirs

        keyed, drawn = (lambda: run(Keyed(detector, SEED))), (lambda: run(Drawn(detector, SEED)))
        peers.append(Provider(ONNX, keyed, few, drawn))
    return Benchmark(WITH_FLOW, "event", ours, peers, contains_near_events, rounds)


def whole_path(incidents: Incidents, suite: Suite, placing: Placing, path: Path) -> Callable[[], Path]:
    """Monsoon's path: incidents in memory to a Parquet file."""

    def run() -> Path:
        path.unlink(missing_ok=True)
        parquet.write(generate(incidents, suite, placing, SEED), path, {})
        return path

    return run


def shipped_showers() -> Showers:
    """The shipped library as it is read from its files."""
    sets = [read_showers(path) for path in LIBRARY]
    energy = np.concatenate([some.showers.energy_mev.numpy() for some in sets])
    return Showers(Conditions.joined([some.conditions for some in sets]), energy)


def asked_of(incidents: Incidents, suite: Suite) -> tuple[Array, Array, Array]:
    """What models are told of particles, float32 [N, 7], which is asked, int64 [N], and uint8 [N] statuses.

    Conditions outside a domain are the nearest inside. No model is -1.
    """
    routing = suite.route(localise(incidents, suite.grid))
    asked, which = np.zeros((len(routing), 7), np.float32), np.full(len(routing), -1)
    for number, (model, rows) in enumerate(zip(suite.models, routing.rows, strict=True)):
        c = model.domain.clamp(routing.conditions[rows])
        asked[rows] = np.column_stack([c.pdg, c.energy_mev, c.direction, c.offset_mm])
        which[rows] = number
    return asked, which, routing.status.numpy()


def contains_same_events(ours: Path, theirs: Path) -> bool:
    """Whether every event of their file equals the one with the same number in ours, bit for bit."""
    mine, other = read(ours), read(theirs)
    by_number = dict(zip(mine.event.tolist(), event_hashes(mine), strict=True))
    return [by_number.get(number) for number in other.event.tolist()] == event_hashes(other)


def contains_near_events(ours: Path, theirs: Path) -> bool:
    """Whether events of their file equal ours but for rounding in the networks.

    Particles are equal bit for bit. Of the cells that are hit in either, SAME_SHARE have counts that differ
    by NEAR at most: where a number lies at the edge of a decision, a whole pixel may be another.
    """
    mine, other = read(ours), read(theirs)
    rows = np.searchsorted(mine.event, other.event)
    if not np.array_equal(mine.event[np.minimum(rows, len(mine) - 1)], other.event):
        return False
    same, cells = 0, 0
    for e, row in enumerate(rows.tolist()):
        if not np.array_equal(_particles(mine, row), _particles(other, e)):
            return False
        counts = _counts(mine, row), _counts(other, e)
        hit = sorted(counts[0].keys() | counts[1].keys())
        apart = [abs(counts[0].get(cell, 0) - counts[1].get(cell, 0)) for cell in hit]
        same, cells = same + sum(a <= NEAR for a in apart), cells + len(hit)
    return same >= SAME_SHARE * cells


def with_geant4(rows: list[Row], incidents: Incidents) -> list[Row]:
    """The rows, and Geant4's: its application's CPU time for the particles, as jobs/plan.py has it."""
    ours = next(row for row in rows if row.provider == OURS)
    particles = len(incidents.pdg) / len(incidents)
    low, high = (1e6 * particles * seconds for seconds in GEANT4_SECONDS_PER_PARTICLE)
    return [*rows, known(replace(ours, provider=GEANT4), (low, (low * high) ** 0.5, high), ours)]


def _particles(events: Events, e: int) -> Array:
    rows = slice(events.particle_offsets[e], events.particle_offsets[e + 1])
    columns = ("pdg", "energy_mev", "x_mm", "y_mm", "status")
    return np.column_stack([getattr(events, f"particle_{name}")[rows].astype(np.float64) for name in columns])


def _counts(events: Events, e: int) -> dict[int, int]:
    rows = slice(events.hit_offsets[e], events.hit_offsets[e + 1])
    return dict(zip(events.hit_cell[rows].tolist(), events.hit_adc[rows].tolist(), strict=True))
