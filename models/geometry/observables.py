"""Shower statistics: one definition each, in torch and differentiable.

Sums are float64. A shower without energy has zeros everywhere, and every gradient is finite, also at pixels
and showers without energy.
"""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.geometry.planar import Grid
from monsoon.models.records import Conditions, Showers

LEADING = (1, 2, 4, 8)  # pixels
CONTAINMENT = (3, 5)  # pixels a side, about the impact pixel
THRESHOLDS_MEV = (0.05, 0.5, 5.0, 50.0)
RINGS = (0.0, 1.0, 2.0, 4.0, 8.0, torch.inf)  # distance from the impact, in pixels
DOUBLINGS = 4  # a soft threshold's power p is 2^4: it rises from 10 to 90 % while the energy grows by 32 %
SMALLEST_SHARE = 1e-6  # keeps the entropy's gradient finite where a pixel has no energy
LEAST_VARIANCE_MM2 = 1e-6  # below it a width is rounding: zero, without gradient


def response(conditions: Conditions, showers: Showers) -> Tensor:
    """Visible over incident energy, float64 [N]."""
    return showers.total_mev() / conditions.energy_mev


def centroid_mm(showers: Showers, grid: Grid) -> Tensor:
    """Energy-weighted mean x, y relative to the impact pixel's centre, [N, 2]; 0 without energy."""
    total = showers.energy_mev.sum(1, keepdim=True)
    return showers.energy_mev @ _centres(grid, showers.energy_mev) / torch.where(total > 0, total, 1.0)


def displacement_mm(conditions: Conditions, showers: Showers, grid: Grid) -> Tensor:
    """Energy-weighted mean x, y relative to the impact point, float64 [N, 2]."""
    share = shares(showers)
    return share @ _centres(grid, share) - conditions.offset_mm * share.sum(1, keepdim=True)


def widths_mm(showers: Showers, grid: Grid) -> Tensor:
    """Energy-weighted rms of x and of y about the centroid, float64 [N, 2]."""
    share = shares(showers)
    centres = _centres(grid, share)
    variance = share @ centres**2 - (share @ centres) ** 2
    spread = variance > LEAST_VARIANCE_MM2
    return torch.where(spread, torch.where(spread, variance, 1.0).sqrt(), 0.0)


def second_moments_mm2(conditions: Conditions, showers: Showers, grid: Grid) -> Tensor:
    """Energy-weighted means of xx, yy and xy about the impact point, float64 [N, 3]."""
    share = shares(showers)
    x, y = _centres(grid, share).unbind(1)
    mean_x, mean_y, xx, yy, xy = (share @ torch.stack([x, y, x * x, y * y, x * y], 1)).unbind(1)
    at_x, at_y = conditions.offset_mm.to(share).unbind(1)
    whole = share.sum(1)
    return torch.stack(
        [
            xx - 2 * at_x * mean_x + at_x**2 * whole,
            yy - 2 * at_y * mean_y + at_y**2 * whole,
            xy - at_x * mean_y - at_y * mean_x + at_x * at_y * whole,
        ],
        1,
    )


def asymmetry(showers: Showers, grid: Grid) -> Tensor:
    """Energy right less left, and above less below, of the impact pixel, over the total; float64 [N, 2].

    A row or column without a partner on the other side takes no part.
    """
    share = shares(showers)
    away = (_centres(grid, share) / grid.pixel_mm).round()  # [V, 2]
    last = torch.tensor([grid.columns - 1, grid.rows - 1]) - grid.centre
    partner = away.abs() <= last.clamp(max=grid.centre).to(away)
    return share @ (away.sign() * partner)


def leading_fractions(showers: Showers) -> Tensor:
    """Energy of the 1, 2, 4 and 8 (LEADING) largest pixels over the total, float64 [N, 4]."""
    largest = shares(showers).topk(max(LEADING), dim=1).values
    return largest.cumsum(1)[:, [count - 1 for count in LEADING]]


def containment(showers: Showers, grid: Grid) -> Tensor:
    """Energy in the 3x3 and 5x5 (CONTAINMENT) pixels about the impact over the total, float64 [N, 2]."""
    share = shares(showers)
    away = grid.rings.to(share.device)
    return share @ torch.stack([(away <= side // 2).to(share) for side in CONTAINMENT], 1)


def lateral_profile(conditions: Conditions, showers: Showers, grid: Grid, edges_mm: Tensor) -> Tensor:
    """Fraction of each shower's energy per ring of distance from the impact point, [N, B].

    As float32 or float64 as the energy is. A pixel belongs to the ring that its centre is in. A shower
    without energy has a profile of zeros.

    edges_mm  float32 [B + 1], increasing
    """
    energy = showers.energy_mev
    away = grid.centres_mm.to(energy.device)[None] - conditions.offset_mm[:, None]  # [N, V, 2]
    ring = torch.bucketize(away.norm(dim=2), edges_mm, right=True) - 1  # [N, V]
    bins = len(edges_mm) - 1
    inside = (ring >= 0) & (ring < bins)
    profile = energy.new_zeros(len(showers), bins + 1)
    profile = profile.scatter_add(1, torch.where(inside, ring, bins), energy)[:, :bins]
    total = energy.sum(1, keepdim=True)
    return profile / torch.where(total > 0, total, 1.0)


def sparsity(showers: Showers) -> Tensor:
    """Fraction of all pixels above each of THRESHOLDS_MEV, by a soft step; float64 [N, 4].

    A pixel counts r^p / (1 + r^p) with r = energy / threshold and p = 2^DOUBLINGS: 0 without energy, 1/2 at
    the threshold, within 1e-3 of the hard step from 35 % below it and from 54 % above it.
    """
    energy = showers.energy_mev.double()
    fractions = []
    for threshold in THRESHOLDS_MEV:
        power = energy / threshold
        for _ in range(DOUBLINGS):  # pow takes ten times as long
            power = power.square()
        fractions.append((1 - 1 / (1 + power)).mean(1))
    return torch.stack(fractions, 1)


def entropy(showers: Showers) -> Tensor:
    """Entropy of the pixels' energy fractions f, -sum f ln(f + SMALLEST_SHARE), in nats; float64 [N].

    It is below the entropy without SMALLEST_SHARE by at most SMALLEST_SHARE times the number of hit pixels.
    """
    share = shares(showers)
    return -(share * torch.log(share + SMALLEST_SHARE)).sum(1)


def observables(conditions: Conditions, showers: Showers, grid: Grid) -> dict[str, Tensor]:
    """Every scalar statistic of a shower by name, in a fixed order, float64 [N] each."""
    edges_mm = (torch.tensor(RINGS) * grid.pixel_mm).to(conditions.offset_mm)
    double = Showers(showers.energy_mev.double())
    of_several = {
        ("centroid_x_mm", "centroid_y_mm"): displacement_mm(conditions, double, grid),
        ("width_x_mm", "width_y_mm"): widths_mm(double, grid),
        ("moment_xx_mm2", "moment_yy_mm2", "moment_xy_mm2"): second_moments_mm2(conditions, double, grid),
        ("asymmetry_x", "asymmetry_y"): asymmetry(double, grid),
        tuple(f"leading_{count}" for count in LEADING): leading_fractions(double),
        tuple(f"containment_{side}x{side}" for side in CONTAINMENT): containment(double, grid),
        tuple(f"ring_from_{least:g}_pixels" for least in RINGS[:-1]): lateral_profile(
            conditions, double, grid, edges_mm
        ),
        tuple(f"pixels_above_{mev:g}_mev" for mev in THRESHOLDS_MEV): sparsity(double),
    }
    named = {"visible_mev": double.total_mev(), "response": response(conditions, double)}
    for names, columns in of_several.items():
        named |= dict(zip(names, columns.unbind(1), strict=True))
    return named | {"entropy": entropy(double)}


def shares(showers: Showers) -> Tensor:
    """Each pixel's fraction of its shower's energy, float64 [N, V]; zeros without energy."""
    energy = showers.energy_mev.double()
    total = energy.sum(1, keepdim=True)
    return energy / torch.where(total > 0, total, 1.0)


def _centres(grid: Grid, like: Tensor) -> Tensor:
    return grid.centres_mm.to(like)
