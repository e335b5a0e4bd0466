"""Which classifier may say "pass" on which requirement: one that was shown to see the flaws it is about.

A low area under the curve can mean that the showers are good, or that the classifier is poor. Each
classifier is therefore asked to tell Geant4 showers with a known flaw from Geant4 showers, at the sizes of
the samples at hand. A flaw is seen where its area is above the floor's by three standard errors. To count
for a requirement a classifier has to see every flaw that the requirement is about:

- A high-level requirement is about the energy of a shower and its shape as a whole. The flaws are a wrong
  total, and 5 % of every pixel's energy in the neighbouring pixels, which widens the shower.
- A low-level requirement is about single pixels and how neighbours belong together. The flaws are
  independent noise on every pixel, and a small share of every pixel's energy in the neighbouring pixels.

Their sizes follow what is required. Photons and electrons may have areas of about 0.6; a smearing of the
total by 3 % is of that order. A hadron's energy fluctuates by so much that no sample shows such a smearing,
and the area may be 0.7: there the total is 20 % lower, and more of a pixel goes to its neighbours.

The mirrored angle, which every classifier sees, admits none. It shows that the classifier uses the
condition. Weaker flaws are measured too, for the table of power.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

# what a classifier looks at, and so the requirements that it can decide
HIGH_LEVEL, LOW_LEVEL = "high-level", "low-level"
LEVELS = {
    "high-level": HIGH_LEVEL, "pixel-trees": LOW_LEVEL, "whitened-cnn": LOW_LEVEL, "mlp": LOW_LEVEL,
}  # fmt: skip

# by group of species, then level: the flaws that a classifier has to see
NEEDED: dict[str, dict[str, tuple[str, ...]]] = {
    "egamma": {
        HIGH_LEVEL: ("totals smeared 3 %", "5 % shared with neighbours"),
        LOW_LEVEL: ("pixels smeared 20 %", "2 % shared with neighbours"),
    },
    "hadrons": {
        HIGH_LEVEL: ("totals 20 % lower", "5 % shared with neighbours"),
        LOW_LEVEL: ("5 % shared with neighbours",),
    },
}
# by group of species: flaws that are measured besides, for the table of power
BESIDES = {
    "egamma": ("pixels smeared 5 %", "cut at 0.05 MeV", "angle mirrored"),
    "hadrons": ("pixels smeared 50 %", "cut at 0.05 MeV", "angle mirrored"),
}


def flaws_of(group: str) -> list[str]:
    """Names of the flaws that classifiers are asked about in a group of species, each once."""
    needed = (flaw for flaws in NEEDED[group].values() for flaw in flaws)
    return list(dict.fromkeys([*needed, *BESIDES[group]]))


def needed_flaws(group: str, classifier: str) -> Sequence[str]:
    """The flaws that a classifier has to see to be admitted.

    Parameters
    ----------
    group
        Of species, a key of `NEEDED`.
    classifier
        A key of `LEVELS`.
    """
    return NEEDED[group][LEVELS[classifier]]


def missed(group: str, classifier: str, seen: Collection[str]) -> list[str]:
    """The flaws that a classifier would have to see and does not; with none left it is admitted."""
    return [flaw for flaw in needed_flaws(group, classifier) if flaw not in seen]
