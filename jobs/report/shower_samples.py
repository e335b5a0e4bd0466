"""Held-out Geant4 showers, generated ones of the same conditions, and the floor of any comparison of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from monsoon.engine.records import Array
from monsoon.engine.sampling import sample_rows
from monsoon.jobs.plots.bins import ENERGY_EDGES_MEV
from monsoon.jobs.plots.overlay import FLOOR, REFERENCE
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import Suite

GENERATED = "generated"
COSINE_EDGES = np.linspace(0.85, 1.0, 7)  # steps equal in solid angle


@dataclass(frozen=True)
class ShowerSamples:
    """The three samples that every figure of agreement is made of.

    Attributes
    ----------
    reference
        Geant4 showers that no generator has seen.
    generated
        Showers of the generators; row i has the condition of row i of the reference.
    floor
        Other Geant4 showers, as many of each species, energy and angle bin: how well Geant4 agrees with
        itself at this sample size. No generator can be shown to be better than that.
    """

    reference: ShowerSet
    generated: ShowerSet
    floor: ShowerSet

    def by_label(self) -> dict[str, ShowerSet]:
        """The samples as plots and tables name them, in their order."""
        return {REFERENCE: self.reference, FLOOR: self.floor, GENERATED: self.generated}


def sample_showers(group: str, suite: Suite, seed: int) -> ShowerSamples:
    """The shipped held-out sample of a group beside showers of the suite and the floor.

    Parameters
    ----------
    group
        egamma or hadrons.
    suite
        The generators. Species that it has no generator for are left out.
    seed
        Of the generated showers' random numbers.
    """
    reference = read_showers(SAMPLES / f"{group}-heldout.h5")
    known = torch.tensor(suite.species, dtype=torch.int32)
    reference = reference[torch.isin(reference.conditions.pdg, known)]
    generated = ShowerSet(reference.conditions, draw(suite, reference.conditions, seed), reference.weight)
    return ShowerSamples(
        reference, generated, matched(read_showers(SAMPLES / f"{group}.h5"), reference.conditions)
    )


def draw(suite: Suite, conditions: Conditions, seed: int, attempt: int = 0) -> Showers:
    """One generated shower for each condition; another `attempt` gives others, the same one the same."""
    return sample_rows(suite, conditions, seed, attempt=attempt)


def matched(showers: ShowerSet, wanted: Conditions, seed: int = 0) -> ShowerSet:
    """Showers with the composition of other conditions, drawn without replacement.

    Parameters
    ----------
    showers
        To draw from.
    wanted
        Conditions whose numbers per species, energy and angle bin are wanted. Where a bin has not enough
        showers, all of them are taken.
    seed
        Of the choice.
    """
    have, want = _strata(showers.conditions), _strata(wanted)
    order = np.random.default_rng(seed).permutation(len(have))
    rows = [np.zeros(0, np.int64)]
    for stratum, count in zip(*np.unique(want, axis=0, return_counts=True), strict=True):
        rows.append(order[(have[order] == stratum).all(1)][:count])
    return showers[torch.from_numpy(np.concatenate(rows))]


def _strata(conditions: Conditions) -> Array:
    """Species, energy bin and angle bin, int64 [N, 3]."""
    return np.stack(
        [
            conditions.pdg.numpy().astype(np.int64),
            np.digitize(conditions.energy_mev.numpy(), ENERGY_EDGES_MEV),
            np.digitize(conditions.direction[:, 2].numpy(), COSINE_EDGES),
        ],
        1,
    )
