"""The two classifiers of the CaloChallenge, by its definition: dense networks on voxels and on features.

Two hidden layers of 2048 units with LeakyReLU, Adam with a rate of 2e-4, batches of 1000 rows, 50 epochs.
60 % of either sample train, 20 % choose the epoch (the most right answers), 20 % are asked. Weights of
showers do not count. The networks see

- low: log10(incident energy / MeV) and 100 times each voxel over the incident energy;
- high: log10(incident energy / MeV), log10(energy / MeV + 1e-8) of each layer, and a hundredth of centres and
  widths in x and y, in mm, of layers with sectors.

The area is of the showers that are asked, a fifth of each sample; ours are of all (`classification`), and see
the whole condition.

References
----------
arXiv:2410.21611, section 4.3; evaluate.py of https://github.com/CaloChallenge/homepage.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.calochallenge import centre_and_width
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.auc import auc, error_of
from monsoon.models.metrics.measurement import Measurement

EPOCHS, BATCH, RATE, HIDDEN = 50, 1000, 2e-4, 2048
TRAINED, CHOOSING = 0.6, 0.2  # parts of either sample
LEVELS = ("low", "high")


def areas(
    generated: ShowerSet, reference: ShowerSet, geometry: Geometry, seed: int, epochs: int = EPOCHS
) -> dict[str, tuple[float, float]]:
    """Areas under the curve of both classifiers, with their errors from the rows that were asked.

    Parameters
    ----------
    generated, reference
        N showers each.
    geometry
        Their voxels.
    seed
        Of the division, the start and the order.
    epochs
        Passes over the training rows.

    Returns
    -------
    dict
        By level, `low` and `high`: area and standard error.
    """
    return {level: area(level, generated, reference, geometry, seed, epochs) for level in LEVELS}


def area(
    level: str,
    generated: ShowerSet,
    reference: ShowerSet,
    geometry: Geometry,
    seed: int,
    epochs: int = EPOCHS,
) -> tuple[float, float]:
    """Area under the curve of the classifier of one level, with its error; see `areas`."""
    see = low_level if level == "low" else high_level
    inputs = [see(sample, geometry) for sample in (generated, reference)]
    return _area(inputs, np.random.default_rng([seed, LEVELS.index(level)]), epochs)


def measurements(
    of_generated: dict[str, tuple[float, float]], of_floor: dict[str, tuple[float, float]], epochs: int
) -> list[Measurement]:
    """Areas beside their floor; a name says where there were fewer epochs than the definition has."""
    short = "" if epochs == EPOCHS else f" ({epochs} of {EPOCHS} epochs)"
    return [
        Measurement(f"auc/calochallenge-{level}{short}", *of_generated[level], *of_floor[level])
        for level in of_generated
    ]


def low_level(sample: ShowerSet, geometry: Geometry) -> Tensor:
    """What the low-level classifier sees, float32 [N, 1 + V]."""
    incident = sample.conditions.energy_mev[:, None]
    return torch.cat([torch.log10(incident), 100 * sample.showers.energy_mev / incident], 1)


def high_level(sample: ShowerSet, geometry: Geometry) -> Tensor:
    """What the high-level classifier sees, float32 [N, 1 + L + 4 S], for L layers, S of them with sectors."""
    energies, shapes = [], []
    for number in torch.unique(geometry.layer).tolist():
        voxels = geometry.layer == number
        energy = sample.showers.energy_mev[:, voxels].double()
        energies.append(torch.log10(energy.sum(1, keepdim=True) + 1e-8))
        places = geometry.centres_mm[voxels, :2].double()
        if places.any():  # one sector alone: all centres are on the axis
            shapes.append(torch.cat(centre_and_width(energy, places), 1) / 100)
    incident = torch.log10(sample.conditions.energy_mev[:, None]).double()
    return torch.cat([incident, *energies, *shapes], 1).float()


def _area(inputs: list[Tensor], generator: np.random.Generator, epochs: int) -> tuple[float, float]:
    """Train on one part of the rows, and ask about another."""
    parts: list[list[Tensor]] = [[], [], []]
    labels: list[list[Tensor]] = [[], [], []]
    for label, rows in zip((1.0, 0.0), inputs, strict=True):
        order = torch.from_numpy(generator.permutation(len(rows)))
        ends = [int(TRAINED * len(rows)), int((TRAINED + CHOOSING) * len(rows))]
        for part, of_part, some in zip(parts, labels, torch.tensor_split(order, ends), strict=True):
            part.append(rows[some])
            of_part.append(torch.full((len(some),), label))
    (train, choose, ask), (is_train, is_choose, is_ask) = (
        [torch.cat(part) for part in both] for both in (parts, labels)
    )
    starts = int(generator.integers(2**31))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(starts)
        network = nn.Sequential(
            nn.Linear(train.shape[1], HIDDEN), nn.LeakyReLU(0.01),
            nn.Linear(HIDDEN, HIDDEN), nn.LeakyReLU(0.01),
            nn.Linear(HIDDEN, 1),
        )  # fmt: skip
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    best, answers = -1.0, torch.zeros(len(ask))
    for _ in range(epochs):
        for rows in torch.from_numpy(generator.permutation(len(train))).split(BATCH):  # type: ignore[no-untyped-call]
            loss = functional.binary_cross_entropy_with_logits(network(train[rows])[:, 0], is_train[rows])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        with torch.no_grad():
            right = float(((network(choose)[:, 0] > 0) == (is_choose > 0)).double().mean())
            if right > best:
                best, answers = right, network(ask)[:, 0]
    score = answers.double().numpy()
    one = np.zeros(len(score), np.int64)
    area, influence = auc(score, is_ask.numpy() > 0, np.ones(len(score)), one)
    return area, error_of(influence, np.arange(len(score)))
