"""Whether the numbers of a shower file can be in the units that they are read in: MeV and radians.

Two kinds of finding. What no particle can have is refused: an angle beyond pi/2 to the beam for a particle
that enters the calorimeter's face, an azimuth beyond a full turn, showers that hold several times the energy
that came in. What is only unusual is a warning: there are legitimate files of soft particles.
"""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monsoon.models.errors import InputError, SuspiciousInput
from monsoon.models.species import EGAMMA

Array = NDArray[np.floating]

ANGLE_ROUNDING = 1e-4  # rad: float32 of pi/2 and of 2 pi are allowed
CREATED = 3.0  # times the incident energy: no response fluctuates so far
# MeV, added to the incident energy: noise; for hadrons their rest energy too, which antiprotons release twice
MARGIN_EGAMMA_MEV, MARGIN_MEV = 100.0, 2000.0
TOLERATED = 0.01  # of the rows: single damaged ones are no question of units
SOFT_MEV = 200.0  # incident energies of calorimeter showers have a larger median
FAINT = 1e-3  # of the incident energy: sampling calorimeters see more of photons and electrons


def refuse_impossible_angles(path: str | Path, theta: Array, phi: Array, first: int = 0) -> None:
    """Refuse directions that no particle on the face has.

    Parameters
    ----------
    path : str or Path
        The file, for the message.
    theta, phi : ndarray, shape (N,)
        Polar angle to the beam and azimuth, in radians.
    first : int
        The file's number of the first row.

    Raises
    ------
    InputError
        Naming dataset, row and remedy.
    """
    for name, angle, limit, meaning in (
        ("incident_theta", theta, math.pi / 2, "pi/2: such a particle does not enter the face"),
        ("incident_phi", phi, 2 * math.pi, "2 pi"),
    ):
        beyond = np.abs(angle) > limit + ANGLE_ROUNDING
        if beyond.any():
            row = int(beyond.argmax())
            raise InputError(
                f"{path}: {name} row {first + row} is {angle[row]:g}, beyond {meaning}; angles are in rad: "
                "multiply degrees by pi/180"
            )


def examine_energies(
    path: str | Path,
    pdg: NDArray[np.integer],
    energy_mev: Array,
    total_mev: Array | None,
    rows: NDArray[np.integer] | None = None,
) -> None:
    """Refuse showers of more energy than came in; warn of energies that look like GeV.

    Parameters
    ----------
    path : str or Path
        The file, for the messages.
    pdg : ndarray, shape (N,)
        PDG codes.
    energy_mev : ndarray, shape (N,)
        Incident kinetic energies.
    total_mev : ndarray, shape (N,), or None
        Visible energy of each shower; None where the file has conditions alone.
    rows : ndarray, shape (N,), optional
        The file's numbers of these rows; absent: they are all of it.

    Raises
    ------
    InputError
        Naming dataset, row and remedy, where more than one row in a hundred has several times the energy
        that came in.

    Warns
    -----
    SuspiciousInput
        Once a file, where energies are unusually small.
    """
    electromagnetic = np.isin(np.abs(pdg), EGAMMA)
    if total_mev is not None:
        margin = np.where(electromagnetic, MARGIN_EGAMMA_MEV, MARGIN_MEV)
        created = total_mev > CREATED * (energy_mev + margin)
        if created.mean() > TOLERATED:
            at = int(created.argmax())
            raise InputError(
                f"{path}: showers row {at if rows is None else rows[at]} holds {total_mev[at]:g} MeV, its "
                f"incident energy is {energy_mev[at]:g} MeV ({created.sum()} of {len(created)} rows are like "
                "it); incident_energies are in MeV: multiply GeV by 1000"
            )
    median = float(np.median(energy_mev))
    if median < SOFT_MEV:
        _warn(
            f"{path}: incident_energies row {0 if rows is None else rows[0]} is {energy_mev[0]:g} MeV, their "
            f"median {median:g} MeV; if they are in GeV, multiply them by 1000"
        )
    elif total_mev is not None and electromagnetic.any():
        response = float(total_mev[electromagnetic].sum() / energy_mev[electromagnetic].sum())
        if response < FAINT:
            _warn(
                f"{path}: showers hold {response:.2g} of the incident energy of photons and electrons; "
                "if they are in GeV, multiply them by 1000"
            )


def _warn(text: str) -> None:
    warnings.warn(text, SuspiciousInput, stacklevel=3)
