"""Triton kernels in tests: on a GPU where there is one, else in Triton's interpreter; by the dispatcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor

from monsoon.models.kernels.operation import Operation, ran

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NEEDS_TRITON = pytest.mark.skipif(find_spec("triton") is None, reason="triton is not installed")
NEEDS_A_GPU = pytest.mark.skipif(DEVICE == "cpu", reason="there is no GPU that torch can use")


def moved(value: Any, device: str) -> Any:
    """The tensors in a value, of any depth of tuples, on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, tuple):
        parts = [moved(part, device) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return value


def in_triton(operation: Operation[..., Any], *arguments: Any) -> Any:
    """What an operation's Triton kernel gives, on the CPU; what no kernel writes is not a number."""
    with ran() as kernels, poisoned():
        found = operation.by("cuda")(*moved(arguments, DEVICE))
    assert kernels == {(operation.name, "cuda")}
    return moved(found, "cpu")


@contextmanager
def poisoned() -> Iterator[None]:
    """New memory that is not written has NaN in it, or the least integer."""

    def filled(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def fill(*sizes: Any, **options: Any) -> Tensor:
            new = make(*sizes, **options)
            return new.fill_(torch.nan if new.is_floating_point() else torch.iinfo(new.dtype).min)

        return fill

    with patch("torch.empty", filled(torch.empty)), patch("torch.empty_like", filled(torch.empty_like)):
        yield
