"""A suite: generators that together cover the species which reach a calorimeter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from monsoon.models.data.shower_files import read_showers
from monsoon.models.domain.ranges import describe
from monsoon.models.errors import InputError
from monsoon.models.families.library import Library
from monsoon.models.generator import Generator
from monsoon.models.records import Conditions, Showers, Status
from monsoon.models.species import NEIGHBOUR
from monsoon.models.store.checkpoint import load

SAMPLES = Path(__file__).parents[1] / "samples"
CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
LIBRARY = (SAMPLES / "egamma.h5", SAMPLES / "hadrons.h5")
FLOWS = (CHECKPOINTS / "flow-egamma", CHECKPOINTS / "flow-hadrons")
SHOWER_FILES = (".h5", ".hdf5")  # how a library's name ends
SHIPPED = {"library": LIBRARY, "best": FLOWS}
NEAREST, CLAMP, REFUSE = POLICIES = ("nearest", "clamp", "refuse")


class Suite:
    """Sends every particle to the generator of its species, or of the species that stands in for it.

    What becomes of a particle outside its generator's training domain:

    nearest  a library gives its nearest shower; instead of a network, `other` gives its own
    clamp    it gets the shower of the nearest condition inside, whose energy is that condition's
    refuse   InputError
    None     `other` takes it over
    """

    def __init__(
        self, models: Sequence[Generator], outside: str | None = NEAREST, other: Suite | None = None
    ) -> None:
        """Raises ValueError where the models and `other` do not share one grid, two models claim one species,
        or `other` is needed and cannot serve each of them."""
        whole = (*models, *(other.models if other else ()))
        if len({model.grid for model in whole}) != 1:
            raise ValueError("the generators of a suite share one grid")
        self.models: tuple[Generator, ...] = tuple(models)
        self.outside, self.other = outside, other
        self.grid = models[0].grid
        self.noise_dimensions = max(model.noise_dimensions for model in whole)
        self._model_of: dict[int, int] = {}
        for number, model in enumerate(models):
            for pdg in model.species:
                if pdg in self._model_of:
                    raise ValueError(f"two generators claim species {pdg}")
                self._model_of[pdg] = number
        self.species = tuple(sorted(self._model_of))
        served = other.species if other else ()
        for pdg, number in self._model_of.items():
            if self._needs_other(models[number]) and pdg not in served:
                raise ValueError(f"no other generator for species {pdg} outside its training domain")
        parts = [model.fingerprint for model in models]
        if outside != NEAREST or other is not None:
            parts += [f"outside {outside}", *([other.fingerprint] if other else [])]
        self.fingerprint: str = hashlib.sha256("".join(parts).encode()).hexdigest()

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """One shower for each of N conditions of any species; zeros where there is no generator.

        Raises InputError where the suite refuses a condition.

        noise  float32 [N, noise_dimensions]
        """
        known, model = self._route(conditions.pdg)
        energy = torch.zeros(len(conditions), self.grid.voxels)
        for number, generator in enumerate(self.models):
            rows = torch.nonzero(model == number)[:, 0]
            if len(rows):
                inputs = conditions[rows].with_pdg(known[rows])
                energy[rows] = self._sample(generator, inputs, noise[rows]).energy_mev
        return Showers(energy)

    def status(self, conditions: Conditions) -> Tensor:
        """How each condition is treated, uint8 [N] of Status. Outside the domain goes before remapped.

        Raises InputError where the suite refuses a condition.
        """
        known, model = self._route(conditions.pdg)
        status = torch.where(known == conditions.pdg, int(Status.SIMULATED), int(Status.REMAPPED))
        outside = torch.nonzero(~self._inside(conditions.with_pdg(known), model))[:, 0]
        if len(outside):
            status[outside] = self._treatment(conditions[outside]).to(status.dtype)
        status[model < 0] = int(Status.NO_GENERATOR)
        return status.to(torch.uint8)

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition is in its generator's training domain, or has no generator, bool [N]."""
        known, model = self._route(conditions.pdg)
        return self._inside(conditions.with_pdg(known), model)

    def _inside(self, conditions: Conditions, model: Tensor) -> Tensor:
        inside = torch.ones(len(conditions), dtype=torch.bool)
        for number, generator in enumerate(self.models):
            rows = torch.nonzero(model == number)[:, 0]
            inside[rows] = generator.inside(conditions[rows])
        return inside

    def _treatment(self, conditions: Conditions) -> Tensor:
        """The status of conditions outside."""
        if self.outside == REFUSE:
            raise refusal(conditions, 0)
        if self.outside is None and self.other is not None:
            theirs = self.other.status(conditions)
            taken_over = (theirs == Status.SIMULATED) | (theirs == Status.REMAPPED)
            return torch.where(taken_over, int(Status.OUTSIDE_OTHER), theirs)
        treated = Status.OUTSIDE_CLAMPED if self.outside == CLAMP else Status.OUTSIDE_NEAREST
        return torch.full((len(conditions),), int(treated))

    def _sample(self, generator: Generator, conditions: Conditions, noise: Tensor) -> Showers:
        """Showers of one generator's species.

        noise  float32 [N, noise_dimensions] of the suite
        """
        own = noise[:, : generator.noise_dimensions]
        if self.outside == CLAMP:
            return generator.sample(generator.domain.clamp(conditions), own)
        if self.outside == NEAREST and not self._needs_other(generator):
            return generator.sample(conditions, own)
        inside = generator.inside(conditions)
        if inside.all():
            return generator.sample(conditions, own)
        if self.other is None:
            raise refusal(conditions, int(inside.int().argmin()))
        energy = torch.empty(len(conditions), self.grid.voxels)
        energy[inside] = generator.sample(conditions[inside], own[inside]).energy_mev
        theirs = noise[~inside, : self.other.noise_dimensions]
        energy[~inside] = self.other.sample(conditions[~inside], theirs).energy_mev
        return Showers(energy)

    def _needs_other(self, generator: Generator) -> bool:
        return self.outside is None or (self.outside == NEAREST and not isinstance(generator, Library))

    def _route(self, pdg: Tensor) -> tuple[Tensor, Tensor]:
        """The species to ask for, int32 [N], and the model to ask, int64 [N], -1 for none."""
        present, of_row = torch.unique(pdg, return_inverse=True)
        known = [p if p in self._model_of else NEIGHBOUR.get(p, p) for p in present.tolist()]
        model = [self._model_of.get(p, -1) for p in known]
        return torch.tensor(known, dtype=torch.int32)[of_row], torch.tensor(model, dtype=torch.int64)[of_row]


def refusal(conditions: Conditions, row: int) -> InputError:
    """Why a condition outside the training domain ends what was asked for."""
    return InputError(
        f"{describe(conditions, row)} is outside the model's training domain; leave such particles out, "
        f"or set outside to {NEAREST}, {CLAMP} or another model"
    )


def load_suite(model: str, outside: str = NEAREST) -> Suite:
    """The generators named by a campaign, and what they do outside their training domains.

    model    shipped names, folders of trained models and shower files, joined by commas
    outside  nearest, clamp, refuse, or another model in the same words, which then takes over. Nearest,
             beside a network, is a shower of the shipped library.

    Raises InputError where something cannot be used.
    """
    models = _load(model)
    try:
        if outside not in POLICIES:
            return Suite(models, None, _load_other(outside))
        library = outside == NEAREST and not all(isinstance(part, Library) for part in models)
        return Suite(models, outside, Suite(_load("library")) if library else None)
    except ValueError as error:
        raise InputError(f"model {model}, outside {outside}: {error}; name others") from error


def _load_other(outside: str) -> Suite:
    try:
        return load_suite(outside)
    except InputError as error:
        raise InputError(f"outside {outside}: {error}; or choose {NEAREST}, {CLAMP} or {REFUSE}") from error


def is_shipped(name: str) -> bool:
    """Whether this names a generator that comes with Monsoon, and no path."""
    return name in SHIPPED or ("/" not in name and (CHECKPOINTS / name).is_dir())


def _load(model: str) -> list[Generator]:
    paths: list[Path] = []
    for word in model.split(","):
        paths += SHIPPED.get(word) or [CHECKPOINTS / word if is_shipped(word) else Path(word)]
    return [_load_part(path) for path in paths]


def _load_part(path: Path) -> Generator:
    if not path.is_dir():
        showers = read_showers(path)
        try:
            return Library(showers)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    return load(path).model
