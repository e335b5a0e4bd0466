"""Benchmark of generators that are made of convolutions: flow matching on all pixels of an image.

None ships: the network has the weights that it begins with, and random ones where it begins with zeros, so
that its images depend on all of them. Peers are the same network: as PyTorch runs it in float32 without
more ado, and exported to ONNX, each at its best batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from monsoon.engine.sampling import noise_of_rows
from monsoon.jobs.bench.benchmark import OURS, Benchmark, Provider, Row, absent, measure
from monsoon.jobs.bench.composition import InChunks, at_best
from monsoon.jobs.bench.inputs import SEED
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.families.diffusion.denoiser import FlowMatching
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions
from monsoon.models.store.shipped import LIBRARY

CONVOLUTIONS = "convolutional generator"
HALF = f"{OURS}, bfloat16"
EAGER, ONNXRUNTIME = "float32 eager", "onnxruntime"
OPTIONS = {"representation": "voxels", "steps": 1, "width": 64, "seed": 1}
CHUNKS = (16, 64, 256)  # rows in one call
SPREAD = 0.05  # of weights that begin with zeros
NEAR = 0.01  # share of the energy that may be elsewhere: bfloat16 has three digits


def benchmarks(quick: bool, directory: Path) -> Iterator[list[Row]]:
    """On 512 or (quick) 256 photons and electrons of the shipped library."""
    rows, rounds = (256, 3) if quick else (512, 7)
    sample = read_showers(LIBRARY[0])[slice(0, 2000)]
    model = with_weights(sample)
    found = measure(benchmark(model, sample.conditions[:rows], directory, rounds))
    if not _onnx_is_there():
        found.append(absent(CONVOLUTIONS, ONNXRUNTIME, found[0].unit))
    yield found


def with_weights(sample: ShowerSet, **options: int) -> FlowMatching:
    """Flow matching on the pixels of a sample of showers, untrained, no weight of which is zero."""
    model = FlowMatching.prepare({**OPTIONS, **options}, sample, Planar())
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=SPREAD, generator=generator)
    return model.requires_grad_(False).eval()


def benchmark(model: FlowMatching, conditions: Conditions, directory: Path, rounds: int) -> Benchmark[Tensor]:
    """Monsoon's sampling against the network's.

    Parameters
    ----------
    model : FlowMatching
        Of pixels.
    conditions : Conditions
        What is asked for.
    directory : Path
        A folder for the ONNX file.
    rounds : int
        How often each is timed.
    """
    noise = noise_of_rows(SEED, range(len(conditions)), model.noise_dimensions)
    half = in_half(model)
    chunks = [chunk for chunk in CHUNKS if chunk <= len(conditions)] or [len(conditions)]

    @torch.no_grad()
    def eager(chunk: int) -> Tensor:
        cuts = [slice(start, start + chunk) for start in range(0, len(conditions), chunk)]
        return torch.cat([model.generated(conditions[rows], noise[rows]) for rows in cuts])

    peers: dict[str, InChunks[Tensor]] = {EAGER: eager}
    if _onnx_is_there():
        peers[ONNXRUNTIME] = exported(model, conditions, noise, directory)
    return Benchmark(
        CONVOLUTIONS,
        "shower",
        Provider(OURS, lambda: model.sample(conditions, noise).energy_mev, len(conditions)),
        [
            Provider(HALF, lambda: half.sample(conditions, noise).energy_mev, len(conditions)),
            *at_best(peers, chunks, len(conditions), "batches"),
        ],
        near,
        rounds,
    )


def in_half(model: FlowMatching) -> FlowMatching:
    """The same weights with the option to sample in bfloat16."""
    options = {**model.config["options"], "precision": "bfloat16"}
    other = FlowMatching.restore({**model.config, "options": options})
    other.load_state_dict(model.state_dict())
    return other.requires_grad_(False).eval()


def exported(model: FlowMatching, conditions: Conditions, noise: Tensor, directory: Path) -> InChunks[Tensor]:
    """The network in onnxruntime, as a function of the rows of one call."""
    from monsoon.jobs.bench.peers.onnx_loop import session_of  # an extra

    session = session_of(model, directory / "convolutions.onnx")
    columns = (
        conditions.pdg[:, None],
        conditions.energy_mev[:, None],
        conditions.direction,
        conditions.offset_mm,
    )
    asked = torch.cat([column.float() for column in columns], 1).numpy()

    def run(chunk: int) -> Tensor:
        parts = []
        for start in range(0, len(asked), chunk):
            rows = slice(start, start + chunk)
            given = {"conditions": asked[rows], "noise": noise[rows].numpy()}
            parts.append(torch.from_numpy(session.run(["energy_mev"], given)[0]))
        return torch.cat(parts)

    return run


def near(ours: Tensor, theirs: Tensor) -> bool:
    """Whether images are the same but for rounding: the energy in other pixels than ours is a small share."""
    return bool((ours - theirs).abs().sum() <= NEAR * ours.sum())


def _onnx_is_there() -> bool:
    return find_spec("onnx") is not None and find_spec("onnxruntime") is not None
