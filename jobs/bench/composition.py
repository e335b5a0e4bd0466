"""Benchmarks of composition: placement alone, and everything from images to hits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.kernels.place.cpu import place
from monsoon.engine.pipeline import batches
from monsoon.engine.records import Array
from monsoon.jobs.bench.benchmark import OURS, Benchmark, Provider
from monsoon.jobs.bench.deposits import Deposits, Hits, deposits_of, hits_of, join, same_hits
from monsoon.jobs.bench.inputs import SEED, Drawn, Inputs, compose_ours, draw
from monsoon.jobs.bench.peers.numpy_add_at import AddAt
from monsoon.jobs.bench.peers.numpy_bincount import Bincount
from monsoon.jobs.bench.peers.numpy_digitise import NumpyDigitise
from monsoon.jobs.bench.peers.numpy_numbers import Keyed
from monsoon.jobs.bench.peers.torch_digitise import TorchDigitise
from monsoon.jobs.bench.peers.torch_index_add import IndexAdd
from monsoon.jobs.bench.timing import best_chunk
from monsoon.models.geometry.planar import Planar

CHUNKS = (1, 2, 4, 8, 16, 32, 64, 256)  # events in one call
PLACE = "place and sum"
COMPOSITION = "composition"
Result = TypeVar("Result")
Cells = TypeVar("Cells", Array, Tensor)
InChunks = Callable[[int], Result]  # all events, so many at a time


def benchmarks(inputs: Inputs, quick: bool) -> Iterator[Benchmark[list[Array]] | Benchmark[Hits]]:
    """On the first events, 256 or (quick) 64, whose showers are drawn beforehand."""
    events, rounds = (64, 7) if quick else (256, 9)
    suite, detector = inputs.suite, inputs.detector
    drawn = draw(inputs.incidents[:events], suite)
    chunks = [chunk for chunk in CHUNKS if chunk <= events]
    yield Benchmark(
        PLACE,
        "event",
        Provider(OURS, lambda: place_ours(drawn, detector, inputs.pixels), events),
        at_best(place_peers(drawn, detector, inputs.pixels), chunks, events),
        same_cells,
        rounds,
    )
    yield Benchmark(
        COMPOSITION,
        "event",
        Provider(OURS, lambda: hits_of(compose_ours(drawn, suite, detector)), events),
        at_best(compose_peers(drawn, detector, inputs.pixels), chunks, events),
        same_hits,
        rounds,
    )


def place_peers(drawn: Drawn, detector: Detector, grid: Planar) -> dict[str, InChunks[list[Array]]]:
    """The peers of placement, each as a function of the number of events in one call."""
    add_at, bincount, index_add = AddAt(detector, grid), Bincount(detector, grid), IndexAdd(detector, grid)

    def in_chunks(place: Callable[[Deposits], Cells], chunk: int) -> list[Array]:
        total = len(drawn.incidents)
        cuts = [(first, min(first + chunk, total)) for first in range(0, max(total, 1), chunk)]
        return [np.asarray(place(deposits_of(drawn, *cut, detector, grid))) for cut in cuts]

    return {
        "np.add.at per particle": lambda chunk: in_chunks(add_at, chunk),
        "np.bincount": lambda chunk: in_chunks(bincount, chunk),
        "torch index_add_": lambda chunk: in_chunks(index_add, chunk),
    }


def compose_peers(drawn: Drawn, detector: Detector, grid: Planar) -> dict[str, InChunks[Hits]]:
    """The peers of composition: placement, then noise and digitisation, vectorised over the same events."""
    add_at, bincount, index_add = AddAt(detector, grid), Bincount(detector, grid), IndexAdd(detector, grid)
    in_numpy = NumpyDigitise(detector, Keyed(detector, SEED))
    in_torch = TorchDigitise(detector, SEED)

    def in_chunks(
        place: Callable[[Deposits], Cells], digitise: Callable[[Cells, Array], Hits], chunk: int
    ) -> Hits:
        total = len(drawn.incidents)
        parts = []
        for first in range(0, max(total, 1), chunk):
            last = min(first + chunk, total)
            cells = place(deposits_of(drawn, first, last, detector, grid))
            parts.append(digitise(cells, drawn.incidents.event[first:last]))
        return join(parts)

    return {
        "np.add.at per particle": lambda chunk: in_chunks(add_at, in_numpy, chunk),
        "np.bincount": lambda chunk: in_chunks(bincount, in_numpy, chunk),
        "torch index_add_": lambda chunk: in_chunks(index_add, in_torch, chunk),
    }


def place_ours(drawn: Drawn, detector: Detector, grid: Planar) -> list[Array]:
    """Cells of all events, int32 [E, C] in parts, in the pipeline's batches."""
    parts, first = [], 0
    lookup = torch.from_numpy(detector.cell_of_pixel)
    placing = Placing(grid, detector)
    for batch in batches(drawn.incidents, placing) if len(drawn.incidents) else [drawn.incidents]:
        d = deposits_of(drawn, first, first + len(batch), detector, grid)
        row, column = np.divmod(d.origin, detector.cell_of_pixel.shape[1])
        images, rows, columns, event = (torch.from_numpy(a) for a in (d.images, row, column, d.event))
        cells, _ = place(images, rows, columns, event, lookup, len(batch), detector.cells)
        parts.append(cells.numpy())
        first += len(batch)
    return parts


def same_cells(ours: list[Array], theirs: list[Array]) -> bool:
    """Whether two results have the same cells, whatever their division into parts."""
    return np.array_equal(np.concatenate(ours), np.concatenate(theirs))


def at_best(
    peers: Mapping[str, InChunks[Result]], chunks: Sequence[int], events: int, called: str = "chunks"
) -> list[Provider[Result]]:
    """Providers for the peers, each with the chunk size that is fastest for it.

    Parameters
    ----------
    peers : mapping of str to callable
        The peers, as functions of the number of events in one call.
    chunks : sequence of int
        Numbers of events to try.
    events : int
        Number of events in all.
    called : str
        What such numbers of events are called in the name of the provider.
    """

    def provider(name: str, run: InChunks[Result]) -> Provider[Result]:
        chunk = best_chunk(run, chunks)
        return Provider(f"{name}, {called} of {chunk}", lambda: run(chunk), events)

    return [provider(name, run) for name, run in peers.items()]
