"""What the workers of one training tell each other. Alone, they tell themselves."""

from __future__ import annotations

import torch

# its functions hold the group that is there when it is imported, which is then never destroyed: an optimiser
# imports it at its first step, and gloo's threads lived on into Python's end, where they may abort it
import torch.distributed.nn.functional
from torch import Tensor, distributed


def workers() -> int:
    """How many take part."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which one this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def all_reduce(values: Tensor) -> Tensor:
    """The sum over all workers, in place; every worker gets the same bits."""
    if distributed.is_initialized():
        distributed.all_reduce(values)
    return values


def broadcast(value: int, device: torch.device) -> int:
    """The first worker's number, whatever the others hold. Nobody gets it before the first is here."""
    if not distributed.is_initialized():
        return value
    told = torch.tensor([value], device=device)
    distributed.broadcast(told, src=0)
    return int(told)
