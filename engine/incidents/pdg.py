"""What the PDG code says: name, charge and mass, looked up once per species."""

from __future__ import annotations

from functools import cache

import numpy as np
from particle import PDGID, InvalidParticle, Particle, ParticleNotFound

from monsoon.engine.records import Array

NEUTRINOS = (12, 14, 16, 18)


def charges(pdg: Array) -> Array:
    """Charge in units of e, float64 [N]; 0 where the code tells none."""
    codes, inverse = np.unique(pdg, return_inverse=True)
    charge: Array = np.array([_charge(int(code)) for code in codes], np.float64)[inverse]
    return charge


def masses_mev(pdg: Array) -> Array:
    """Mass, float64 [N]; NaN where the code is unknown."""
    codes, inverse = np.unique(pdg, return_inverse=True)
    mass: Array = np.array([_mass_mev(int(code)) for code in codes], np.float64)[inverse]
    return mass


@cache
def named(code: int) -> str:
    """Name and code, as `K+ (321)`; the code alone where it is unknown."""
    try:
        return f"{Particle.from_pdgid(code).name} ({code})"
    except (InvalidParticle, ParticleNotFound):
        return str(code)


@cache
def _charge(code: int) -> float:
    # from the digits of the code where the table does not list it: nuclei, exotica
    charge = PDGID(code).charge
    return 0.0 if charge is None else float(charge)


@cache
def _mass_mev(code: int) -> float:
    try:
        mass = Particle.from_pdgid(code).mass
    except (InvalidParticle, ParticleNotFound):
        return float("nan")
    return 0.0 if mass is None else float(mass)
