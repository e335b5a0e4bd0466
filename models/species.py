"""The species of the samples, and for each other species the one whose showers are used instead."""

from __future__ import annotations

from monsoon.models.errors import InputError

EGAMMA = (22, 11)
HADRONS = (211, -211, 321, -321, 130, 2212, -2212, 2112, 13, -13)

# By the names that a user gives for the species of a file without codes
NAMED = {
    "photon": 22, "electron": 11, "positron": -11, "muon": 13, "antimuon": -13, "pion": 211, "pi+": 211,
    "pi-": -211, "K+": 321, "K-": -321, "K0L": 130, "proton": 2212, "antiproton": -2212, "neutron": 2112,
}  # fmt: skip


def species_of(name: str) -> int:
    """PDG code of a species, given as a key of NAMED or as the code itself.

    Parameters
    ----------
    name : str
        What the user wrote.

    Raises
    ------
    InputError
        Where it is neither.

    Examples
    --------
    >>> species_of("pi-"), species_of("22")
    (-211, 22)
    """
    try:
        return NAMED[name] if name in NAMED else int(name)
    except ValueError as error:
        raise InputError(f"species: no {name}; give a PDG code, or {', '.join(NAMED)}") from error


# The neighbour has the most similar charge and interaction. Baryons are replaced by baryons and antibaryons
# by antibaryons, which annihilate. Strange particles that reach the face are replaced by long-lived hadrons.
NEIGHBOUR = {
    -11: 11,  # positron: the same electromagnetic shower
    22: 11,  # photon, where a sample has electrons alone: it begins to shower a radiation length later
    310: 130,  # K0S -> K0L
    311: 130,
    -311: 130,
    -2112: -2212,  # antineutron -> antiproton
    3122: 2112,  # Lambda -> neutron
    -3122: -2212,
    3212: 2112,  # Sigma0 -> neutron
    -3212: -2212,
    3222: 2212,  # Sigma+ -> proton
    -3222: -2212,
    3112: 2212,  # Sigma- -> proton
    -3112: -2212,
    3322: 2112,  # Xi0 -> neutron
    -3322: -2212,
    3312: 2212,  # Xi- -> proton
    -3312: -2212,
    3334: 2212,  # Omega- -> proton
    -3334: -2212,
    1000010020: 2212,  # deuteron, triton, helium -> proton
    -1000010020: -2212,
    1000010030: 2212,
    -1000010030: -2212,
    1000020030: 2212,
    -1000020030: -2212,
    1000020040: 2212,
    -1000020040: -2212,
}
