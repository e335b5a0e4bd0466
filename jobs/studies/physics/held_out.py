"""The Geant4 side: held-out showers as a generator that gives each of them back at its own condition.

It is the library family with one neighbour, asked for exactly the conditions of its showers: the nearest
shower is the one wanted, and the factor by which a library rescales photons and electrons is one. So nothing
is rescaled, and both sides go through one path. That a particle's place and its shower's direction agree is
left to `engine/incidents/of_showers.py`, which chooses the conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.of_showers import ShowerStock
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.models.data.joining import joined
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.families.library import Library
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.suite import Suite

FOLDS = 10  # between which nothing is shared; uncertainties are of their resampling
BITS = 16  # of the electronics: 12 saturate above 10 GeV of transverse energy in a cell


@dataclass(frozen=True)
class Geant4:
    """Showers of Geant4 as conditions to choose from, and as a generator.

    Attributes
    ----------
    stock : ShowerStock
        The conditions.
    suite : Suite
        The generator.
    """

    stock: ShowerStock
    suite: Suite

    @classmethod
    def of(cls, showers: ShowerSet, folds: int) -> Geant4:
        """Make both of showers on the default pixels."""
        return cls(
            ShowerStock(showers.conditions, Planar(), folds),
            Suite([Library(showers, neighbours=1)]),
        )


def read(paths: Sequence[str]) -> ShowerSet:
    """All showers of some files. Raises InputError where one cannot be used, or has other voxels."""
    parts = [read_showers(path) for path in paths]
    for path, part in zip(paths, parts, strict=True):
        voxels = part.showers.energy_mev.shape[1]
        if voxels != Planar().voxels:
            raise InputError(f"{path}: showers of {voxels} voxels; give showers of {Planar().label}")
    return joined(parts)


def unsaturated(name: str) -> Detector:
    """The detector of this name with BITS in its electronics. Raises InputError."""
    description = Detector.load(name).description
    electronics = description.electronics.model_copy(update={"bits": BITS})
    detector = Detector.of(description.model_copy(update={"electronics": electronics}))
    Cells(detector)
    if Placing(Planar(), detector).pixels is None:
        raise InputError(f"detector {name}: its pixels are not those of the showers; choose lhcb-ecal")
    return detector
