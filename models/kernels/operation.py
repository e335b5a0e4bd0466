"""An operation that has an implementation for each kind of device, and which of them runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Generic, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")
REFERENCE = "reference"
_watched: list[set[tuple[str, str]]] = []


class Operation(Generic[P, R]):
    """One operation: its reference, in plain torch for any device, and kernels for kinds of device.

    Parameters
    ----------
    name
        For people and tests.
    reference
        The truth.
    cuda, kernels
        By kind of device, `cuda` or `cpu`; all have the reference's signature.

    Examples
    --------
    >>> double = Operation("double", lambda x: 2 * x, cpu=lambda x: x + x)
    >>> with ran() as kernels:
    ...     double.on("cpu")(3)
    6
    >>> kernels
    {('double', 'cpu')}
    """

    def __init__(
        self,
        name: str,
        reference: Callable[P, R],
        cuda: Callable[..., Any] | None = None,
        **kernels: Callable[P, R],
    ) -> None:
        self.name = name
        self._providers: dict[str, Callable[P, R]] = {REFERENCE: reference, **kernels}
        if cuda is not None:  # Triton's, whose signature nobody knows before it is imported
            self._providers["cuda"] = cuda
        self._instead: Callable[P, R] | None = None

    def on(self, device: torch.device | str) -> Callable[P, R]:
        """The kernel for a device; the reference where there is none."""
        if self._instead is not None:
            return self._instead
        kind = torch.device(device).type
        return self.by(kind if kind in self._providers else REFERENCE)

    def by(self, provider: str) -> Callable[P, R]:
        """One implementation by its name: `reference`, or a kind of device. Raises KeyError."""
        for names in _watched:
            names.add((self.name, provider))
        return self._providers[provider]

    @contextmanager
    def instead(self, implementation: Callable[P, R]) -> Iterator[None]:
        """Let `on` give this implementation meanwhile, for any device: so that a graph is traced, not run."""
        self._instead = implementation
        try:
            yield
        finally:
            self._instead = None


def in_triton(module: str, name: str) -> Callable[..., Any]:
    """A kernel in Triton, whose module is imported when the kernel is first called: triton may be absent.

    Parameters
    ----------
    module
        Its whole name.
    name
        Of the function in it.

    Returns
    -------
    Callable
        Raises ImportError, with the remedy, where triton is not installed.
    """

    def kernel(*arguments: Any, **options: Any) -> Any:
        try:
            function = getattr(import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name != "triton":
                raise
            raise ImportError("triton is not installed; pip install 'monsoon-hep[gpu]' has it") from error
        return function(*arguments, **options)

    return kernel


@contextmanager
def ran() -> Iterator[set[tuple[str, str]]]:
    """Collect (operation, provider) of all that is chosen meanwhile."""
    names: set[tuple[str, str]] = set()
    _watched.append(names)
    try:
        yield names
    finally:
        _watched.remove(names)
