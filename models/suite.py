"""A suite: generators that together cover the species which reach a calorimeter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from models.dataset import read_showers
from models.library import Library
from models.records import Conditions, Showers, Status
from models.shower_model import ShowerModel
from models.species import NEIGHBOUR

SAMPLES = Path(__file__).parent / "samples"
SHIPPED = {"library": (SAMPLES / "egamma.h5", SAMPLES / "hadrons.h5")}


class Suite:
    """Sends every particle to the generator of its species, or of the species that stands in for it."""

    def __init__(self, models: Sequence[ShowerModel]) -> None:
        """Raises ValueError where the models do not share one grid or two claim one species."""
        if len({model.grid for model in models}) != 1:
            raise ValueError("the generators of a suite share one grid")
        self.models = tuple(models)
        self.grid = models[0].grid
        self.noise_dimensions = max(model.noise_dimensions for model in models)
        self._model_of: dict[int, int] = {}
        for number, model in enumerate(models):
            for pdg in model.species:
                if pdg in self._model_of:
                    raise ValueError(f"two generators claim species {pdg}")
                self._model_of[pdg] = number
        self.species = tuple(sorted(self._model_of))
        self.fingerprint = hashlib.sha256("".join(m.fingerprint for m in models).encode()).hexdigest()

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """One shower for each of N conditions of any species; zeros where there is no generator.

        noise  float32 [N, noise_dimensions]
        """
        known, model = self._route(conditions.pdg)
        energy = torch.zeros(len(conditions), self.grid.voxels)
        for number, generator in enumerate(self.models):
            rows = torch.nonzero(model == number)[:, 0]
            if len(rows):
                inputs = conditions[rows].with_pdg(known[rows])
                showers = generator.sample(inputs, noise[rows, : generator.noise_dimensions])
                energy[rows] = showers.energy_mev
        return Showers(energy)

    def status(self, conditions: Conditions) -> Tensor:
        """How each condition is treated, uint8 [N] of Status. Outside the domain goes before remapped."""
        known, model = self._route(conditions.pdg)
        status = torch.where(known == conditions.pdg, int(Status.SIMULATED), int(Status.REMAPPED))
        for number, generator in enumerate(self.models):
            rows = torch.nonzero(model == number)[:, 0]
            inside = generator.inside(conditions[rows].with_pdg(known[rows]))
            status[rows[~inside]] = int(Status.OUTSIDE_NEAREST)
        status[model < 0] = int(Status.NO_GENERATOR)
        return status.to(torch.uint8)

    def _route(self, pdg: Tensor) -> tuple[Tensor, Tensor]:
        """The species to ask for, int32 [N], and the model to ask, int64 [N], -1 for none."""
        present, of_row = torch.unique(pdg, return_inverse=True)
        known = [p if p in self._model_of else NEIGHBOUR.get(p, p) for p in present.tolist()]
        model = [self._model_of.get(p, -1) for p in known]
        return torch.tensor(known, dtype=torch.int32)[of_row], torch.tensor(model, dtype=torch.int64)[of_row]


def load_suite(model: str) -> Suite:
    """The generators named by a campaign: a shipped name, or shower files joined by commas.

    Raises InputError where a file cannot be used.
    """
    files = SHIPPED.get(model) or [Path(part) for part in model.split(",")]
    return Suite([Library(read_showers(file)) for file in files])
