"""Images as residuals: what is left of the log pixels once condition and total are taken out.

A raw image is mostly its energy, place and angle, and a network trained on a few thousand of them learns
little else. Of the residuals it sees the fluctuations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement

import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.classifiers.classifier import condition_columns
from monsoon.models.records import Conditions

FILL_MEV = 0.02  # an empty pixel is no further from a full one than noise of this size
LARGEST = 8.0  # residuals beyond this many spreads are cut
DEGREES = (
    5,
    4,
    3,
    2,
)  # of the polynomial; an inclined axis crosses pixels, squares do not follow that
ROWS_PER_TERM = 5
RIDGE = 1e-6  # in units of a mean square: settles columns that are constant or add up to another


@dataclass(frozen=True)
class Windows:
    """The windows of N showers (`Geometry.window`, of P groups of voxels) and what explains them.

    log_pixels    float32 [N, P]      log(energy / MeV + 0.02)
    condition     float32 [N, 5 + S]  as in condition_columns
    log_response  float32 [N]         log((total + 0.02 MeV) / incident energy)
    symmetries    int64   [G, P]      the geometry's symmetries inside the window
    geometry                          the voxels
    """

    log_pixels: Tensor
    condition: Tensor
    log_response: Tensor
    symmetries: Tensor
    geometry: Geometry

    @classmethod
    def of(cls, showers: ShowerSet, grid: Geometry) -> Windows:
        """Cut out of whole images."""
        group = grid.window
        inside = torch.nonzero(group >= 0)[:, 0]
        groups = int(group.max()) + 1
        first = torch.zeros(groups, dtype=torch.int64)
        first[group[inside].flip(0)] = inside.flip(0)  # a voxel of each group
        condition = condition_columns(showers.conditions)
        pixels = torch.zeros(len(showers), groups)
        pixels.index_add_(1, group[inside], showers.showers.energy_mev[:, inside])
        return cls(
            torch.log(pixels + FILL_MEV),
            condition,
            torch.log(showers.showers.total_mev().float() + FILL_MEV) - condition[:, 0],
            group[grid.symmetries[:, first]],
            grid,
        )

    def reflected(self, rows: Tensor, g: Tensor) -> Tensor:
        """Condition columns of rows [n] after symmetries g [n], [n, 5 + S]."""
        c = self.condition[rows]
        direction = torch.nn.functional.pad(c[:, 3:5], (0, 1))
        mirrored = self.geometry.reflect(Conditions(torch.zeros(len(c)), c[:, 0], direction, c[:, 1:3]), g)
        return torch.cat([c[:, :1], mirrored.offset_mm, mirrored.direction[:, :2], c[:, 5:]], 1)


def residuals(windows: Windows, reference: Tensor, weight: Tensor) -> Tensor:
    """Log pixels less their weighted regression, over its spread, float32 [N, P].

    The regression is a polynomial in condition and log response, of as high a degree as the rows allow. The
    spread follows them too: it is the root of a mean square whose logarithm is a quadratic regression. Both
    are fitted on the reference rows alone, in all mirrors, so that the residuals of a reflected shower
    are its reflected residuals.

    reference  int64   [n], the rows to fit on
    weight     float64 [n]
    """
    variables = _Variables.of(windows, reference, weight)
    degree = next(
        d for d in DEGREES if len(variables.terms(d)) * ROWS_PER_TERM <= len(reference) or d == DEGREES[-1]
    )
    mirrors = [(torch.full_like(reference, g), symmetry) for g, symmetry in enumerate(windows.symmetries)]
    images = [windows.log_pixels[reference][:, symmetry].double() for _, symmetry in mirrors]
    inputs = [variables.columns(reference, g, degree) for g, _ in mirrors]
    slope = _regression(inputs, images, weight)
    left = [y - x @ slope for x, y in zip(inputs, images, strict=True)]
    inputs = [variables.columns(reference, g, 2) for g, _ in mirrors]
    bend = _regression(inputs, [torch.log(r**2 + 1e-4) for r in left], weight)
    # the mean of a logarithm is below the logarithm of the mean
    excess = sum(weight @ (r**2 / (x @ bend).exp()) for x, r in zip(inputs, left, strict=True))
    excess = torch.as_tensor(excess / (len(mirrors) * weight.sum())).clamp(min=1e-3)
    parts = []
    for rows in torch.split(torch.arange(len(windows.log_pixels)), 2048):
        upright = torch.zeros_like(rows)
        expected = variables.columns(rows, upright, degree) @ slope
        square = (variables.columns(rows, upright, 2) @ bend).exp() * excess
        parts.append((windows.log_pixels[rows] - expected) / square.sqrt())
    return torch.cat(parts).clamp(-LARGEST, LARGEST).float()


@dataclass(frozen=True)
class _Variables:
    """What the regression is in: log energy, offset, direction and log response in units of their spread."""

    windows: Windows
    centre: Tensor  # float64 [6]
    scale: Tensor  # float64 [6]

    @classmethod
    def of(cls, windows: Windows, reference: Tensor, weight: Tensor) -> _Variables:
        upright = _plain(windows, reference, torch.zeros_like(reference))
        share = weight / weight.sum()
        centre, square = share @ upright, share @ upright**2
        # x and y alike and about zero, that reflections stay reflections
        for pair in ([1, 2], [3, 4]):
            centre[pair], square[pair] = 0.0, square[pair].mean()
        return cls(windows, centre, (square - centre**2).clamp(min=1e-6).sqrt())

    def terms(self, degree: int) -> list[tuple[int, ...]]:
        """Every product of at most `degree` of the six variables."""
        return list(_products(len(self.centre), degree))

    def columns(self, rows: Tensor, g: Tensor, degree: int) -> Tensor:
        """The polynomial and, of each species, a constant and slopes, float64 [n, Q], after g [n]."""
        smooth = ((_plain(self.windows, rows, g) - self.centre) / self.scale).clamp(-3, 3)
        done: dict[tuple[int, ...], Tensor] = {(): torch.ones(len(rows), dtype=torch.float64)}
        for term in self.terms(degree)[1:]:
            done[term] = done[term[:-1]] * smooth[:, term[-1]]
        species = self.windows.condition[rows, 5:].double()
        linear = torch.cat([torch.ones(len(rows), 1, dtype=torch.float64), smooth], 1)
        by_species = (species[:, :, None] * linear[:, None]).flatten(1)
        return torch.cat([torch.stack(list(done.values()), 1), by_species], 1)


def _products(variables: int, degree: int) -> Iterator[tuple[int, ...]]:
    for d in range(degree + 1):
        yield from combinations_with_replacement(range(variables), d)


def _plain(windows: Windows, rows: Tensor, g: Tensor) -> Tensor:
    """Log energy, offset, direction, log response after symmetry g [n], float64 [n, 6]."""
    condition = windows.reflected(rows, g)[:, :5]
    return torch.cat([condition, windows.log_response[rows, None]], 1).double()


def _regression(inputs: list[Tensor], outputs: list[Tensor], weight: Tensor) -> Tensor:
    """Weighted least squares over all mirrors, float64 [Q, P]."""
    normal = sum(x.T @ (x * weight[:, None]) for x in inputs)
    moment = sum((x * weight[:, None]).T @ y for x, y in zip(inputs, outputs, strict=True))
    normal, moment = torch.as_tensor(normal), torch.as_tensor(moment)
    ridge = RIDGE * normal.diagonal().mean() * torch.eye(len(normal), dtype=torch.float64)
    slope: Tensor = torch.linalg.solve(normal + ridge, moment)
    return slope
