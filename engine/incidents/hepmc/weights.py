"""Which of an event's weights is taken."""

from __future__ import annotations

import re
from collections.abc import Sequence

from monsoon.engine.errors import InputError

# What generators call the weight without variations: Pythia 8, Sherpa, MadGraph5, POWHEG, ATLAS's production.
NOMINAL = ("default", "nominal", "weight", "baseline", "", "0")
# MadGraph5 with Pythia 8 appends the merging scale: Weight_MERGING=0.000; no letter, as in Sherpa's
# WeightNormalisation, which is another quantity.
EXTENDED = re.compile(r"(default|nominal|weight|baseline)[^a-z].*", re.IGNORECASE | re.DOTALL)


def nominal(names: Sequence[str]) -> int:
    """Index of the nominal weight.

    The first of the names that are customary for it, in any case, decides; where none is there, one that
    goes on behind such a name (`Weight_MERGING=0.000`); else the first weight, which is HepMC's convention.
    """
    plain = [name.strip().lower() for name in names]
    for name in NOMINAL:
        if name in plain:
            return plain.index(name)
    return next((i for i, name in enumerate(plain) if EXTENDED.fullmatch(name)), 0)


class WeightChoice:
    """Takes one weight of each event and remembers which names it had.

    Parameters
    ----------
    wanted
        A name; None takes the nominal weight.
    """

    def __init__(self, wanted: str | None) -> None:
        self._wanted = wanted
        self._index: dict[tuple[str, ...], int] = {}

    @property
    def used(self) -> list[str]:
        """Names of the weights that were taken, in the order of their first use."""
        return list(dict.fromkeys(names[i] for names, i in self._index.items() if names))

    def index(self, names: tuple[str, ...]) -> int:
        """Which of the weights with these names.

        Raises
        ------
        InputError
            Where a name was asked for that is not among them.
        """
        if names not in self._index:
            self._index[names] = self._find(names)
        return self._index[names]

    def _find(self, names: tuple[str, ...]) -> int:
        if self._wanted is None:
            return nominal(names) if names else 0
        if self._wanted in names:
            return names.index(self._wanted)
        some = ", ".join(repr(name[:60]) for name in names[:8]) or "none, its weights have no names"
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        raise InputError(f"weight: there is no {self._wanted!r}; the file has {some}{more}")
