"""Electrons among showering pions, told apart by a control variable alone: showers with signed weights.

The variable is a mass, say: a Gaussian for electrons, an exponential for pions, and independent of the shower
given which of both it is. Its sWeights, some of them negative, make the mixture a sample of electrons.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import mirrored_batch
from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.errors import InputError
from monsoon.models.families.coupling import CouplingFlow
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.shipped import SAMPLES
from tests.models.merging import coarser_image

MERGE = coarser_image(Planar(), 6)  # 5 x 5 cells of 121.2 mm
SHOWERING_MEV = 75.0
WIDTH = 0.1  # of the electrons' peak, at 0; pions fall from -1 to 1
SMALL = {"transform": "affine", "couplings": 2, "hidden": 32, "energy_hidden": 32, "seed": 1}
SEED = 3


def population(file: str, pdg: int, rows: int) -> ShowerSet:
    """So many electrons of 10 to 100 GeV, or what is taken for them."""
    showers = read_rows(SAMPLES / file, 0, 4000)
    of = (showers.conditions.pdg.abs() == pdg) & (showers.conditions.energy_mev > 1e4)
    found = showers[torch.nonzero(of & (showers.showers.total_mev() > SHOWERING_MEV))[:rows, 0]]
    assert len(found) == rows
    return MERGE(replace(found, conditions=found.conditions.with_pdg(torch.full((rows,), 11).int())))


def s_weights(mass: Tensor, signal: int, background: int) -> Tensor:
    """The weights of arXiv:physics/0402083 for known densities and yields, [N]."""
    peak = torch.exp(-((mass / WIDTH) ** 2) / 2) / (WIDTH * (2 * torch.pi) ** 0.5)
    tail = torch.exp(-mass) / (torch.e - 1 / torch.e)
    f = torch.stack([peak, tail])
    total = signal * peak + background * tail
    covariance = torch.linalg.inv((f / total) @ (f / total).T)
    weight: Tensor = covariance[0] @ f / total
    return weight.float()


def mixture(rows: int) -> tuple[ShowerSet, ShowerSet]:
    """As many pions as electrons, with weights; and the electrons alone."""
    electrons, pions = population("egamma.h5", 11, rows), population("hadrons.h5", 211, rows)
    generator = torch.Generator().manual_seed(1)
    peak = WIDTH * torch.randn(rows, generator=generator).double()
    e = torch.e
    tail = -torch.log(e - torch.rand(rows, generator=generator).double() * (e - 1 / e))
    weight = s_weights(torch.cat([peak, tail]), rows, rows)
    order = torch.randperm(2 * rows, generator=generator)
    return replace(joined([electrons, pions]), weight=weight)[order], electrons


def generated(showers: ShowerSet, asked: ShowerSet, steps: int, weight_steps: int = 0) -> Tensor:
    """Response and share of energy outside the central cell, of showers that a flow makes, [N, 2]."""
    flow = CouplingFlow.prepare({**SMALL, "weight_steps": weight_steps}, showers, MERGE.geometry)
    optimisers = {name: torch.optim.Adam(parts, 5e-3) for name, parts in flow.optimisers().items()}
    for step in range(weight_steps + steps):
        rows = torch.randint(len(showers), (128,), generator=torch.Generator().manual_seed(step))
        batch = mirrored_batch(showers[rows], rows + 100_000 * step, MERGE.geometry)
        for name, loss in flow.training_step(batch, step).items():
            optimisers[name].zero_grad()
            torch.autograd.backward(loss / batch.weight.sum(), retain_graph=True)
            optimisers[name].step()
    noise = torch.rand(len(asked), flow.noise_dimensions, generator=torch.Generator().manual_seed(SEED))
    return statistics(replace(asked, showers=flow.sample(asked.conditions, noise)))


def statistics(showers: ShowerSet) -> Tensor:
    """Of real or generated showers, see `generated`."""
    energy = showers.showers.energy_mev
    visible = energy.sum(1)
    centre = energy[:, MERGE.geometry.outward[0]]
    return torch.stack([visible / showers.conditions.energy_mev, 1 - centre / visible], 1)


def mean_and_error(values: Tensor) -> tuple[Tensor, Tensor]:
    """Of each column."""
    return values.mean(0), values.std(0) / len(values) ** 0.5


def test_with_signed_weights_showers_are_those_of_the_pure_sample_and_without_them_are_not() -> None:
    mixed, electrons = mixture(600)
    assert float((mixed.weight < 0).float().mean()) > 0.2
    assert float(mixed.weight.sum()) == pytest.approx(600, rel=0.1)
    pure, error = mean_and_error(statistics(electrons))
    plain = replace(mixed, weight=torch.ones(len(mixed)))
    signed = mean_and_error(generated(mixed, electrons, 100, weight_steps=80))[0]
    unweighted = mean_and_error(generated(plain, electrons, 100))[0]
    off, without = ((found - pure).abs() for found in (signed, unweighted))
    assert (off < 0.35 * without).all()
    assert (without > 10 * error).all()


def test_showers_with_negative_weights_are_refused_unless_they_are_regressed() -> None:
    with pytest.raises(InputError, match="weight_steps"):
        CouplingFlow.prepare(SMALL, mixture(200)[0], MERGE.geometry)
