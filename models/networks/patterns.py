"""Rows that are mixtures of points, lines and densities: columns that are free, tied, or at a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

FREE, TIED, ATOM = 0, 1, 2
LEAST = 2e-3  # share of the rows from which on a value, or an equality, is no accident


@dataclass(frozen=True)
class Patterns:
    """The ways in which rows of D columns can lie: K patterns.

    Attributes
    ----------
    atoms : tuple of tuple of float
        Of each column the values that it has exactly.
    codes : tuple of tuple of int
        [K][D]: -1 where the column is free; j < D where it equals the earlier column j; D + i where it has
        its atom i.
    discrete : tuple of int
        Columns of whole numbers: they are always free.

    Examples
    --------
    >>> rows = torch.tensor([[1.0, 1.0], [0.0, 3.0], [2.0, 2.0], [0.0, 5.0], [0.0, 4.0]])
    >>> patterns = Patterns.of(rows)
    >>> patterns.atoms
    ((0.0,), ())
    >>> patterns.codes
    ((2, -1), (-1, 0))
    """

    atoms: tuple[tuple[float, ...], ...]
    codes: tuple[tuple[int, ...], ...]
    discrete: tuple[int, ...] = ()

    @classmethod
    def of(cls, rows: Tensor, discrete: Sequence[int] = ()) -> Patterns:
        """Find the patterns of a sample, the most frequent first.

        A value that a share LEAST of the rows has exactly is an atom, and two columns that are equal in such
        a share are tied; of both, at least two rows.

        Parameters
        ----------
        rows
            float64 [N, D].
        discrete
            Columns of whole numbers.
        """
        least = max(2, LEAST * len(rows))
        atoms = []
        for number, column in enumerate(rows.unbind(1)):
            values, counts = torch.unique(column, return_counts=True)
            atoms.append(() if number in discrete else tuple(values[counts >= least].tolist()))
        first = cls(tuple(atoms), (), tuple(discrete))
        codes = first._coded(rows)
        found, counts = torch.unique(codes, dim=0, return_counts=True)
        order = torch.argsort(counts, descending=True, stable=True)
        kept = [tuple(found[k].tolist()) for k in order if counts[k] >= least]
        return cls(first.atoms, tuple(kept) or ((-1,) * rows.shape[1],), first.discrete)

    def _coded(self, rows: Tensor) -> Tensor:
        """The code of every entry, int64 [N, D]."""
        width = rows.shape[1]
        codes = torch.full(rows.shape, -1)
        for number in range(width):
            column = rows[:, number]
            if number in self.discrete:
                continue
            for other in reversed([n for n in range(number) if n not in self.discrete]):
                codes[:, number] = torch.where(column == rows[:, other], other, codes[:, number])
            for place, atom in enumerate(self.atoms[number]):
                codes[:, number] = torch.where(column == atom, width + place, codes[:, number])
        return codes

    def which(self, rows: Tensor) -> Tensor:
        """The pattern of each row, int64 [N]; rows of none have that of all free columns, or the last one.

        Parameters
        ----------
        rows
            float64 [N, D].
        """
        codes = self._coded(rows)
        free = (-1,) * rows.shape[1]
        which = torch.full(
            (len(rows),), self.codes.index(free) if free in self.codes else len(self.codes) - 1
        )
        for number, code in enumerate(self.codes):
            which[(codes == torch.tensor(code)).all(1)] = number
        return which

    @property
    def free(self) -> Tensor:
        """Which columns are free, float32 [K, D]."""
        return (torch.tensor(self.codes) == -1).float()

    def filled(self, which: Tensor, free: Tensor) -> Tensor:
        """Rows of which the free columns are known.

        Parameters
        ----------
        which
            int64 [N].
        free
            float64 [N, D]; columns that are not free are ignored.
        """
        rows, width = free.clone(), free.shape[1]
        codes = torch.tensor(self.codes)[which]  # [N, D]
        for number in range(width):  # a tied column follows an earlier one
            code = codes[:, number]
            for other in range(number):
                rows[:, number] = torch.where(code == other, rows[:, other], rows[:, number])
            for place, atom in enumerate(self.atoms[number]):
                rows[:, number] = torch.where(code == width + place, atom, rows[:, number])
        return rows

    def as_json(self) -> dict[str, Any]:
        """What `from_json` makes the same patterns of."""
        return {
            "atoms": [list(some) for some in self.atoms],
            "codes": [list(some) for some in self.codes],
            "discrete": list(self.discrete),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Patterns:
        """The patterns of `as_json`."""
        atoms, codes = (tuple(map(tuple, stored[key])) for key in ("atoms", "codes"))
        return cls(atoms, codes, tuple(stored.get("discrete", ())))
