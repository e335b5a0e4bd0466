"""What a detector's data file says, and what it must fulfil. Lengths in mm, energies in MeV."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    Strict,
    field_validator,
    model_serializer,
    model_validator,
)

# Wider than any calorimeter, and such that nothing computed from them overflows
Length = Annotated[float, Field(gt=0, le=1e6)]  # mm
Energy = Annotated[float, Field(ge=0, le=1e6)]  # MeV
Fraction = Annotated[float, Field(ge=1e-4, le=1)]
NonNegative = Annotated[float, Field(ge=0, le=1e6)]
Number = Annotated[float, Strict()]  # neither text nor a truth value
Name = Annotated[str, Field(max_length=200)]
SMALLEST_COUNT_MEV = 1e-3
MOST_PIXELS = 2048  # along a side of the face: a lookup of all pixels is kept in memory
MOST_ZONES = 100
MOST_LAYERS = 256  # `layer` is a byte in the table of cells
FARTHEST_CROSSING = 100  # the column of a particle's crossing is a byte
MOST_DELAYS = 200  # ns
MOST_CELLS = 1 << 22  # of all layers: tables of all of them are kept in memory


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_serializer(mode="wrap")
    def _without_absent(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What is not described is left out: a key that came later changes no older description."""
        return {key: value for key, value in serialise(self).items() if value is not None}


class Zone(Frozen):
    name: Name
    cell_pixels: Annotated[int, Field(gt=0)]
    columns: Annotated[int, Field(gt=0, le=MOST_PIXELS)]
    rows: Annotated[int, Field(gt=0, le=MOST_PIXELS)]


class Hole(Frozen):
    columns: Annotated[int, Field(ge=0)]
    rows: Annotated[int, Field(ge=0)]


class Electronics(Frozen):
    """From deposited energy to ADC counts.

    `spill_over` says of other bunch crossings, by their number from the triggered one on (-1 is before it),
    which fraction of their signals its readout window integrates: one of all particles, or one for each whole
    nanosecond that they are later than light from the interaction point; still later ones have the last. The
    signals of the triggered crossing are whole: gain and `visible_fraction` are calibrated to them.
    """

    count_constant_mev: Energy
    count_sine_mev: Energy
    noise_incoherent_counts: NonNegative
    noise_coherent_counts: NonNegative
    bits: Annotated[int, Field(gt=0, le=16)]
    photoelectrons_per_mev: NonNegative
    threshold_counts: Annotated[int, Field(ge=1, le=1 << 16)]
    spill_over: dict[int, Number | tuple[Number, ...]] | None = None

    @property
    def ceiling(self) -> int:
        """The last ADC count: a hit that has it is saturated."""
        return (1 << self.bits) - 1

    @field_validator("spill_over")
    @classmethod
    def _fractions_of_other_crossings(
        cls, given: dict[int, float | tuple[float, ...]] | None
    ) -> dict[int, float | tuple[float, ...]] | None:
        """Sorted by crossing: a description has one form, and one checksum."""
        if given is None:
            return None
        if not given:
            raise ValueError("names no crossing; give some, such as {-1: 0.01}, or leave it out")
        for crossing, fraction in given.items():
            if crossing == 0:
                raise ValueError("crossing 0 is the triggered one, whose signals are whole; leave it out")
            if abs(crossing) > FARTHEST_CROSSING:
                raise ValueError(f"crossing {crossing} is not in -{FARTHEST_CROSSING} .. {FARTHEST_CROSSING}")
            fractions = fraction if isinstance(fraction, tuple) else (fraction,)
            if len(fractions) > MOST_DELAYS:
                raise ValueError(f"crossing {crossing}: {len(fractions)} fractions; at most {MOST_DELAYS}")
            if not all(0 <= one <= 1 for one in fractions) or not any(fractions):
                raise ValueError(f"crossing {crossing}: fractions lie in 0 .. 1, and one of them is above 0")
        return dict(sorted(given.items()))

    @model_validator(mode="after")
    def _counts_have_a_size(self) -> Electronics:
        if max(self.count_constant_mev, self.count_sine_mev) < SMALLEST_COUNT_MEV:
            raise ValueError(
                f"count_constant_mev or count_sine_mev: at least one of them is {SMALLEST_COUNT_MEV} or more"
            )
        return self

    @model_validator(mode="after")
    def _photostatistics_tabulate(self) -> Electronics:
        if 0 < self.photoelectrons_per_mev < 0.1:
            raise ValueError("photoelectrons_per_mev is at least 0.1, or 0 for no photostatistics")
        return self


class Magnet(Frozen):
    z_mm: Length
    kick_mev: Energy


class Layers(Frozen):
    """Layers behind each other, all with the cells of the zones.

    Either `number` layers of `pitch_mm`, or the depth of the middle of each behind the face.
    """

    number: Annotated[int, Field(gt=0, le=MOST_LAYERS)] | None = None
    pitch_mm: Length | None = None
    depths_mm: Annotated[tuple[Length, ...], Field(min_length=1, max_length=MOST_LAYERS)] | None = None

    @property
    def middles_mm(self) -> tuple[float, ...]:
        """Depth of the middle of each layer behind the face."""
        if self.depths_mm is not None:
            return self.depths_mm
        assert self.number is not None
        assert self.pitch_mm is not None
        return tuple((layer + 0.5) * self.pitch_mm for layer in range(self.number))

    @model_validator(mode="after")
    def _described_once(self) -> Layers:
        regular = (self.number is not None, self.pitch_mm is not None)
        if regular != (self.depths_mm is None,) * 2:
            raise ValueError("give number and pitch_mm, or else depths_mm")
        if self.depths_mm and any(low >= high for low, high in pairwise(self.depths_mm)):
            raise ValueError("depths_mm: the layers' depths increase")
        return self


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
    layers: Layers | None = None

    @property
    def pixel_um(self) -> int:
        """Side of a pixel in micrometres, rounded; `fits` refuses showers where it had to be."""
        return round(1000 * self.pixel_mm)

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
