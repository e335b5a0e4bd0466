"""Launching Triton kernels, or only writing down what would be launched, for a compiler ahead of time.

This file does not import triton: it may be absent where no GPU is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Launch(NamedTuple):
    """One launch of a kernel.

    Attributes
    ----------
    kernel : Any
        The function, as `triton.jit` made it.
    arguments : tuple
        Tensors and numbers, in the order of its parameters.
    constants : dict of int
        Its other parameters, which are compiled in.
    warps : int
        Of 32 threads, for a program.
    """

    kernel: Any
    arguments: tuple[Any, ...]
    constants: dict[str, Any]
    warps: int


_written: list[list[Launch]] = []


def launch(kernel: Any, programs: int, *arguments: Any, warps: int = 4, **constants: Any) -> None:
    """Run a kernel on the device of its tensors.

    Parameters
    ----------
    kernel
        A function of `triton.jit`.
    programs
        How many programs; nothing happens where there are none.
    arguments, constants, warps
        See `Launch`.
    """
    if _written:
        _written[-1].append(Launch(kernel, arguments, constants, warps))
    elif programs:
        device = next(a.device for a in arguments if isinstance(a, Tensor))
        with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
            kernel[(programs,)](*arguments, num_warps=warps, **constants)


@contextmanager
def written_down() -> Iterator[list[Launch]]:
    """Collect all launches meanwhile instead of running them: outputs have no meaning."""
    launches: list[Launch] = []
    _written.append(launches)
    try:
        yield launches
    finally:
        _written.remove(launches)
