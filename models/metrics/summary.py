"""What the metrics look at: a sample of showers, reduced once to observables and cell counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.metrics.measurement import Array
from monsoon.models.metrics.spectrum import cell_counts

ROWS = 4096  # showers at a time: a thousand take some 60 MB of scratch


@dataclass(frozen=True)
class Summary:
    """Observables of N showers; rows can be chosen as of a ShowerSet.

    names       [K]             of the observables
    values      float64 [N, K]  observables
    energy_mev  float64 [N]     incident energy
    cells       float64 [N, B]  number of pixels per bin of energy
    weight      float64 [N]
    """

    names: tuple[str, ...]
    values: Array
    energy_mev: Array
    cells: Array
    weight: Array

    @classmethod
    def of(cls, sample: ShowerSet, grid: Geometry) -> Summary:
        """Reduces a sample, a part at a time."""
        names: tuple[str, ...] = ()
        values, cells = [], []
        for first in range(0, len(sample), ROWS):
            part = sample[first : first + ROWS]
            with torch.no_grad():
                named = grid.observables(part.conditions, part.showers)
            names = tuple(named)
            values.append(torch.stack(list(named.values()), 1).numpy())
            cells.append(cell_counts(part.showers))
        return cls(
            names,
            np.concatenate(values),
            sample.conditions.energy_mev.double().numpy(),
            np.concatenate(cells),
            sample.weight.double().numpy(),
        )

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Tensor) -> Summary:
        i = rows.numpy()
        return Summary(self.names, self.values[i], self.energy_mev[i], self.cells[i], self.weight[i])

    def column(self, name: str) -> Array:
        """One observable, float64 [N]."""
        return self.values[:, self.names.index(name)]
