"""The network classifiers: a CNN and an MLP on whitened residuals, trained under all symmetries."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.classifiers.classifier import Flags, Floats, Rows
from monsoon.models.metrics.classifiers.whitening import Windows, residuals

FINE = 9  # pixels a side that the convolutions see one by one
FILTERS = 16


class Convolutions(nn.Module):
    """(residuals [n, 225], condition [n, C]) -> log odds [n].

    Two convolutions over the inner 9x9 pixels, whose filters are shifted by the condition; a dense layer over
    their means in 3x3 blocks and over the whole window's. Squares enter beside the residuals: noise that
    is added to pixels leaves no mean.
    """

    def __init__(self, pixels: int, conditions: int) -> None:
        super().__init__()
        self.side = math.isqrt(pixels)
        self.first = nn.Conv2d(2, FILTERS, 3, padding=1)
        self.second = nn.Conv2d(FILTERS, FILTERS, 3, padding=1)
        self.shifts = nn.Linear(conditions, 2 * FILTERS)
        self.dense = nn.Linear(FILTERS * 9 + 2 * 25 + conditions, 64)
        self.last = nn.Linear(64, 1)

    def forward(self, residual: Tensor, condition: Tensor) -> Tensor:
        window = with_squares(residual).reshape(-1, 2, self.side, self.side)
        edge = (self.side - FINE) // 2
        first, second = self.shifts(condition)[:, :, None, None].chunk(2, 1)
        seen = functional.relu(self.first(window[:, :, edge:-edge, edge:-edge]) + first)
        seen = functional.relu(self.second(seen) + second)  # [n, 16, 9, 9]
        blocks = [functional.avg_pool2d(seen, 3).flatten(1), functional.avg_pool2d(window, 3).flatten(1)]
        out: Tensor = self.last(functional.relu(self.dense(torch.cat([*blocks, condition], 1))))[:, 0]
        return out


class Dense(nn.Module):
    """(residuals [n, P], condition [n, C]) -> log odds [n]: two hidden layers on residuals and squares."""

    def __init__(self, pixels: int, conditions: int, width: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2 * pixels + conditions, width),
            nn.LeakyReLU(),
            nn.Linear(width, width),
            nn.LeakyReLU(),
            nn.Linear(width, 1),
        )

    def forward(self, residual: Tensor, condition: Tensor) -> Tensor:
        out: Tensor = self.layers(torch.cat([with_squares(residual).flatten(1), condition], 1))[:, 0]
        return out


def with_squares(residual: Tensor) -> Tensor:
    """Residuals and their squares, which are cut at 9 and are about zero in the mean, [n, 2, P]."""
    return torch.stack([residual, residual.square().clamp(max=9) - 1], 1)


class WhitenedNetwork:
    """A classifier on whitened residuals and the condition; two folds, each asked about by the other."""

    network: Callable[[int, int], nn.Module]  # of pixels and columns of the condition
    rate: float  # of AdamW at the start; it falls to zero along a cosine
    decay: float
    folds = 2

    def __init__(self, showers: ShowerSet, grid: Geometry, steps: int = 900, batch: int = 192) -> None:
        self.steps = steps
        self.batch = batch
        self._windows = Windows.of(showers, grid)

    def log_odds(self, train: Rows, generated: Flags, weight: Floats, test: Rows, seed: int) -> Floats:
        """See Classifier."""
        windows = self._windows
        rows, label, share = torch.from_numpy(train), torch.from_numpy(generated), torch.from_numpy(weight)
        residual = residuals(windows, rows[~label], share[~label])
        centre, scale = windows.condition[rows].mean(0), windows.condition[rows].std(0).clamp(min=1e-3)
        generator = torch.Generator().manual_seed(seed)
        symmetries = len(windows.symmetries)
        with torch.device("meta"):
            network = type(self).network(windows.log_pixels.shape[1], windows.condition.shape[1])
        initialise(network.to_empty(device="cpu"), generator)

        def answer(rows: Tensor, g: Tensor) -> Tensor:
            image = residual[rows].gather(1, windows.symmetries[g])
            condition = (windows.reflected(rows, g) - centre) / scale
            out: Tensor = network(image, condition)
            return out

        # rows are drawn in proportion to their weight, half a batch from either sample
        half = self.batch // 2
        drawn = [
            rows[side][torch.multinomial(share[side], self.steps * half, True, generator=generator)]
            for side in (label, ~label)
        ]
        g = torch.randint(symmetries, (self.steps, 2 * half), generator=generator)
        target = torch.cat([torch.ones(half), torch.zeros(half)])
        parameters = list(network.parameters())
        optimiser = torch.optim.AdamW(parameters, lr=self.rate, weight_decay=self.decay)
        for step in range(self.steps):
            for options in optimiser.param_groups:
                options["lr"] = self.rate * (1 + math.cos(math.pi * step / self.steps)) / 2
            now = torch.cat([side[step * half : (step + 1) * half] for side in drawn])
            loss = functional.binary_cross_entropy_with_logits(answer(now, g[step]), target)
            for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
                parameter.grad = slope
            optimiser.step()
        with torch.no_grad():
            asked = torch.from_numpy(test)
            answers = [
                torch.cat([answer(part, torch.full_like(part, g)) for part in torch.split(asked, 1024)])
                for g in range(symmetries)
            ]
        odds: Floats = torch.stack(answers).double().mean(0).numpy().astype(np.float64)
        return odds


class WhitenedCNN(WhitenedNetwork):
    """Sees neighbouring pixels together; of square images alone (`Geometry.window_side`)."""

    network = Convolutions
    rate, decay = 4e-3, 1e-2


class WhitenedMLP(WhitenedNetwork):
    """Sees all pixels at once."""

    network = Dense
    rate, decay = 2e-3, 1.0  # so many weights learn the training rows by heart unless held back


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """He's uniform weights, biases of zero: as PyTorch would, but from a generator of our own."""
    for parameter in network.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_uniform_(parameter, nonlinearity="relu", generator=generator)
        else:
            nn.init.zeros_(parameter)
