"""Communication between the workers of a training. Every function also works in a single process."""

from __future__ import annotations

import torch

# Imported before a process group exists: its functions keep a reference to the group of that time, which
# would never be destroyed. (Optimisers import it at their first step.) Threads of gloo would then live until
# Python exits, and could abort it.
import torch.distributed.nn.functional
from torch import Tensor, distributed


def workers() -> int:
    """Number of workers."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Number of this worker, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def all_reduce(values: Tensor) -> Tensor:
    """Sum a tensor over all workers, in place.

    Parameters
    ----------
    values : Tensor
        This worker's values, of the same shape on all workers.

    Returns
    -------
    Tensor
        The same tensor, now with the sum. All workers get the same bits.
    """
    if distributed.is_initialized():
        distributed.all_reduce(values)
    return values


def broadcast(value: int, device: torch.device) -> int:
    """Send a number from the first worker to all others.

    Parameters
    ----------
    value : int
        The number; only the first worker's counts.
    device : torch.device
        The device of the training, through which it is sent.

    Returns
    -------
    int
        The first worker's number. No worker returns before the first one has called this.
    """
    if not distributed.is_initialized():
        return value
    shared = torch.tensor([value], device=device)
    distributed.broadcast(shared, src=0)
    return int(shared)
