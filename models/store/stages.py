"""Weights that a model has in common with a shipped one, and that are stored once.

A model of regions may take its energy, hits and divisions from a trained flow as they are
(`models/families/vectors/regions.py`): two thirds of its weights; one that accepts and rejects has another
model's whole. Its folder then need not have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from monsoon.models.families.vectors.regions import stages_of


def taken_tensors(config: Mapping[str, Any], giver: Any) -> dict[str, Tensor]:
    """What a model has of another one, by its own names.

    Parameters
    ----------
    config
        Configuration of the model: which stages it took, or that it corrects the model, and the fingerprint
        of the model that gave them.
    giver
        That model.

    Raises
    ------
    ValueError
        If it is another one.
    """
    if corrected := config.get("model"):
        if giver.fingerprint != corrected["fingerprint"]:
            raise ValueError("it corrects another model")
        return {f"model.{name}": value for name, value in giver.state_dict().items()}
    stages = stages_of(giver)
    if stages is None or giver.fingerprint != config["stages"]:
        raise ValueError("its stages are those of another model")
    return {
        f"vectors.{stage}.{name}": value
        for stage in config["taken"]
        for name, value in _part(stages, stage).state_dict().items()
    }


def _part(stages: nn.Module, name: str) -> nn.Module:
    part: nn.Module = getattr(stages, name)
    return part
