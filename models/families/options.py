"""Options of a family as a person gives them: which there are, and the seed among them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

import torch

from monsoon.models.errors import InputError

N = TypeVar("N")
SEED = "seed"
LANES = 16  # float32 numbers of a CPU's widest vectors


def chosen(options: Mapping[str, Any], known: Collection[str], what: str) -> dict[str, Any]:
    """The options that were given, without the seed.

    Parameters
    ----------
    options
        By name; `seed` may be among them.
    known
        Names that there are.
    what
        The family, for the message: `a flow`.

    Raises
    ------
    InputError
        If an option is unknown.
    """
    names = [*known, SEED]
    if unknown := set(options) - set(names):
        raise InputError(f"options: unknown option {min(unknown)}; {what} has {', '.join(names)}")
    return {key: value for key, value in options.items() if key != SEED}


def check_width(name: str, value: Any) -> None:
    """Refuse an inner layer whose products give a row other bits in another place of memory.

    MKL does so on AVX2, for fewer than 12 columns of rows whose length is no multiple of 4.

    Parameters
    ----------
    name, value
        Of the option.

    Raises
    ------
    InputError
        If the width is not a multiple of `LANES`.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < 1 or value % LANES:
        raise InputError(f"options: {name} {value!r} is not a multiple of {LANES}")


def initialised(make: Callable[[], N], options: Mapping[str, Any]) -> N:
    """A network whose weights start from the options' seed, and from nothing else.

    Parameters
    ----------
    make
        Makes the network.
    options
        As they were given.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.get(SEED, 0))  # torch initialises layers from the global generator only
        return make()
