"""Joined shower sets are their rows end to end."""

from __future__ import annotations

import torch

from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import read_showers
from monsoon.models.store.shipped import SAMPLES


def test_parts_joined_in_order_are_the_whole() -> None:
    whole = read_showers(SAMPLES / "hadrons-heldout.h5")[:100]
    again = joined([whole[:30], whole[30:31], whole[31:31], whole[31:]])
    for name in ("pdg", "energy_mev", "direction", "offset_mm"):
        assert torch.equal(getattr(again.conditions, name), getattr(whole.conditions, name))
    assert torch.equal(again.showers.energy_mev, whole.showers.energy_mev)
    assert torch.equal(again.weight, whole.weight)


def test_a_part_alone_is_not_copied() -> None:
    part = read_showers(SAMPLES / "hadrons-heldout.h5")[:5]
    assert joined([part]) is part
