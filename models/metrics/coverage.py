"""Precision, recall, density and coverage: do two clouds of points fill the same space?"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from monsoon.models.metrics.measurement import Array

NEIGHBOURS = 5
ROWS = 1024  # rows of a distance matrix at a time
ROUNDING = 1e-6  # equal rows, such as showers without energy, are neighbours at radius 0


def coverage(generated: Array, reference: Array, neighbours: int = NEIGHBOURS) -> Array:
    """Precision, recall, density and coverage of points [N, K] and [M, K], float64 [4].

    A point's ball reaches to its k-th nearest neighbour in its own sample. Precision: generated points in a
    reference ball. Recall: reference points in a generated ball. Density: reference balls a generated point
    is in, over k. Coverage: reference balls with a generated point in them. arXiv:1904.06991, 2002.09797.
    """
    g, r = (torch.from_numpy(np.ascontiguousarray(points)) for points in (generated, reference))
    radius_g, radius_r = (_radius(points, neighbours) for points in (g, r))
    precise, recalled, covered = (torch.zeros(len(points), dtype=torch.bool) for points in (g, r, r))
    balls = 0
    for first in range(0, len(r), ROWS):
        rows = slice(first, first + ROWS)
        distance = torch.cdist(r[rows], g)  # [rows, N]
        in_reference = distance <= radius_r[rows, None] + ROUNDING
        balls += int(in_reference.sum())
        precise |= in_reference.any(0)
        covered[rows] = in_reference.any(1)
        recalled[rows] = (distance <= radius_g[None] + ROUNDING).any(1)
    shares = [float(hit.double().mean()) for hit in (precise, recalled, covered)]
    return np.array([shares[0], shares[1], balls / (neighbours * len(g)), shares[2]])


def standardised(values: Array, reference: Array) -> Array:
    """Columns less the reference's mean, over its rms; a column without spread is only shifted."""
    rms = reference.std(0)
    scaled: Array = (values - reference.mean(0)) / np.where(rms > 0, rms, 1.0)
    return scaled


def _radius(points: Tensor, neighbours: int) -> Tensor:
    """Distance of each point to its k-th nearest other one, [N]."""
    # the point itself comes first, at 0
    parts = [
        torch.cdist(points[first : first + ROWS], points).topk(neighbours + 1, largest=False).values[:, -1]
        for first in range(0, len(points), ROWS)
    ]
    return torch.cat(parts)
