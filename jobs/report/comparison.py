"""Three samples of showers side by side: held-out Geant4, generated, and the floor of any comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from monsoon.engine.records import Array
from monsoon.engine.sampling import sample_rows
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.suite import SAMPLES, Suite

ENERGY_EDGES_MEV = np.geomspace(1e3, 1e5, 9)
COSINE_EDGES = np.linspace(0.85, 1.0, 7)  # steps equal in solid angle


@dataclass(frozen=True)
class Comparison:
    """Row i of `heldout` and of `generated` share their condition.

    floor  other Geant4 showers, as many of each species, energy and angle bin: how well Geant4 agrees
           with itself at this sample size. No generator can be shown to be better than that.
    """

    heldout: ShowerSet
    generated: ShowerSet
    floor: ShowerSet

    @property
    def samples(self) -> tuple[ShowerSet, ShowerSet, ShowerSet]:
        return self.heldout, self.generated, self.floor

    def of_species(self, *pdg: int) -> Comparison:
        """Only showers of these species."""
        wanted = torch.tensor(pdg, dtype=torch.int32)
        return Comparison(*(s[torch.isin(s.conditions.pdg, wanted)] for s in self.samples))


def compare(name: str, suite: Suite, seed: int) -> Comparison:
    """The shipped held-out sample of this name (egamma, hadrons) against the suite and its floor.

    Species that the suite has no generator for are left out.
    """
    heldout = read_showers(SAMPLES / f"{name}-heldout.h5")
    heldout = heldout[torch.isin(heldout.conditions.pdg, torch.tensor(suite.species, dtype=torch.int32))]
    generated = ShowerSet(heldout.conditions, draw(suite, heldout.conditions, seed), heldout.weight)
    return Comparison(heldout, generated, matched(read_showers(SAMPLES / f"{name}.h5"), heldout.conditions))


def draw(suite: Suite, conditions: Conditions, seed: int, attempt: int = 0) -> Showers:
    """One generated shower for each condition; another `attempt` gives others, the same one the same."""
    return sample_rows(suite, conditions, seed, attempt=attempt)


def matched(showers: ShowerSet, wanted: Conditions, seed: int = 0) -> ShowerSet:
    """Showers drawn without replacement: as many per species, energy and angle bin as are wanted there.

    Fewer where a bin has not enough.
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
