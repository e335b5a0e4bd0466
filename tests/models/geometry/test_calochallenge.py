"""The features of the CaloChallenge against numpy loops over its definitions, on a ragged layout."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.layer import Layer
from monsoon.models.records import Conditions, Showers

RAGGED = Cylindrical(
    (Layer((0.0, 5.0, 10.0, 30.0)), Layer((0.0, 2.0, 4.0, 8.0), 10), Layer(()), Layer((0.0, 50.0, 100.0), 4))
)
ROWS = 7


def showers() -> Showers:
    generator = torch.Generator().manual_seed(3)
    energy = torch.rand(ROWS, RAGGED.voxels, generator=generator).log().neg()
    energy[torch.rand(energy.shape, generator=generator) < 0.4] = 0
    energy[0] = 0
    energy[1, RAGGED.layer == 1] = 0
    return Showers(energy)


def conditions() -> Conditions:
    along = torch.tensor([[0.0, 0.0, 1.0]]).expand(ROWS, 3)
    return Conditions(
        torch.full((ROWS,), 22, dtype=torch.int32),
        torch.arange(1, ROWS + 1) * 1e3,
        along,
        torch.zeros(ROWS, 2),
    )


def of_loops(energy: np.ndarray) -> dict[str, float]:
    """One shower, voxel by voxel, as the definitions read."""
    found: dict[str, float] = {}
    voxel = 0
    for number, layer in enumerate(RAGGED.stack):
        rings = list(zip(layer.edges_mm, layer.edges_mm[1:], strict=False))
        points = []
        for sector in range(layer.sectors):
            alpha = -math.pi + (sector + 0.5) * 2 * math.pi / layer.sectors
            for low, high in rings:
                middle = low + (high - low) / 2
                points.append(
                    (middle * math.cos(alpha), middle * math.sin(alpha), middle, float(energy[voxel]))
                )
                voxel += 1
        if not points:
            continue
        total = sum(e for *_, e in points)
        found[f"layer_{number}_energy_mev"] = total
        found[f"layer_{number}_sparsity"] = 1 - sum(e > 0 for *_, e in points) / len(points)
        for axis, name in ((0, "x"), (1, "y"), (2, "r")) if layer.sectors > 1 else ((2, "r"),):
            mean = sum(p[axis] * p[3] for p in points) / (total + 1e-16)
            square = sum(p[axis] ** 2 * p[3] for p in points) / (total + 1e-16)
            found[f"layer_{number}_centre_{name}_mm"] = mean
            found[f"layer_{number}_width_{name}_mm"] = math.sqrt(max(0.0, square - mean**2))
    return found


def test_features_are_those_of_loops_over_the_definitions() -> None:
    sample = showers()
    named = RAGGED.observables(conditions(), sample)
    assert list(named)[:2] == ["visible_mev", "response"]
    for row in range(ROWS):
        expected = of_loops(sample.energy_mev[row].double().numpy())
        assert expected.keys() == named.keys() - {"visible_mev", "response"}
        for name, value in expected.items():
            assert float(named[name][row]) == pytest.approx(value, abs=1e-6), name


def test_the_response_is_the_total_over_the_incident_energy() -> None:
    named = RAGGED.observables(conditions(), showers())
    total = showers().energy_mev.double().sum(1)
    assert torch.allclose(named["response"], total / conditions().energy_mev)
    layers = sum(value for name, value in named.items() if name.endswith("_energy_mev"))
    assert torch.allclose(torch.as_tensor(layers), total)


def test_pictures_have_the_energy_where_it_is() -> None:
    image = torch.zeros(RAGGED.voxels)
    innermost = torch.nonzero((RAGGED.layer == 1) & (RAGGED.sector == 7) & (RAGGED.ring == 1))[0]
    image[innermost] = 5.0
    face, depth = RAGGED.views(image.numpy())
    assert face.values.sum() == pytest.approx(5.0)
    rows, columns = np.nonzero(face.values)
    x, y = (
        face.x_edges[columns] + np.diff(face.x_edges)[0] / 2,
        face.y_edges[rows] + np.diff(face.y_edges)[0] / 2,
    )
    assert ((np.hypot(x, y) > 2) & (np.hypot(x, y) < 4)).all()
    assert (np.floor((np.arctan2(y, x) + np.pi) / (2 * np.pi) * 10) == 7).all()
    assert depth.values.sum() == pytest.approx(5.0)
    assert np.nonzero(depth.values.sum(0))[0].tolist() == [1]
    filled = np.nonzero(depth.values[:, 1])[0]
    assert depth.y_edges[filled].tolist() == [2.0]


def test_a_picture_keeps_all_energy_within_its_reach() -> None:
    image = torch.ones(RAGGED.voxels)
    face, depth = RAGGED.views(image.numpy())
    assert depth.values.sum() == pytest.approx(RAGGED.voxels)
    assert face.x_edges[-1] == 8.0
    layer_1 = 30  # and of layers 0 and 3 the rings that reach into the picture
    assert face.values.sum() > layer_1
