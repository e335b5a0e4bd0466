"""What passes between a campaign and a generator: conditions in, showers out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum

import torch
from torch import Tensor


class Status(IntEnum):
    """How the generators treated one particle that reached the calorimeter's face."""

    SIMULATED = 0  # its own species, inside the training domain
    REMAPPED = 1  # a neighbouring species stands in (models/species.py)
    OUTSIDE_NEAREST = 2  # outside the training domain; policy: the nearest shower
    NO_GENERATOR = 3  # no generator for the species: it leaves no energy
    OUTSIDE_CLAMPED = 4  # outside; policy: the shower of the nearest condition inside
    OUTSIDE_OTHER = 5  # outside; policy: another model, inside whose domain it is
    OUTSIDE_SCALED = 6  # outside; policy: scaled from the greatest energy inside by the laws of showers


@dataclass(frozen=True)
class Conditions:
    """All that a generator may know of N particles.

    Attributes
    ----------
    pdg : Tensor
        int32 [N], PDG codes.
    energy_mev : Tensor
        float32 [N], kinetic energy.
    direction : Tensor
        float32 [N, 3], direction cosines, z along the beam.
    offset_mm : Tensor
        float32 [N, 2], x and y of the impact, less those of the centre of the impact pixel.
    """

    pdg: Tensor
    energy_mev: Tensor
    direction: Tensor
    offset_mm: Tensor

    def __len__(self) -> int:
        return len(self.pdg)

    def __getitem__(self, rows: Tensor | slice) -> Conditions:
        return Conditions(self.pdg[rows], self.energy_mev[rows], self.direction[rows], self.offset_mm[rows])

    def to(self, device: torch.device | str) -> Conditions:
        """The same particles on a device."""
        return Conditions(*(getattr(self, column.name).to(device) for column in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Conditions]) -> Conditions:
        """The rows of all parts, end to end; at least one part."""
        return cls(*(torch.cat([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def with_pdg(self, pdg: Tensor) -> Conditions:
        """The same particles under other species codes, int32 [N]."""
        return Conditions(pdg, self.energy_mev, self.direction, self.offset_mm)

    def coordinates(self) -> Tensor:
        """What networks, libraries and classifiers see of a condition besides its species.

        Returns
        -------
        Tensor
            float32 [N, 5]: ln(energy / MeV), offset x and y in mm, direction cosines x and y.

        Examples
        --------
        >>> photon = Conditions(
        ...     torch.tensor([22]), torch.tensor([1000.0]), torch.tensor([[0.6, 0.0, 0.8]]), torch.zeros(1, 2)
        ... )
        >>> photon.coordinates()
        tensor([[6.9078, 0.0000, 0.0000, 0.6000, 0.0000]])
        """
        return torch.cat([torch.log(self.energy_mev)[:, None], self.offset_mm, self.direction[:, :2]], 1)


@dataclass(frozen=True)
class Showers:
    """Visible energy per voxel; row i belongs to condition i; a row of zeros is a valid shower.

    Attributes
    ----------
    energy_mev : Tensor
        float32 [N, V].
    """

    energy_mev: Tensor

    def __len__(self) -> int:
        return len(self.energy_mev)

    def total_mev(self) -> Tensor:
        """Visible energy per shower, float64 [N]."""
        return self.energy_mev.sum(1, dtype=torch.float64)


@dataclass(frozen=True)
class Table:
    """Named columns of N rows.

    Attributes
    ----------
    names : tuple of str
        Of C columns, each once.
    values : Tensor
        float64 [N, C].
    """

    names: tuple[str, ...]
    values: Tensor

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, rows: Tensor | slice) -> Table:
        return Table(self.names, self.values[rows])

    def column(self, name: str) -> Tensor:
        """One column, float64 [N]. Raises ValueError where there is none of this name."""
        return self.values[:, self.names.index(name)]

    def select(self, names: Sequence[str]) -> Table:
        """Some columns, in this order. Raises ValueError where there is none of a name."""
        return Table(tuple(names), self.values[:, [self.names.index(name) for name in names]])

    def to(self, device: torch.device | str) -> Table:
        """The same rows on a device."""
        return Table(self.names, self.values.to(device))

    @classmethod
    def joined(cls, parts: Sequence[Table]) -> Table:
        """The rows of all parts, end to end; at least one part, all of the same columns."""
        return cls(parts[0].names, torch.cat([part.values for part in parts]))
