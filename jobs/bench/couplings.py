"""Benchmark of sampling by spline couplings alone: the part of a flow that every library of flows has.

The shipped flow's couplings, from noise to coordinates, in the buckets that it samples in. The matrix
products of their conditioners are the floor; the peers have the same networks, weights and splines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from monsoon.engine.sampling import noise_of_rows
from monsoon.jobs.bench.benchmark import OURS, Benchmark, Provider, Row, absent, measure
from monsoon.jobs.bench.inputs import SEED
from monsoon.models.data.shower_files import read_showers
from monsoon.models.families.flow.flow import BUCKET, Flow
from monsoon.models.networks.modules import Coupling
from monsoon.models.store.checkpoint import CHECKPOINTS, load
from monsoon.models.store.shipped import LIBRARY

COUPLINGS = "spline couplings"
PRODUCTS = "their matrix products alone"
PEERS = ("nflows", "zuko")
MODEL = "flow-egamma"
NEAR, MOST = 1e-3, 0.999  # share of the coordinates, of unit size, that are so near to ours


class Asked(NamedTuple):
    """Couplings, and what they are asked: noise float32 [N, D] at contexts float32 [N, F]."""

    couplings: Sequence[Coupling]
    noise: Tensor
    context: Tensor


def benchmarks(quick: bool) -> Iterator[list[Row]]:
    """On 1024 or (quick) 512 photons and electrons of the shipped library."""
    rows, rounds = (512, 9) if quick else (1024, 25)
    yield [
        *measure(benchmark(asked(rows), rounds)),
        *(absent(COUPLINGS, name, "us/shower") for name in PEERS if find_spec(name) is None),
    ]


@torch.no_grad()
def asked(rows: int) -> Asked:
    """The shipped flow's couplings, and the contexts that it meets with when it samples some showers."""
    flow = load(CHECKPOINTS / MODEL).model
    assert isinstance(flow, Flow)
    contexts: list[Tensor] = []
    hook = flow.place.register_forward_pre_hook(lambda _, given: contexts.append(given[0]))
    conditions = read_showers(LIBRARY[0]).conditions[:rows]
    noise = noise_of_rows(SEED, range(rows), flow.noise_dimensions)
    flow.sample(conditions, noise)
    hook.remove()
    couplings = [cast(Coupling, coupling).requires_grad_(False) for coupling in flow.couplings]
    return Asked(
        couplings, torch.special.ndtri(noise[:, : flow.sectors.count]), torch.cat(contexts)[:rows].clone()
    )


def benchmark(given: Asked, rounds: int) -> Benchmark[Tensor]:
    """Monsoon's couplings against those of the libraries that are installed.

    Parameters
    ----------
    given : Asked
        What is sampled.
    rounds : int
        How often each is timed.
    """
    peers: dict[str, Callable[[Tensor, Tensor], Tensor]] = {}
    if find_spec("nflows"):
        from monsoon.jobs.bench.peers import nflows_couplings  # not among the requirements, nor is zuko

        peers |= nflows_couplings.samplers(given.couplings)
    if find_spec("zuko"):
        from monsoon.jobs.bench.peers import zuko_couplings

        peers |= zuko_couplings.samplers(given.couplings)

    def provider(name: str, draw: Callable[[Tensor, Tensor], Tensor]) -> Provider[Tensor]:
        return Provider(name, lambda: in_buckets(draw, given), len(given.noise))

    return Benchmark(
        COUPLINGS,
        "shower",
        provider(OURS, lambda z, context: sampled(given.couplings, z, context)),
        [provider(name, draw) for name, draw in peers.items()],
        near,
        rounds,
        floors=[Provider(PRODUCTS, products(given), len(given.noise))],
    )


@torch.no_grad()
def in_buckets(draw: Callable[[Tensor, Tensor], Tensor], given: Asked) -> Tensor:
    """Coordinates [N, D], a bucket at a time."""
    parts = zip(torch.split(given.noise, BUCKET), torch.split(given.context, BUCKET), strict=True)
    return torch.cat([draw(z, context) for z, context in parts])


def sampled(couplings: Sequence[Coupling], z: Tensor, context: Tensor) -> Tensor:
    """Coordinates of noise [N, D] where all regions have energy."""
    present = torch.ones_like(z)
    for coupling in reversed(couplings):
        z = coupling.inverse(z, present, context)
    return z


def products(given: Asked) -> Callable[[], Tensor]:
    """The conditioners' matrix products of all buckets, without biases and what is between them."""
    weights = [layer.weight.detach().T for layer in linear_maps(given.couplings)]
    inputs = [torch.rand(min(BUCKET, len(given.noise)), len(weight)) for weight in weights]
    buckets = -(-len(given.noise) // BUCKET)

    @torch.no_grad()
    def run() -> Tensor:
        for _ in range(buckets):
            for x, weight in zip(inputs, weights, strict=True):
                last = x @ weight
        return last

    return run


def linear_maps(couplings: Sequence[Coupling]) -> list[nn.Linear]:
    """Those of all conditioners."""
    return [layer for coupling in couplings for layer in coupling.conditioner if isinstance(layer, nn.Linear)]


def near(ours: Tensor, theirs: Tensor) -> bool:
    """Whether coordinates are the same but for rounding, which steep splines magnify."""
    return bool(((ours - theirs).abs() < NEAR).float().mean() >= MOST)
