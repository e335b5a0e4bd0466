"""A suite: generators that together cover the species which reach a calorimeter."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from monsoon.models.domain.ranges import describe
from monsoon.models.domain.scaling import Scaling, scales
from monsoon.models.errors import InputError
from monsoon.models.families.library import Library
from monsoon.models.families.transport import TransportedLibrary
from monsoon.models.generator import Generator
from monsoon.models.geometry.geometry import Geometry, same
from monsoon.models.records import Conditions, Showers, Status
from monsoon.models.species import EGAMMA, HADRONS, NEIGHBOUR
from monsoon.models.store.loading import load_generators

NEAREST, CLAMP, SCALE, REFUSE = POLICIES = ("nearest", "clamp", "scale", "refuse")


class Suite:
    """Sends every particle to the generator of its species, or of the species that stands in for it.

    A particle outside its generator's training domain is treated by a policy:

    ========  =====================================================================================
    nearest   a library gives its nearest shower; for a network, `other` makes the shower
    clamp     the shower is that of the nearest condition inside, also in its energy
    scale     photons and electrons above the energies of the domain by models/domain/scaling.py; others clamp
    refuse    InputError
    None      `other` makes the shower
    ========  =====================================================================================

    Parameters
    ----------
    models
        Generators of one geometry, each of its own species.
    outside
        The policy, one of POLICIES or None.
    other
        The suite that takes over outside; it serves every species that needs it.

    Attributes
    ----------
    grid : Geometry
        Shared by all generators.
    species : tuple of int
        PDG codes that a generator claims, increasing.
    noise_dimensions : int
        Uniform numbers that a shower needs: the most that any of the generators declares.
    fingerprint : str
        SHA-256 of all that determines a sample.

    Raises
    ------
    ValueError
        If the models and `other` do not share one geometry, two models claim one species, or `other` is
        needed and does not serve all species that need it.
    """

    def __init__(
        self, models: Sequence[Generator], outside: str | None = NEAREST, other: Suite | None = None
    ) -> None:
        whole = (*models, *(other.models if other else ()))
        for model in whole:
            if not same(model.grid, whole[0].grid):
                raise ValueError(
                    "the generators of a suite share one geometry: "
                    f"{whole[0].grid.label} is not {model.grid.label}"
                )
        self.models: tuple[Generator, ...] = tuple(models)
        self.outside, self.other = outside, other
        self.grid = models[0].grid
        self.noise_dimensions = max(model.noise_dimensions for model in whole)
        self.model_of: dict[int, int] = {}
        for number, model in enumerate(models):
            for pdg in model.species:
                if pdg in self.model_of:
                    raise ValueError(f"two generators claim species {pdg}")
                self.model_of[pdg] = number
        self.species = tuple(sorted(self.model_of))
        self.scaled = [outside == SCALE and scales(model.grid, model.species) for model in models]
        if outside == SCALE and not any(self.scaled):
            raise ValueError(
                "no generator makes photons and electrons in the shipped pixels, which can be scaled"
            )
        served = other.species if other else ()
        for pdg, number in self.model_of.items():
            if self.hands_over(models[number]) and pdg not in served:
                raise ValueError(f"no other generator for species {pdg} outside its training domain")
        parts = [model.fingerprint for model in models]
        if outside != NEAREST or other is not None:
            parts += [f"outside {outside}", *([other.fingerprint] if other else [])]
        self.fingerprint: str = hashlib.sha256("".join(parts).encode()).hexdigest()

    @property
    def arithmetic(self) -> int | None:
        """Version of the kernels by which its networks sample; None for libraries alone. See `ARITHMETIC`."""
        whole = (*self.models, *(self.other.models if self.other else ()))
        return max((model.arithmetic for model in whole if hasattr(model, "arithmetic")), default=None)

    def bootstrapped(self, number: int) -> Suite:
        """The suite whose libraries are drawn again with replacement.

        Parameters
        ----------
        number
            Of the replica.

        Raises
        ------
        InputError
            If one of its generators, which are asked outside its domains too, is no library.
        """
        models = []
        for model in self.models:
            if not isinstance(model, Library | TransportedLibrary):
                kind = type(model).__name__
                raise InputError(
                    f"a {kind} cannot be drawn again as libraries are; train replicas of it (`monsoon train "
                    "RECIPE replicas=5`) and name their folder"
                )
            models.append(model.bootstrapped(number))
        return Suite(models, self.outside, self.other and self.other.bootstrapped(number))

    def route(self, conditions: Conditions) -> Routing:
        """Assign each condition to its generator; status and showers follow from the result.

        Parameters
        ----------
        conditions
            Of N particles of any species.
        """
        return Routing(self, conditions)

    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """Sample one shower for each condition; see `Routing.sample`."""
        return self.route(conditions).sample(noise)

    def status(self, conditions: Conditions) -> Tensor:
        """How each condition is treated; see `Routing.status`."""
        return self.route(conditions).status

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition is in its generator's training domain; see `Routing.inside`."""
        return self.route(conditions).inside

    @property
    def unserved(self) -> tuple[int, ...]:
        """Species of the shipped samples that leave nothing: no generator makes them or a neighbour."""
        return tuple(pdg for pdg in (*EGAMMA, *HADRONS) if not {pdg, NEIGHBOUR.get(pdg)} & set(self.model_of))

    def hands_over(self, model: Generator) -> bool:
        """Whether `other` makes the showers of this model's species outside its training domain."""
        return self.outside is None or (self.outside == NEAREST and not isinstance(model, Library))


class Routing:
    """Which generator makes the shower of each of N conditions, and how each of them is treated.

    Everything that depends on the batch is computed once, when it is first needed: species and generator of
    each row, the rows outside the training domain, and the rows that another suite makes.

    Attributes
    ----------
    asked : Conditions
        As they were given.
    conditions : Conditions
        The same under the species of their generators.
    rows : list of Tensor
        Rows of each generator of the suite, int64 [.] each. Rows without a generator are in none of them.
    """

    def __init__(self, suite: Suite, conditions: Conditions) -> None:
        self.suite, self.asked = suite, conditions
        present, of_row = torch.unique(conditions.pdg, return_inverse=True)
        known = [pdg if pdg in suite.model_of else NEIGHBOUR.get(pdg, pdg) for pdg in present.tolist()]
        model = torch.tensor([suite.model_of.get(pdg, -1) for pdg in known], dtype=torch.int64)[of_row]
        self.conditions = conditions.with_pdg(torch.tensor(known, dtype=torch.int32)[of_row])
        self.rows = [torch.nonzero(model == number)[:, 0] for number in range(len(suite.models))]

    def __len__(self) -> int:
        return len(self.asked)

    @property
    def noise_dimensions(self) -> int:
        """Uniform numbers that `sample` needs for each row."""
        return self.suite.noise_dimensions

    @cached_property
    def inside(self) -> Tensor:
        """Whether each condition is in its generator's training domain, or has no generator; bool [N]."""
        inside = torch.ones(len(self), dtype=torch.bool)
        for model, rows in zip(self.suite.models, self.rows, strict=True):
            inside[rows] = model.inside(self.conditions[rows])
        return inside

    @cached_property
    def status(self) -> Tensor:
        """How each condition is treated, uint8 [N] of `Status`; being outside goes before being remapped.

        Raises
        ------
        InputError
            If the suite refuses a condition.
        """
        status = torch.full((len(self),), int(Status.NO_GENERATOR), dtype=torch.uint8)
        remapped = self.conditions.pdg != self.asked.pdg
        for rows in self.rows:
            status[rows] = torch.where(remapped[rows], int(Status.REMAPPED), int(Status.SIMULATED)).byte()
        if self.suite.outside is None:
            rows, other = self._handed_over
            inside = (other.status == Status.SIMULATED) | (other.status == Status.REMAPPED)
            status[rows] = torch.where(inside, int(Status.OUTSIDE_OTHER), other.status)
        else:
            self._refuse()
            nearest = self.suite.outside == NEAREST
            status[~self.inside] = int(Status.OUTSIDE_NEAREST if nearest else Status.OUTSIDE_CLAMPED)
            for rows, scaling in zip(self.rows, self._scalings, strict=True):
                if scaling is not None:
                    status[rows[scaling.applies]] = int(Status.OUTSIDE_SCALED)
        return status

    def sample(self, noise: Tensor) -> Showers:
        """Sample one shower for each condition; all zeros where there is no generator.

        Parameters
        ----------
        noise
            float32 [N, noise_dimensions], uniform in (0, 1).

        Returns
        -------
        Showers
            On the noise's device; only libraries make them there, others on the CPU. Row i belongs to
            condition i and depends on row i of the noise alone.

        Raises
        ------
        InputError
            If the suite refuses a condition.
        """
        self._refuse()
        suite = self.suite
        energy = torch.zeros(len(self), suite.grid.voxels, device=noise.device)
        own = torch.ones(len(self), dtype=torch.bool)
        if suite.other is not None:
            rows, other = self._handed_over
            own[rows] = False
            if len(rows):
                energy[rows] = other.sample(noise[rows, : other.noise_dimensions]).energy_mev
        for model, of_model, scaling in zip(suite.models, self.rows, self._scalings, strict=True):
            rows = of_model[own[of_model]]
            if len(rows):
                inputs = self.conditions[rows] if scaling is None else scaling.conditions
                if suite.outside in (CLAMP, SCALE):
                    inputs = model.domain.clamp(inputs)
                drawn = noise[rows, : model.noise_dimensions]
                library = isinstance(model, Library) and scaling is None
                image = model.sample(inputs, drawn if library else drawn.cpu()).energy_mev
                energy[rows] = (image if scaling is None else scaling.scaled(image)).to(noise.device)
        return Showers(energy)

    @cached_property
    def _scalings(self) -> list[Scaling | None]:
        """How rows of each generator are scaled, where the policy does so; it has no other suite."""
        return [
            Scaling.of(self.conditions[rows], model.domain) if scaled else None
            for model, rows, scaled in zip(self.suite.models, self.rows, self.suite.scaled, strict=True)
        ]

    @cached_property
    def _handed_over(self) -> tuple[Tensor, Routing]:
        """The rows that the other suite makes, int64 [M], and their routing there."""
        assert self.suite.other is not None
        handed = torch.zeros(len(self), dtype=torch.bool)
        for model, rows in zip(self.suite.models, self.rows, strict=True):
            if self.suite.hands_over(model):
                handed[rows] = ~self.inside[rows]
        rows = torch.nonzero(handed)[:, 0]
        return rows, self.suite.other.route(self.conditions[rows])

    def _refuse(self) -> None:
        if self.suite.outside == REFUSE and not self.inside.all():
            raise refusal(self.asked, int(self.inside.int().argmin()))


def refusal(conditions: Conditions, row: int) -> InputError:
    """The error that ends a job: the condition in this row is outside the training domain, and refused."""
    return InputError(
        f"{describe(conditions, row)} is outside the model's training domain; leave such particles out, "
        f"or set outside to {NEAREST}, {CLAMP}, {SCALE} or another model"
    )


def load_suite(
    model: str, outside: str = NEAREST, geometry: Geometry | None = None, pdg: int | None = None
) -> Suite:
    """Load the generators named by a campaign.

    Parameters
    ----------
    model
        Shipped names, folders of trained models and shower files, joined by commas.
    outside
        What happens outside the training domains: nearest, clamp, scale, refuse, or another model in the same
        words, which then takes over. Nearest, for a network, is a shower of the shipped library, where that
        is of the network's geometry; else the network's own at the nearest condition inside.
    geometry, pdg
        Of the showers in files that say nothing of it.

    Raises
    ------
    InputError
        If something cannot be used.
    """
    models = load_generators(model, geometry, pdg)
    try:
        if outside not in POLICIES:
            return Suite(models, None, _load_other(outside, geometry, pdg))
        if outside == NEAREST and not all(isinstance(part, Library) for part in models):
            return _with_library(models)
        return Suite(models, outside)
    except ValueError as error:
        raise InputError(f"model {model}, outside {outside}: {error}; name others") from error


def _with_library(models: list[Generator]) -> Suite:
    """The shipped library takes over outside, where it is of the same geometry."""
    library = Suite(load_generators("library"))
    if same(library.grid, models[0].grid):
        return Suite(models, NEAREST, library)
    return Suite(models, CLAMP)


def _load_other(outside: str, geometry: Geometry | None, pdg: int | None) -> Suite:
    try:
        return load_suite(outside, NEAREST, geometry, pdg)
    except InputError as error:
        raise InputError(
            f"outside {outside}: {error}; or choose {NEAREST}, {CLAMP}, {SCALE} or {REFUSE}"
        ) from error
