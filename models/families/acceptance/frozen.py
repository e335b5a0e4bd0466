"""A trained network as a part of another one that does not train it."""

from __future__ import annotations

from copy import deepcopy
from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def frozen(network: M) -> M:
    """A copy whose parameters are buffers of the same names: stored as they are, and never trained.

    Parameters
    ----------
    network
        Of any family; it stays as it is.
    """
    copy = deepcopy(network)
    for module in copy.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, value.detach())
    return copy.eval()
