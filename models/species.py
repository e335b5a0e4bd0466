"""Which species a sample holds, and which neighbour stands in for one it does not hold."""

from __future__ import annotations

EGAMMA = (22, 11)
HADRONS = (211, -211, 321, -321, 130, 2212, -2212, 2112, 13, -13)

# A neighbour has the nearest charge and interaction: baryons stay baryons, and antibaryons antibaryons
# (they annihilate); short-lived strange particles that do reach the face behave as their longest-lived kin.
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
