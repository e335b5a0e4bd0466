"""What one core of this machine can do at most, and what the kernels ask of it: the two axes of a roofline.

The work of a kernel is counted, not measured: the arithmetic of its algorithm, and the bytes that have to
pass between memory and core at least, as if a cache kept all that is used again within a call.

References
----------
Williams, Waterman, Patterson: Roofline, doi:10.1145/1498765.1498785.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from monsoon.engine.records import Array
from monsoon.jobs.bench.benchmark import Row
from monsoon.jobs.bench.composition import COMPOSITION, PLACE
from monsoon.jobs.bench.convolutions import CONVOLUTIONS, with_weights
from monsoon.jobs.bench.couplings import COUPLINGS, asked, linear_maps
from monsoon.jobs.bench.inputs import Drawn, Inputs, compose_ours, draw
from monsoon.jobs.bench.timing import race
from monsoon.models.data.shower_files import read_showers
from monsoon.models.families.flow.flow import BUCKET
from monsoon.models.store.shipped import LIBRARY

MACHINE = "machine"
COPY, PRODUCT, HALF_PRODUCT = "copy", "float32 matrix product", "bfloat16 matrix product"
TRAFFIC, OPERATIONS = "least traffic", "operations"
COPIED_BYTES = 1 << 28
SIDE = 1024  # of the matrices
FLOAT = 4  # bytes
# of the algorithms, by element
PER_LIT_PIXEL = 3  # scale, round, add
PER_PHILOX_BLOCK = 10 * 8  # ten rounds of two products, four exclusive ors and two sums; four cells share it
PER_CELL = 4  # table, product, sum, shift
PER_HIT = 10  # bytes of cell, count and energy


def benchmarks(inputs: Inputs, quick: bool) -> Iterator[list[Row]]:
    """Roofs, then the work of each kernel that has much of either."""
    yield roofs(5 if quick else 15)
    yield work(inputs, 64 if quick else 256)


def roofs(rounds: int) -> list[Row]:
    """Copy bandwidth in GB/s, reading and writing counted, and matrix products in GFLOP/s, of one core."""
    source = np.ones(COPIED_BYTES // FLOAT, np.float32)
    target = np.empty_like(source)
    left, right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    half = left.bfloat16(), right.bfloat16()
    runs: dict[str, Callable[[], object]] = {
        COPY: lambda: np.copyto(target, source),
        PRODUCT: lambda: left @ right,
        HALF_PRODUCT: lambda: half[0] @ half[1],
    }
    for run in runs.values():
        run()
    seconds = race(runs, rounds)
    return [
        _rate(COPY, "GB/s", 2 * COPIED_BYTES * 1e-9 / seconds[COPY], COPIED_BYTES),
        *(
            _rate(name, "GFLOP/s", 2 * SIDE**3 * 1e-9 / seconds[name], SIDE)
            for name in (PRODUCT, HALF_PRODUCT)
        ),
    ]


def work(inputs: Inputs, events: int) -> list[Row]:
    """Rows of the work of each kernel, in operations and bytes of a unit of its stage."""
    drawn = draw(inputs.incidents[:events], inputs.suite)
    hits = len(compose_ours(drawn, inputs.suite, inputs.detector).hit_cell) / events
    operations, traffic = of_place(drawn, inputs.detector.cells)
    cells = inputs.detector.cells
    digitising = cells / 4 * PER_PHILOX_BLOCK + cells * PER_CELL
    return [
        *_work(PLACE, "event", operations, traffic),
        *_work(COMPOSITION, "event", operations + digitising, traffic - cells * FLOAT + hits * PER_HIT),
        *_work(COUPLINGS, "shower", *of_network(linear_maps(asked(1).couplings))),
        *_work(CONVOLUTIONS, "shower", *of_convolutions()),
    ]


def of_place(drawn: Drawn, cells: int) -> tuple[float, float]:
    """Operations and bytes of placing the images of an event in its cells."""
    events, images = len(drawn.incidents), drawn.showers.energy_mev
    lit = float((images > 0).sum()) / events
    return lit * PER_LIT_PIXEL, images.numel() / events * FLOAT + cells * FLOAT


def of_network(layers: list[nn.Linear]) -> tuple[float, float]:
    """Operations and bytes of a row in linear maps of a bucket, whose weights are read once."""
    weights = sum(layer.weight.numel() for layer in layers)
    passed = sum(layer.in_features + layer.out_features for layer in layers)
    return 2.0 * weights, FLOAT * (weights / BUCKET + passed)


def of_convolutions() -> tuple[float, float]:
    """Operations and bytes of a shower by the convolutional network of the benchmark, in a bucket."""
    sample = read_showers(LIBRARY[0])[slice(0, 500)]
    model, sizes = with_weights(sample), []
    for module in model.network.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _, given, made: sizes.append(given[0].numel() + made.numel()))
    noise = torch.full((1, model.noise_dimensions), 0.5)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.generated(sample.conditions[:1], noise)
    weights = sum(parameter.numel() for parameter in model.network.parameters())
    return float(counter.get_total_flops()), FLOAT * (weights / BUCKET + sum(sizes))


def _rate(provider: str, unit: str, rates: Array, n: int) -> Row:
    p20, p50, p80 = np.quantile(rates, [0.2, 0.5, 0.8]).tolist()
    return Row(MACHINE, provider, unit, n, p20, p50, p80, check="-")


def _work(stage: str, unit: str, operations: float, traffic: float) -> list[Row]:
    return [
        Row(stage, name, f"{what}/{unit}", 1, value, value, value, check="-")
        for name, what, value in ((OPERATIONS, "op", operations), (TRAFFIC, "B", traffic))
    ]
