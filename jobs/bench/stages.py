"""Benchmarks of Monsoon's stages one by one, without peers, to see where the time is spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from monsoon.engine.detector.placing import Placing, localise
from monsoon.engine.formats import parquet
from monsoon.engine.formats.schema import event_hashes
from monsoon.engine.incidents.overlay import overlay
from monsoon.engine.kernels.digitise.cpu import digitise
from monsoon.engine.noise import key_of
from monsoon.engine.pipeline import batches
from monsoon.engine.sampling import sample_particles
from monsoon.jobs.bench.benchmark import OURS, Benchmark, Provider
from monsoon.jobs.bench.composition import place_ours
from monsoon.jobs.bench.inputs import RUN3_MU, SEED, Inputs, compose_ours, draw


def benchmarks(inputs: Inputs, quick: bool, directory: Path) -> Iterator[Benchmark[object]]:
    """On 256 or (quick) 64 Run 3 events, in the pipeline's batches."""
    number, rounds = (64, 5) if quick else (256, 7)
    suite, detector = inputs.suite, inputs.detector
    placing = Placing(suite.grid, detector)
    incidents = inputs.incidents[:number]
    drawn = draw(incidents, suite)
    events = compose_ours(drawn, suite, detector)
    cells = torch.from_numpy(np.concatenate(place_ours(drawn, detector, inputs.pixels)))
    path = directory / "stage.parquet"

    def localise_and_check() -> None:
        for batch in batches(incidents, placing):
            suite.status(localise(batch, suite.grid))

    def sample() -> None:
        for batch in batches(incidents, placing):
            sample_particles(suite.route(localise(batch, suite.grid)), batch, SEED)

    def write() -> None:
        path.unlink(missing_ok=True)
        parquet.write(events, path, {})

    stages: dict[str, tuple[Callable[[], object], str, int]] = {
        "overlay": (lambda: overlay(inputs.pool, RUN3_MU, SEED, np.arange(number)), "event", number),
        "localise and check domain": (localise_and_check, "event", number),
        "sample": (sample, "shower", len(incidents.pdg)),
        "compose": (lambda: compose_ours(drawn, suite, detector), "event", number),
        "digitise": (
            lambda: digitise(cells, torch.from_numpy(incidents.event), key_of(SEED), detector.electronics),
            "event",
            number,
        ),
        "hash": (lambda: event_hashes(events), "event", number),
        "write Run 3 events": (write, "event", number),
    }
    for stage, (run, unit, n) in stages.items():
        yield Benchmark(stage, unit, Provider(OURS, run, n), [], _no_peers, rounds)


def _no_peers(ours: object, theirs: object) -> bool:
    raise AssertionError("a stage alone has no peers to agree with")
