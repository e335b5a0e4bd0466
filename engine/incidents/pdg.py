"""Name, charge and mass for PDG codes, looked up once per species."""

from __future__ import annotations

from functools import cache

import numpy as np
from particle import PDGID, InvalidParticle, Particle, ParticleNotFound

from monsoon.engine.records import Array

NEUTRINOS = (12, 14, 16, 18)


def charges(pdg: Array) -> Array:
    """Charge of each particle [e].

    Parameters
    ----------
    pdg : int array [N]
        PDG codes.

    Returns
    -------
    float64 array [N]
        0 for codes without a known charge.

    Examples
    --------
    >>> charges(np.array([22, -211])).tolist()
    [0.0, -1.0]
    """
    codes, inverse = np.unique(pdg, return_inverse=True)
    charge: Array = np.array([_charge(int(code)) for code in codes], np.float64)[inverse]
    return charge


def masses_mev(pdg: Array) -> Array:
    """Mass of each particle [MeV].

    Parameters
    ----------
    pdg : int array [N]
        PDG codes.

    Returns
    -------
    float64 array [N]
        NaN for unknown codes.
    """
    codes, inverse = np.unique(pdg, return_inverse=True)
    mass: Array = np.array([_mass_mev(int(code)) for code in codes], np.float64)[inverse]
    return mass


@cache
def named(code: int) -> str:
    """Name and code of a particle, or the code alone if it is unknown.

    Examples
    --------
    >>> named(321)
    'K+ (321)'
    """
    try:
        return f"{Particle.from_pdgid(code).name} ({code})"
    except (InvalidParticle, ParticleNotFound):
        return str(code)


@cache
def _charge(code: int) -> float:
    # PDGID computes it from the digits of the code, also for nuclei and exotic particles
    charge = PDGID(code).charge
    return 0.0 if charge is None else float(charge)


@cache
def _mass_mev(code: int) -> float:
    try:
        mass = Particle.from_pdgid(code).mass
    except (InvalidParticle, ParticleNotFound):
        return float("nan")
    return 0.0 if mass is None else float(mass)
