"""Shower statistics: one definition each, in torch and differentiable.

Sums are float64. A shower without energy has zeros everywhere, and every gradient is finite, also at pixels
and showers without energy. N showers have V voxels each.
"""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.models.geometry.geometry import Geometry
from monsoon.models.records import Conditions, Showers

LEADING = (1, 2, 4, 8)  # pixels
THRESHOLDS_MEV = (0.05, 0.5, 5.0, 50.0)
DOUBLINGS = 4  # a soft threshold's power p is 2^4: it rises from 10 to 90 % while the energy grows by 32 %
SMALLEST_SHARE = 1e-6  # keeps the entropy's gradient finite where a pixel has no energy
LEAST_VARIANCE_MM2 = 1e-6  # below it a width is rounding: zero, without gradient


def response(conditions: Conditions, showers: Showers) -> Tensor:
    """Visible over incident energy, float64 [N].

    Examples
    --------
    >>> one = Conditions(torch.tensor([22]), torch.tensor([1000.0]), torch.zeros(1, 3), torch.zeros(1, 2))
    >>> response(one, Showers(torch.tensor([[100.0, 67.0]])))
    tensor([0.1670], dtype=torch.float64)
    """
    return showers.total_mev() / conditions.energy_mev


def centroid_mm(showers: Showers, geometry: Geometry) -> Tensor:
    """Energy-weighted mean x, y relative to the impact pixel's centre, [N, 2]; 0 without energy."""
    total = showers.energy_mev.sum(1, keepdim=True)
    return showers.energy_mev @ _centres(geometry, showers.energy_mev) / torch.where(total > 0, total, 1.0)


def displacement_mm(conditions: Conditions, showers: Showers, geometry: Geometry) -> Tensor:
    """Energy-weighted mean x, y relative to the impact point, float64 [N, 2]."""
    share = shares(showers)
    return share @ _centres(geometry, share) - conditions.offset_mm * share.sum(1, keepdim=True)


def widths_mm(showers: Showers, geometry: Geometry) -> Tensor:
    """Energy-weighted rms of x and of y about the centroid, float64 [N, 2]."""
    share = shares(showers)
    centres = _centres(geometry, share)
    variance = share @ centres**2 - (share @ centres) ** 2
    spread = variance > LEAST_VARIANCE_MM2
    return torch.where(spread, torch.where(spread, variance, 1.0).sqrt(), 0.0)


def second_moments_mm2(conditions: Conditions, showers: Showers, geometry: Geometry) -> Tensor:
    """Energy-weighted means of xx, yy and xy about the impact point, float64 [N, 3]."""
    share = shares(showers)
    x, y = _centres(geometry, share).unbind(1)
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


def leading_fractions(showers: Showers) -> Tensor:
    """Energy of the 1, 2, 4 and 8 (LEADING) largest pixels over the total, float64 [N, 4].

    An image of fewer pixels has all of its energy in them.
    """
    share = shares(showers)
    most = min(max(LEADING), share.shape[1])
    largest = share.topk(most, dim=1).values
    return largest.cumsum(1)[:, [min(count, most) - 1 for count in LEADING]]


def lateral_profile(conditions: Conditions, showers: Showers, geometry: Geometry, edges_mm: Tensor) -> Tensor:
    """Fraction of each shower's energy in rings of distance from the impact point.

    A pixel belongs to the ring that its centre is in. A shower without energy has a profile of zeros.

    Parameters
    ----------
    conditions, showers
        N rows.
    geometry
        The voxels.
    edges_mm
        float32 [B + 1], increasing.

    Returns
    -------
    Tensor
        [N, B], float32 or float64 as the energy is.
    """
    energy = showers.energy_mev
    away = geometry.centres_mm[:, :2].to(energy.device)[None] - conditions.offset_mm[:, None]  # [N, V, 2]
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
    the threshold. From 35 % below it and from 54 % above it that is the hard step within 1e-3.
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


def shares(showers: Showers) -> Tensor:
    """Each pixel's fraction of its shower's energy, float64 [N, V]; zeros without energy."""
    energy = showers.energy_mev.double()
    total = energy.sum(1, keepdim=True)
    return energy / torch.where(total > 0, total, 1.0)


def _centres(geometry: Geometry, like: Tensor) -> Tensor:
    return geometry.centres_mm[:, :2].to(like)
