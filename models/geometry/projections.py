"""Projections of layers of rings: into the plane across the axis, and into radius against layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.geometry.geometry import View

SIDE = 60  # bins of a picture in x and in y

Floats = NDArray[np.float64]


def across(
    energy_mev: Floats, centres_mm: Tensor, at: Callable[[Tensor, Tensor], list[Tensor]], reach_mm: float
) -> View:
    """Sum all layers in x and y; a voxel's energy is shared equally by the bins whose middle it holds.

    Parameters
    ----------
    energy_mev
        float64 [V].
    centres_mm
        [V, 2], where the energy of voxels goes that hold no bin's middle.
    at
        Of radii and azimuths [B]: for each layer with voxels the voxel there, int64 [B], or -1.
    reach_mm
        The picture reaches so far to either side; what lies beyond is not in it.
    """
    edges = np.linspace(-reach_mm, reach_mm, SIDE + 1)
    middle = torch.from_numpy((edges[1:] + edges[:-1]) / 2)
    y, x = torch.meshgrid(middle, middle, indexing="ij")
    radius, azimuth = torch.hypot(x, y).flatten(), torch.atan2(y, x).flatten()
    picture, seen = np.zeros(SIDE * SIDE), np.zeros(len(energy_mev), bool)
    for voxel in at(radius, azimuth):
        there = (voxel >= 0).numpy()
        held = voxel.numpy()[there]
        count = np.bincount(held, minlength=len(energy_mev))
        picture[there] += energy_mev[held] / count[held]
        seen |= count > 0
    column, row = (np.floor((centres_mm.double().numpy().T + reach_mm) / (2 * reach_mm) * SIDE)).astype(int)
    inside = ~seen & (column >= 0) & (column < SIDE) & (row >= 0) & (row < SIDE)
    np.add.at(picture, row[inside] * SIDE + column[inside], energy_mev[inside])
    return View("all layers", "x [mm]", "y [mm]", edges, edges, picture.reshape(SIDE, SIDE))


def along(energy_mev: Floats, rings: Sequence[Sequence[float]], layer: Tensor, ring: Tensor) -> View:
    """Sum all sectors, radius against layer.

    Where layers have other rings than each other, a ring's energy is shared by its parts in proportion to
    their widths.

    Parameters
    ----------
    energy_mev
        float64 [V].
    rings
        Edges of the rings in mm, of each layer.
    layer, ring
        int64 [V], of every voxel.
    """
    edges = np.unique([edge for of_layer in rings for edge in of_layer])
    picture = np.zeros((len(edges) - 1, len(rings)))
    for number, of_layer in enumerate(rings):
        mine = (layer == number).numpy()
        sums = np.bincount(ring.numpy()[mine], energy_mev[mine], minlength=max(0, len(of_layer) - 1))
        for (low, high), energy in zip(pairwise(of_layer), sums, strict=True):
            parts = slice(*np.searchsorted(edges, [low, high]))
            picture[parts, number] = energy * np.diff(edges)[parts] / (high - low)
    layers = np.arange(len(rings) + 1, dtype=np.float64) - 0.5
    return View("all azimuths", "layer", "distance from the axis [mm]", layers, edges, picture)
