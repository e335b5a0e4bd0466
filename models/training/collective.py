"""Communication among the workers of one training; each function also works for a single process."""

from __future__ import annotations

import torch

# Imported before there is a process group: its functions keep a reference to the group that exists at import,
# which is then never destroyed. An optimiser imports it at its first step. Threads of gloo would live until
# Python ends, and might abort it.
import torch.distributed.nn.functional
from torch import Tensor, distributed


def workers() -> int:
    """How many workers take part."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this worker, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def all_reduce(values: Tensor) -> Tensor:
    """Sum over all workers, in place; every worker gets the same bits."""
    if distributed.is_initialized():
        distributed.all_reduce(values)
    return values


def broadcast(value: int, device: torch.device) -> int:
    """The first worker's number, on every worker; none gets it before the first has come here."""
    if not distributed.is_initialized():
        return value
    shared = torch.tensor([value], device=device)
    distributed.broadcast(shared, src=0)
    return int(shared)
