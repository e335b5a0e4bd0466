"""The training domain: whether a condition lies inside what the model was trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from monsoon.models.domain.gaps import Array, find_bands, find_gaps
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.records import Conditions

ROUNDING = 1e-6  # rad
COLUMNS: dict[str, Callable[[Conditions], Tensor]] = {
    "offset_x_mm": lambda c: c.offset_mm[:, 0],
    "offset_y_mm": lambda c: c.offset_mm[:, 1],
    "azimuth": lambda c: torch.where(
        c.direction[:, :2].any(1), torch.atan2(c.direction[:, 1], c.direction[:, 0]), torch.nan
    ),
}
"""Conditions besides energy and angle; NaN, which is in no band, where there is none."""


@dataclass(frozen=True)
class Gap:
    """A box inside the range that holds no training shower; its edges are training showers' and inside.

    Attributes
    ----------
    pdg : int
        The species that has no shower there; 0: no species has any there.
    energy_mev : tuple of float
        Low, high kinetic energy.
    cosine : tuple of float
        Low, high direction cosine along z.
    """

    pdg: int
    energy_mev: tuple[float, float]
    cosine: tuple[float, float]

    def holds(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the gap, bool [N]."""
        energy, cosine = conditions.energy_mev, conditions.direction[:, 2]
        held = (energy > self.energy_mev[0]) & (energy < self.energy_mev[1])
        held &= (cosine > self.cosine[0]) & (cosine < self.cosine[1])
        return held & (conditions.pdg == self.pdg) if self.pdg else held


@dataclass(frozen=True)
class Band:
    """An interval of one condition, at any energy and angle, that holds no training shower.

    Attributes
    ----------
    pdg : int
        The species that has no shower there; 0: no species has any there.
    column : str
        A key of COLUMNS.
    low, high : float
        Its ends, which are training showers' and inside; +-inf where there is none on that side.
    """

    pdg: int
    column: str
    low: float
    high: float

    def holds(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the band, bool [N]."""
        value = COLUMNS[self.column](conditions)
        held = (value > self.low) & (value < self.high)
        return held & (conditions.pdg == self.pdg) if self.pdg else held


@dataclass(frozen=True)
class Domain:
    """The range of each species' training conditions, less the gaps in it (models/domain/gaps.py).

    A condition that is the same in all showers limits nothing but itself. Offsets and azimuths have no range:
    samples are uniform in them, and what they leave out is a band.

    Attributes
    ----------
    pdg : Tensor
        int32 [S], increasing.
    energy_mev : Tensor
        float32 [S, 2], least and greatest kinetic energy.
    cosine : Tensor
        float32 [S], least direction cosine along z; 0 where any angle is inside.
    gaps : tuple of Gap
        Regions inside the ranges that do not belong to the domain.
    bands : tuple of Band
        Intervals of offsets and azimuths that do not belong to it.
    """

    pdg: Tensor
    energy_mev: Tensor
    cosine: Tensor
    gaps: tuple[Gap, ...]
    bands: tuple[Band, ...] = ()

    @classmethod
    def around(cls, conditions: Conditions, geometry: Geometry | None = None) -> Domain:
        """Find the domain of a model that is trained on these conditions; all of them are inside.

        Gaps are looked for in all species together, which finds smaller ones, and in each one. A species of
        less than 500 showers has the former alone; a sample of less than 500 has its ranges alone.

        Parameters
        ----------
        conditions
            Of the training showers.
        geometry
            Of the showers. Those of several layers are placed along their direction: a sample that goes
            straight in then serves any angle.
        """
        layered = geometry is not None and geometry.layers > 1
        reach_mm = geometry.largest_offset_mm if geometry else 0.0
        species = torch.unique(conditions.pdg)
        of_species = [conditions[conditions.pdg == pdg] for pdg in species]
        common = _boxes(conditions, np.empty((0, 4)))
        boxes = [(0, common), *((int(c.pdg[0]), _boxes(c, common)) for c in of_species)]
        return cls(
            species,
            torch.stack([torch.stack(c.energy_mev.aminmax()) for c in of_species]),
            torch.stack([_least_cosine(c, layered) for c in of_species]),
            tuple(Gap(pdg, (a, b), (c, d)) for pdg, some in boxes for a, b, c, d in some.tolist()),
            tuple(_bands(conditions, of_species, reach_mm)),
        )

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition is inside, bool [N]; a species without training showers is outside."""
        inside = self._inside(conditions)
        for band in self.bands:
            inside &= ~band.holds(conditions)
        return inside

    def _inside(self, conditions: Conditions) -> Tensor:
        """Whether energy and angle are inside, bool [N]."""
        found = self._species(conditions)
        low, high = self.energy_mev[found].unbind(1)
        inside: Tensor = (
            (self.pdg[found] == conditions.pdg)
            & (low <= conditions.energy_mev)
            & (conditions.energy_mev <= high)
            & (conditions.direction[:, 2] >= self.cosine[found])
        )
        for gap in self.gaps:
            inside &= ~gap.holds(conditions)
        return inside

    def greatest_mev(self, conditions: Conditions) -> Tensor:
        """The greatest training energy of each condition's species, float32 [N]."""
        return self.energy_mev[self._species(conditions), 1]

    def clamp(self, conditions: Conditions) -> Conditions:
        """Move conditions to the nearest ones inside; those inside stay as they are.

        Energy and angle move; distances are in ln E and cosine, each in units of the species' range. Azimuth
        and offset move out of bands alone, to the nearer end.

        Parameters
        ----------
        conditions
            Of N particles of own species.
        """
        outside = torch.nonzero(~self.inside(conditions))[:, 0]
        if not len(outside):
            return conditions
        wanted = conditions[outside]
        found = self._species(wanted)
        low, high = self.energy_mev[found].unbind(1)
        energy = wanted.energy_mev.clamp(low, high)
        cosine = torch.maximum(wanted.direction[:, 2], self.cosine[found])
        for row in torch.nonzero(~self._inside(_moved(wanted, energy, cosine)))[:, 0].tolist():
            energy[row], cosine[row] = self._nearest_edge(int(wanted.pdg[row]), energy[row], cosine[row])
        moved = _moved(wanted, energy, cosine)
        for band in self.bands:
            moved = _out_of(band, moved)
        return Conditions(
            conditions.pdg,
            conditions.energy_mev.index_put((outside,), moved.energy_mev),
            conditions.direction.index_put((outside,), moved.direction),
            conditions.offset_mm.index_put((outside,), moved.offset_mm),
        )

    def _nearest_edge(self, pdg: int, energy: Tensor, cosine: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest point inside to one in a gap: it lies on an edge of a gap, or on two."""
        gaps = [gap for gap in self.gaps if gap.pdg in (0, pdg)]
        energies = torch.tensor([energy, *(edge for gap in gaps for edge in gap.energy_mev)])
        cosines = torch.tensor([cosine, *(edge for gap in gaps for edge in gap.cosine if edge <= 1)])
        points = torch.cartesian_prod(energies, cosines)  # [P, 2]
        rows = len(points)
        direction = torch.stack([torch.zeros(rows), torch.zeros(rows), points[:, 1]], 1)
        species = torch.full((rows,), pdg, dtype=torch.int32)
        inside = self._inside(Conditions(species, points[:, 0], direction, torch.zeros(rows, 2)))
        of_species = int(torch.searchsorted(self.pdg, pdg))
        low, high = self.energy_mev[of_species].tolist()
        in_energy = torch.log(points[:, 0] / energy) / max(math.log(high / low), 1e-9)
        in_cosine = (points[:, 1] - cosine) / max(1 - float(self.cosine[of_species]), 1e-9)
        nearest = torch.where(inside, in_energy**2 + in_cosine**2, torch.inf).argmin()
        return points[nearest, 0], points[nearest, 1]

    def _species(self, conditions: Conditions) -> Tensor:
        return torch.searchsorted(self.pdg, conditions.pdg).clamp(max=len(self.pdg) - 1)

    def as_json(self) -> dict[str, Any]:
        """The content as JSON, for `from_json`; float32 values come back exactly."""
        stored: dict[str, Any] = {
            "pdg": self.pdg.tolist(),
            "energy_mev": self.energy_mev.tolist(),
            "cosine": self.cosine.tolist(),
            "holes": [asdict(gap) for gap in self.gaps],
        }
        if self.bands:  # domains without are stored as they always were
            stored["bands"] = [
                [b.pdg, b.column, *(end if math.isfinite(end) else None for end in (b.low, b.high))]
                for b in self.bands
            ]
        return stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Domain:
        """The domain that `as_json` stored.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something else is stored.
        """
        pdg = torch.tensor(stored["pdg"], dtype=torch.int32)
        energy, cosine = (torch.tensor(stored[key], dtype=torch.float32) for key in ("energy_mev", "cosine"))
        if (pdg.dim(), energy.shape, cosine.shape) != (1, (len(pdg), 2), (len(pdg),)):
            raise ValueError("a domain has two energies and a cosine for each species")
        return cls(
            pdg,
            energy,
            cosine,
            tuple(Gap(gap["pdg"], tuple(gap["energy_mev"]), tuple(gap["cosine"])) for gap in stored["holes"]),
            tuple(
                Band(
                    int(pdg),
                    str(column),
                    -math.inf if low is None else float(low),
                    math.inf if high is None else float(high),
                )
                for pdg, column, low, high in stored.get("bands", ())
                if column in COLUMNS
            ),
        )


def describe(conditions: Conditions, row: int) -> str:
    """Describe one condition for people: species, kinetic energy, angle to z.

    Examples
    --------
    >>> photon = Conditions(
    ...     torch.tensor([22]), torch.tensor([5e5]), torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(1, 2)
    ... )
    >>> describe(photon, 0)
    'species 22 of 500 GeV at 0 degrees'
    """
    energy_gev = float(conditions.energy_mev[row]) / 1000
    degrees = math.degrees(math.acos(min(max(float(conditions.direction[row, 2]), -1.0), 1.0)))
    return f"species {int(conditions.pdg[row])} of {energy_gev:.4g} GeV at {degrees:.3g} degrees"


def _least_cosine(conditions: Conditions, layered: bool) -> Tensor:
    """The least cosine of a sample; 0, which is any, where layered showers all go straight in."""
    least = conditions.direction[:, 2].min()
    return torch.zeros_like(least) if layered and least == 1 else least


def _bands(conditions: Conditions, of_species: list[Conditions], reach_mm: float) -> Iterator[Band]:
    """Of all species together, then of each what the former leave."""
    ends = {"offset_x_mm": reach_mm, "offset_y_mm": reach_mm, "azimuth": math.pi}
    for name, column in COLUMNS.items():
        common = find_bands(column(conditions).double().numpy(), ends[name])
        yield from (Band(0, name, low, high) for low, high in common)
        for c in of_species if len(of_species) > 1 else ():
            own = find_bands(column(c).double().numpy(), ends[name])
            yield from (
                Band(int(c.pdg[0]), name, low, high)
                for low, high in own
                if not any(a <= low and high <= b for a, b in common)
            )


def _out_of(band: Band, conditions: Conditions) -> Conditions:
    """Conditions in a band moved to its nearer end, the others as they are."""
    held = band.holds(conditions)
    value = COLUMNS[band.column](conditions)
    low, high = band.low, band.high
    if band.column == "azimuth":  # a direction in single precision has it to some 1e-7
        low, high = low - ROUNDING, high + ROUNDING
    end = torch.where(value - low <= high - value, low, high).float()
    value = torch.where(held, end, value)
    if band.column == "azimuth":
        x, y, z = conditions.direction.unbind(1)
        sine = torch.hypot(x, y)
        turned = torch.stack([sine * value.cos(), sine * value.sin(), z], 1)
        direction = torch.where(held[:, None], turned, conditions.direction)
        return Conditions(conditions.pdg, conditions.energy_mev, direction, conditions.offset_mm)
    axis = ("offset_x_mm", "offset_y_mm").index(band.column)
    offset = conditions.offset_mm.clone()
    offset[:, axis] = value
    return Conditions(conditions.pdg, conditions.energy_mev, conditions.direction, offset)


def _boxes(conditions: Conditions, known: Array) -> Array:
    columns = conditions.energy_mev, conditions.direction[:, 2]
    energy, cosine = (column.double().numpy() for column in columns)
    return find_gaps(energy, cosine, known)


def _moved(conditions: Conditions, energy_mev: Tensor, cosine: Tensor) -> Conditions:
    """The same particles at other energies and angles, each at its azimuth."""
    x, y, z = conditions.direction.double().unbind(1)
    along = cosine.double()
    sine, was = (1 - along**2).clamp(min=0).sqrt(), torch.hypot(x, y)
    x, y = (torch.where(was > 0, sine * part / was, sine * one) for part, one in ((x, 1.0), (y, 0.0)))
    turned = torch.stack([x, y, along], 1).float()
    direction = torch.where((along == z)[:, None], conditions.direction, turned)
    return Conditions(conditions.pdg, energy_mev, direction, conditions.offset_mm)
