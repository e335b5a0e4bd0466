"""Shower sets joined to one."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.records import Conditions, Showers


def joined(parts: Sequence[ShowerSet]) -> ShowerSet:
    """Join shower sets of one grid: the rows of all parts, end to end.

    Parameters
    ----------
    parts
        At least one. A single part is returned as it is, not copied.
    """
    if len(parts) == 1:
        return parts[0]
    return ShowerSet(
        Conditions.joined([part.conditions for part in parts]),
        Showers(torch.cat([part.showers.energy_mev for part in parts])),
        torch.cat([part.weight for part in parts]),
    )
