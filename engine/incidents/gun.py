"""A particle gun: given particles at given positions, for tests and validation."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.pdg import masses_mev
from monsoon.engine.incidents.transport import C_MM_PER_NS
from monsoon.engine.noise import Purpose, uniform
from monsoon.engine.records import Array, Particles, offsets_of

Finite = Annotated[float, Field(allow_inf_nan=False)]
Energy = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Angle = Annotated[float, Field(ge=0, lt=np.pi / 2, allow_inf_nan=False)]
DIMENSIONS = 6  # species, energy, polar angle, azimuth, x, y


class Gun(BaseModel):
    """What is shot. All draws are uniform, energies between two bounds uniform in their logarithm.

    With `theta_rad` alone particles start at the interaction point, at that angle to the beam. With
    `x_mm` and `y_mm` they hit the face there: they start behind the magnet, on the line from the
    interaction point, or at the angle `theta_rad` and any azimuth where that is given too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    pdg: int | Annotated[tuple[int, ...], Field(min_length=1)]
    """PDG code of the particles, or several to choose from."""
    energy_mev: Energy | tuple[Energy, Energy]
    """Kinetic energy, or its bounds [MeV]."""
    particles: Annotated[int, Field(ge=0, le=100_000)] = 1
    """Particles in one event."""
    theta_rad: Angle | tuple[Angle, Angle] | None = None
    """Angle to the beam, or its bounds [rad]."""
    x_mm: Finite | tuple[Finite, Finite] | None = None
    """Where particles hit the face in x, or the bounds; needs y_mm [mm]."""
    y_mm: Finite | tuple[Finite, Finite] | None = None
    """Where particles hit the face in y, or the bounds; needs x_mm [mm]."""
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] = 0
    """Number that all random draws follow from."""

    @model_validator(mode="after")
    def _aims(self) -> Gun:
        if (self.x_mm is None) != (self.y_mm is None):
            raise ValueError("x_mm and y_mm belong together; give both or none")
        if self.x_mm is None and self.theta_rad is None:
            raise ValueError("the gun does not aim; give theta_rad, or x_mm and y_mm")
        for name in ("energy_mev", "theta_rad", "x_mm", "y_mm"):
            value = getattr(self, name)
            if isinstance(value, tuple) and value[0] > value[1]:
                raise ValueError(f"{name}: {value[0]} is above {value[1]}; give the lower bound first")
        codes = self.pdg if isinstance(self.pdg, tuple) else (self.pdg,)
        for code, mass in zip(codes, masses_mev(np.array(codes)), strict=True):
            if np.isnan(mass):
                raise ValueError(f"pdg: {code} is not a known particle; give PDG codes such as 22 or 211")
        return self


def shoot(gun: Gun, detector: Detector, first: int, last: int) -> Particles:
    """Make the particles of a range of events. Each event depends only on the gun and its number.

    Parameters
    ----------
    gun : Gun
        What is shot.
    detector : Detector
        The detector with the face.
    first, last : int
        The events first ... last - 1.

    Raises
    ------
    InputError
        Where particles are aimed at the face and it is not behind the magnet.
    """
    events = np.arange(first, last, dtype=np.int64)
    rows = len(events) * gun.particles
    owner = np.repeat(events, gun.particles)  # [N]
    index = np.tile(np.arange(gun.particles), len(events))
    u = uniform(gun.seed, owner, index, Purpose.GUN, DIMENSIONS).double().numpy()  # [N, 6]

    codes = np.atleast_1d(np.array(gun.pdg, np.int32))
    pdg = codes[(u[:, 0] * len(codes)).astype(np.int64)]
    mass = masses_mev(pdg)
    kinetic = np.exp(_between(u[:, 1], np.log(gun.energy_mev)))
    momentum = np.sqrt(kinetic * (kinetic + 2 * mass))

    phi = 2 * np.pi * u[:, 3]
    theta = np.zeros(rows) if gun.theta_rad is None else _between(u[:, 2], gun.theta_rad)
    direction = np.column_stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    vertex = np.zeros((rows, 3))
    if gun.x_mm is not None and gun.y_mm is not None:
        face_z_mm, start_z_mm = detector.description.face_z_mm, detector.description.magnet.z_mm
        if start_z_mm >= face_z_mm:
            raise InputError("the gun cannot aim at a face before the magnet; give only theta_rad")
        target = np.column_stack(
            [_between(u[:, 4], gun.x_mm), _between(u[:, 5], gun.y_mm), np.full(rows, face_z_mm)]
        )
        if gun.theta_rad is None:
            direction = target / np.linalg.norm(target, axis=1, keepdims=True)
        vertex = target - direction * ((face_z_mm - start_z_mm) / direction[:, 2:])
        vertex[:, 2] = start_z_mm
    velocity = momentum / (kinetic + mass) * C_MM_PER_NS
    return Particles(
        event=events,
        offsets=offsets_of(np.full(len(events), gun.particles)),
        weight=np.ones(len(events)),
        source_event=events,
        pdg=pdg,
        mass_mev=mass,
        momentum_mev=direction * momentum[:, None],
        vertex_mm=vertex,
        time_ns=np.linalg.norm(vertex, axis=1) / velocity,
    )


def _between(u: Array, bounds: float | tuple[float, float] | Array) -> Array:
    """Scale u [N] from (0, 1) to the bounds; a single number is both of them."""
    low, high = np.broadcast_to(np.asarray(bounds, np.float64), 2)
    stretched: Array = low + (high - low) * u
    return stretched
