"""What a detector's data file says, and what it must fulfil. Lengths in mm, energies in MeV."""

from __future__ import annotations

import hashlib
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

# Wider than any calorimeter, and such that nothing computed from them overflows
Length = Annotated[float, Field(gt=0, le=1e6)]  # mm
Energy = Annotated[float, Field(ge=0, le=1e6)]  # MeV
Scale = Annotated[float, Field(ge=1e-3, le=1e6)]  # MeV of one ADC count
Fraction = Annotated[float, Field(ge=1e-4, le=1)]
NonNegative = Annotated[float, Field(ge=0, le=1e6)]
Name = Annotated[str, Field(max_length=200)]
MOST_PIXELS = 2048  # along a side of the face: a lookup of all pixels is kept in memory
MOST_ZONES = 100


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Zone(Frozen):
    name: Name
    cell_pixels: Annotated[int, Field(gt=0)]
    columns: Annotated[int, Field(gt=0, le=MOST_PIXELS)]
    rows: Annotated[int, Field(gt=0, le=MOST_PIXELS)]


class Hole(Frozen):
    columns: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]


class Electronics(Frozen):
    count_constant_mev: Scale
    count_sine_mev: Energy
    noise_incoherent_counts: NonNegative
    noise_coherent_counts: NonNegative
    bits: Annotated[int, Field(gt=0, le=16)]
    photoelectrons_per_mev: NonNegative
    threshold_counts: Annotated[int, Field(ge=1, le=1 << 16)]

    @property
    def ceiling(self) -> int:
        """The last ADC count: a hit that has it is saturated."""
        return (1 << self.bits) - 1

    @model_validator(mode="after")
    def _photostatistics_tabulate(self) -> Electronics:
        if 0 < self.photoelectrons_per_mev < 0.1:
            raise ValueError("photoelectrons_per_mev is at least 0.1, or 0 for no photostatistics")
        return self


class Magnet(Frozen):
    z_mm: Length
    kick_mev: Energy


class Description(Frozen):
    """The data file as it is written."""

    name: Name
    face_z_mm: Length
    pixel_mm: Length
    zones: Annotated[tuple[Zone, ...], Field(min_length=1, max_length=MOST_ZONES)]
    hole: Hole
    visible_fraction: Fraction
    electronics: Electronics
    magnet: Magnet

    @property
    def canonical(self) -> bytes:
        """The description as JSON in one fixed form: what its checksum is of, and what is stored."""
        return self.model_dump_json().encode()

    @property
    def sha256(self) -> str:
        """Checksum of all that is described, the name included: equal for one detector alone."""
        return hashlib.sha256(self.canonical).hexdigest()

    @property
    def label(self) -> str:
        """Name and short checksum, for people: `lhcb-ecal (de35cdc54b2c)`."""
        return f"{self.name} ({self.sha256[:12]})"

    @model_validator(mode="after")
    def _zones_tile(self) -> Description:
        outer = self.zones[0]
        inside = [*self.zones[1:], self.hole]
        for zone, inner in zip(self.zones, inside, strict=True):
            for axis in ("columns", "rows"):
                extent, hidden = getattr(zone, axis), getattr(inner, axis)
                margin = extent - hidden
                if hidden > extent or extent % zone.cell_pixels or margin % (2 * zone.cell_pixels):
                    raise ValueError(
                        f"zone {zone.name}: its {axis} must hold whole cells around the next zone"
                    )
        if outer.columns % 2 or outer.rows % 2:
            raise ValueError("the face must be an even number of pixels wide and high, centred on the beam")
        return self
