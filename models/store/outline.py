"""The shapes of a network's tensors, told by its configuration without memory for the tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# what parameters are made of: layers call the first, families the second
_MAKES_PARAMETERS = (torch.empty, torch.zeros)
_SPARE = 8  # of these calls for each tensor that a network keeps


def fits(
    restore: Callable[[Mapping[str, Any]], nn.Module], config: Mapping[str, Any], stored: Mapping[str, Tensor]
) -> bool:
    """Whether a configuration describes a network of just these tensors.

    The network is laid out on the meta device, where a tensor has a shape and no memory, and no further than
    to the number of tensors that are stored: a configuration of a thousand million layers costs nothing.

    Parameters
    ----------
    restore
        Makes the network of a configuration.
    config
        The configuration, as it was found.
    stored
        The tensors that were found with it, by name.

    Raises
    ------
    ValueError, TypeError, KeyError and others
        Where nothing can be made of the configuration.
    """
    with _Outline(_SPARE * (len(stored) + 1)):
        network = restore(config)
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    return wanted == {name: value.shape for name, value in stored.items()}


class _Outline(TorchFunctionMode):
    """Puts parameters on the meta device, up to a number of them."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _MAKES_PARAMETERS:
            self._left -= 1
            if self._left < 0:
                raise ValueError("more tensors than are stored")
            kwargs = {**kwargs, "device": "meta"}
        return func(*args, **kwargs)
