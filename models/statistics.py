"""Shower statistics: one definition each, in torch and differentiable."""

from __future__ import annotations

import torch
from torch import Tensor

from models.grid import Grid
from models.records import Conditions, Showers


def response(conditions: Conditions, showers: Showers) -> Tensor:
    """Visible over incident energy, float64 [N]."""
    return showers.total_mev() / conditions.energy_mev


def centroid_mm(showers: Showers, grid: Grid) -> Tensor:
    """Energy-weighted mean x, y relative to the impact pixel's centre, float32 [N, 2]; 0 without energy."""
    total = showers.energy_mev.sum(1, keepdim=True)
    return showers.energy_mev @ grid.centres_mm / torch.where(total > 0, total, 1.0)


def lateral_profile(conditions: Conditions, showers: Showers, grid: Grid, edges_mm: Tensor) -> Tensor:
    """Fraction of each shower's energy per ring of distance from the impact point, float32 [N, B].

    A pixel belongs to the ring that its centre is in. A shower without energy has a profile of zeros.

    edges_mm  float32 [B + 1], increasing
    """
    away = grid.centres_mm[None] - conditions.offset_mm[:, None]  # [N, V, 2]
    ring = torch.bucketize(away.norm(dim=2), edges_mm, right=True) - 1  # [N, V]
    bins = len(edges_mm) - 1
    inside = (ring >= 0) & (ring < bins)
    profile = torch.zeros(len(showers), bins + 1)
    profile = profile.scatter_add(1, torch.where(inside, ring, bins), showers.energy_mev)[:, :bins]
    total = showers.energy_mev.sum(1, keepdim=True)
    return profile / torch.where(total > 0, total, 1.0)
