"""The high-level features of the CaloChallenge, by the definitions of its own evaluation.

For every layer with voxels: its energy, its sparsity, centre and width in radius; for layers with sectors of
azimuth also centres and widths in x and y, which the CaloChallenge calls eta and phi. A voxel counts at the
middle of its ring and sector. With sums over the voxels of a layer:

    centre = sum e x / (sum e + 1e-16)
    width = sqrt(max(0, sum e x^2 / (sum e + 1e-16) - centre^2))
    sparsity = 1 - (share of the layer's voxels with e > 0)

References
----------
arXiv:2410.21611, section 4; HighLevelFeatures.py of https://github.com/CaloChallenge/homepage.
"""

from __future__ import annotations

import torch
from torch import Tensor

FLOOR = 1e-16  # MeV in the denominators
ROUNDING_MM2 = 1e-9  # a variance below it is rounding: distances of distributions would divide by it


def high_level(energy_mev: Tensor, layer: Tensor, polar: Tensor, sectors: list[int]) -> dict[str, Tensor]:
    """Compute the features of every layer with voxels.

    Parameters
    ----------
    energy_mev
        float64 [N, V].
    layer
        int64 [V], not decreasing.
    polar
        float64 [V, 2], radius in mm and azimuth of the middles.
    sectors
        Of each layer, L.

    Returns
    -------
    dict of Tensor
        float64 [N] each, by name.
    """
    radius, azimuth = polar.to(energy_mev).unbind(1)
    axes = {"x": radius * azimuth.cos(), "y": radius * azimuth.sin(), "r": radius}
    named: dict[str, Tensor] = {}
    for number in torch.unique(layer).tolist():
        voxels = torch.nonzero(layer == number)[:, 0]
        of_layer = energy_mev[:, voxels[0] : voxels[-1] + 1]
        total = of_layer.sum(1)
        name = f"layer_{number}"
        named[f"{name}_energy_mev"] = total
        named[f"{name}_sparsity"] = 1 - (of_layer > 0).double().mean(1)
        seen = ("x", "y", "r") if sectors[number] > 1 else ("r",)
        places = torch.stack([axes[axis][voxels] for axis in seen], 1)
        of_axes = zip(*(found.unbind(1) for found in centre_and_width(of_layer, places)), strict=True)
        for axis, (centre, width) in zip(seen, of_axes, strict=True):
            named[f"{name}_centre_{axis}_mm"], named[f"{name}_width_{axis}_mm"] = centre, width
    return named


def centre_and_width(energy_mev: Tensor, places_mm: Tensor) -> tuple[Tensor, Tensor]:
    """Compute centre and width of showers in one layer.

    Parameters
    ----------
    energy_mev
        float64 [N, V], of the layer's voxels.
    places_mm
        float64 [V, A], of their middles along A axes.

    Returns
    -------
    centre : Tensor
        [N, A], mm.
    width : Tensor
        [N, A], mm.
    """
    total = energy_mev.sum(1, keepdim=True) + FLOOR
    centre, square = (energy_mev @ power / total for power in (places_mm, places_mm**2))
    variance = square - centre**2
    return centre, torch.where(variance > ROUNDING_MM2, variance, 0.0).sqrt()
