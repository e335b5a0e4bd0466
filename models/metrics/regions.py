"""Where a classifier tells two samples apart: boxes of physical quantities, in plain words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeRegressor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry

Floats = NDArray[np.float64]

DEPTH = 3  # conditions that a description joins, at most
LEAST_SHARE = 0.03  # of all rows, in a region
SIGMA = 3.0  # by which rows that did not choose a region must confirm it
SPLIT_SIGMA = 4.0  # by which the two sides of a cut must differ, about: there are many cuts to choose from
UNITS = {"gev": "GeV", "mev": "MeV", "mm": "mm", "mm2": "mm2", "degrees": "degrees"}


@dataclass(frozen=True)
class Region:
    """A box in which the classifier separates the samples.

    generated, reference  shares of either sample's weight that lie inside
    log_weight            mean of log(reference / generated density) over the generated rows inside
    gain                  mean log odds in favour of the right sample over all rows inside; 0 is guessing
    rows                  generated and reference rows inside
    """

    description: str
    generated: float
    reference: float
    log_weight: float
    gain: float
    rows: int


def worst_regions(
    showers: ShowerSet,
    grid: Geometry,
    generated: NDArray[np.bool_],
    weight: Floats,
    log_odds: Floats,
    group: NDArray[np.int64],
    seed: int,
) -> list[Region]:
    """The regions that the classifier finds easiest, the easiest first; none where it only guesses.

    A small tree, grown on half of the groups, looks for boxes with a high mean log odds in favour of the
    right sample. The other half must confirm a box. Figures are of all rows.

    log_odds  float64 [N], of generated over reference, from classifiers that were not trained on the row
    """
    names, columns = _quantities(showers, grid)
    right = np.where(generated, log_odds, -log_odds)
    half = np.random.default_rng(seed).permutation(int(group.max()) + 1) % 2
    growing = half[group] == 0
    least = max(10, int(LEAST_SHARE * growing.sum()))
    tree = DecisionTreeRegressor(
        max_depth=DEPTH,
        min_samples_leaf=least,
        min_impurity_decrease=SPLIT_SIGMA**2 / growing.sum() * right[growing].var(),
        random_state=seed,
    )
    tree.fit(columns[growing], right[growing], sample_weight=weight[growing])
    leaf = tree.apply(columns)
    regions = []
    for node, bounds in _leaves(tree).items():
        inside = leaf == node
        if not _confirmed(right, weight, inside & ~growing):
            continue
        ours = inside & generated
        regions.append(
            Region(
                _describe(bounds, names),
                float(weight[ours].sum() / weight[generated].sum()),
                float(weight[inside & ~generated].sum() / weight[~generated].sum()),
                float(np.average(-log_odds[ours], weights=weight[ours])) if weight[ours].any() else np.nan,
                float(np.average(right[inside], weights=weight[inside])),
                int(inside.sum()),
            )
        )
    return sorted(regions, key=lambda region: -region.gain)


def _confirmed(right: Floats, weight: Floats, rows: NDArray[np.bool_]) -> bool:
    """Whether the mean of `right` over the rows is above zero by SIGMA standard errors."""
    w, x = weight[rows], right[rows]
    if np.count_nonzero(w) < 10:
        return False
    mean = np.average(x, weights=w)
    error = np.sqrt((w**2 * (x - mean) ** 2).sum()) / w.sum()
    return bool(mean > SIGMA * error)


def _quantities(showers: ShowerSet, grid: Geometry) -> tuple[list[str], Floats]:
    """What a region may be described by: names that end in a unit, and columns float64 [N, Q]."""
    c = showers.conditions
    columns = {
        "energy_gev": c.energy_mev / 1000,
        "angle_degrees": torch.rad2deg(torch.acos(c.direction[:, 2].clamp(max=1))),
        "offset_x_mm": c.offset_mm[:, 0],
        "offset_y_mm": c.offset_mm[:, 1],
        **grid.observables(c, showers.showers),
    }
    del columns["visible_mev"]  # energy and response say it
    for pdg in torch.unique(c.pdg).tolist():
        columns[f"species {pdg}"] = (c.pdg == pdg).float()
    # a tree that splits on a column needs numbers: an empty shower's undefined statistic counts as zero
    table = torch.stack([column.double() for column in columns.values()], 1).nan_to_num()
    return list(columns), table.numpy()


def _leaves(tree: DecisionTreeRegressor) -> dict[int, dict[int, tuple[float, float]]]:
    """Of each leaf, the bounds (low, high) of the columns on the way to it."""
    nodes = tree.tree_
    leaves: dict[int, dict[int, tuple[float, float]]] = {}
    open_nodes: list[tuple[int, dict[int, tuple[float, float]]]] = [(0, {})]
    while open_nodes:
        node, bounds = open_nodes.pop()
        if nodes.children_left[node] < 0:
            leaves[node] = bounds
            continue
        column, cut = int(nodes.feature[node]), float(nodes.threshold[node])
        low, high = bounds.get(column, (-np.inf, np.inf))
        open_nodes.append((int(nodes.children_left[node]), {**bounds, column: (low, cut)}))
        open_nodes.append((int(nodes.children_right[node]), {**bounds, column: (cut, high)}))
    return leaves


def _describe(bounds: dict[int, tuple[float, float]], names: list[str]) -> str:
    """For example "energy 20 to 50 GeV, angle > 8 degrees, species 22"."""
    parts = []
    for column, (low, high) in bounds.items():
        name, unit = _words(names[column])
        if name.startswith("species "):
            parts.append(name if low > 0 else f"not {name}")
        elif low == -np.inf:
            parts.append(f"{name} < {high:.3g}{unit}")
        elif high == np.inf:
            parts.append(f"{name} > {low:.3g}{unit}")
        else:
            parts.append(f"{name} {low:.3g} to {high:.3g}{unit}")
    return ", ".join(parts) or "everywhere"


def _words(name: str) -> tuple[str, str]:
    """A column's name in words and its unit: visible_mev -> visible, MeV; pixels_above_2_mev has none."""
    *words, last = name.split("_")
    if last not in UNITS:
        return " ".join([*words, last]), ""
    if words[-1].replace(".", "").isdigit():
        return " ".join([*words, UNITS[last]]), ""
    return " ".join(words), f" {UNITS[last]}"
