"""What a classifier is: it is trained on some rows and asked about others."""

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


class Classifier(Protocol):
    """Made of the showers of both samples; only for the training rows is it told which are generated."""

    folds: int  # parts that the rows are cut into; a classifier trained on the others is asked about each

    def log_odds(self, train: Rows, generated: Flags, weight: Floats, test: Rows, seed: int) -> Floats:
        """Train on some rows and ask about others.

        Parameters
        ----------
        train, test
            int64, numbers of the rows.
        generated, weight
            bool and float64 [len(train)]; the weights of either sample add up to the same sum.
        seed
            Of the training.

        Returns
        -------
        float64 [len(test)]
            Logarithm of generated over reference density.
        """
        ...


def condition_columns(conditions: Conditions) -> Tensor:
    """What every classifier sees of the condition, float32 [N, 5 + S].

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
