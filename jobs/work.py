"""Independent pieces of work, in this process or on Ray."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TypeVar

import torch

Argument = TypeVar("Argument")
Shared = TypeVar("Shared")
Result = TypeVar("Result")


def worked(
    make: Callable[[Shared, Argument], Result],
    shared: Shared,
    pieces: Mapping[str, Argument],
    *,
    local: bool,
    workers: int | None = None,
    ray_address: str | None = None,
) -> Generator[tuple[str, Result]]:
    """The result of each piece, as it is done; Ray is not started for none.

    Parameters
    ----------
    make
        A module's function of what all pieces share and of one piece; it has no side effects.
    shared
        What all pieces share.
    pieces
        By name.
    local
        In this process, in their order, without Ray.
    workers, ray_address
        As in `work_on_ray`.

    Yields
    ------
    tuple
        Name and result.

    Raises
    ------
    InputError
        As `make` does, or `work_on_ray`.
    """
    if local:
        before = torch.get_num_threads()
        torch.set_num_threads(1)  # as Ray's workers have
        try:
            for name, piece in pieces.items():
                yield name, make(shared, piece)
        finally:
            torch.set_num_threads(before)
    elif pieces:
        from monsoon.engine.remote.tasks import work_on_ray

        yield from work_on_ray(make, shared, pieces, workers, ray_address)
