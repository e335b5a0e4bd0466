"""The species of the samples, and for each other species the one whose showers are used instead."""

from __future__ import annotations

EGAMMA = (22, 11)
HADRONS = (211, -211, 321, -321, 130, 2212, -2212, 2112, 13, -13)

# The neighbour has the most similar charge and interaction. Baryons are replaced by baryons and antibaryons
# by antibaryons, which annihilate. Strange particles that reach the face are replaced by long-lived hadrons.
NEIGHBOUR = {
    -11: 11,  # positron: the same electromagnetic shower
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
