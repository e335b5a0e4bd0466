"""What a judge is: a classifier that is trained on some rows and asked about others."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.records import Conditions

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


class Judge(Protocol):
    """Made of the showers of both samples; which are generated it learns of the training rows alone."""

    folds: int  # how many parts the rows are cut into; each part is judged by what the others taught

    def log_odds(self, train: Rows, generated: Flags, weight: Floats, test: Rows, seed: int) -> Floats:
        """Logarithm of generated over reference density at the test rows, float64 [len(test)].

        generated, weight  of the training rows; the weights of either sample add up to the same sum
        """
        ...


def condition_columns(conditions: Conditions) -> Tensor:
    """What every judge sees of the condition, float32 [N, 5 + S].

    Log energy / MeV, offset x and y in mm, direction cosines x and y, one column for each of S species.
    """
    species = torch.unique(conditions.pdg)
    columns = [
        torch.log(conditions.energy_mev)[:, None],
        conditions.offset_mm,
        conditions.direction[:, :2],
        (conditions.pdg[:, None] == species).float(),
    ]
    return torch.cat(columns, 1)
