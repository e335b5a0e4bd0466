"""Starting from the weights of a trained model: of another geometry, species or table, or of fewer rows."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from monsoon.models.errors import InputError
from monsoon.models.store.checkpoint import load


def take_over(network: nn.Module, folder: str | Path, family: str) -> float:
    """Give a prepared network the weights of a trained one, where names and shapes agree.

    Scales and regressions stay those of the network's own rows; only parameters are taken.

    Parameters
    ----------
    network
        As the family prepared it.
    folder
        Of the trained model.
    family
        Name of the network's family.

    Returns
    -------
    float
        The share of the network's parameters that were taken.

    Raises
    ------
    InputError
        If the model cannot be loaded, is of another family, or has no weights that fit.
    """
    stored = load(folder)
    if stored.card["family"] != family:
        raise InputError(
            f"init {folder}: is a {stored.card['family']}, not a {family}; name a model of that family"
        )
    given = dict(stored.model.named_parameters())
    fitting = {
        name: given[name]
        for name, parameter in network.named_parameters()
        if name in given and given[name].shape == parameter.shape
    }
    if not fitting:
        raise InputError(f"init {folder}: none of its weights fit this network; give it the same options")
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name in fitting:
                parameter.copy_(fitting[name])
    taken, whole = (sum(p.numel() for p in some) for some in (fitting.values(), network.parameters()))
    return float(taken / whole)
