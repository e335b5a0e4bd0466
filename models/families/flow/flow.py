"""A conditional flow, from coarse to fine: the visible energy, which pixels are hit, regions, pixels.

Four likelihoods add up: of the visible energy (energy.py); of the set of hit pixels (hits.py); of the
division of the energy among the hit inner pixels and outer sectors, whose logarithms move together through
spline couplings; and of the divisions inside the sectors (splits.py). Every division keeps the energy, so
that a shower adds up to the visible energy by construction.

References
----------
Neural spline flows, arXiv:1906.04032.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.domain.ranges import Domain
from monsoon.models.families.buckets import in_buckets
from monsoon.models.families.fingerprint import ARITHMETIC, fingerprint
from monsoon.models.families.flow.density import Density
from monsoon.models.families.flow.encoding import Encoding
from monsoon.models.families.flow.hits import Hits
from monsoon.models.families.flow.regions import Regions
from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.families.flow.splits import Splits
from monsoon.models.families.options import chosen, initialised
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.stored import geometry_of
from monsoon.models.networks.energy import EnergyModel, classes_of
from monsoon.models.networks.modules import Coupling, mlp
from monsoon.models.networks.preprocess import Standardise
from monsoon.models.records import Conditions, Showers

BOUND = 6.0  # of the splines of standardised energies
SOFT = 2.0  # spreads beyond which the tails of log energies are compressed
COMMON = 0.1  # spread of a factor common to all regions of a shower, which training adds
BUCKET = 256  # showers sampled at once
DEFAULTS = {
    "couplings": 6,
    "hidden": 192,
    "bins": 8,
    "energy_hidden": 64,
    "hits_hidden": 192,
    "split_hidden": 48,
}
# pixels and divisions that a training step looks at; kept where they are given alone, so that flows without
# them stay what they are
BESIDES = ("hits_asked", "split_asked")


class Flow(nn.Module):
    """The flow of some species; see `Generator` and `Trainable`.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it: options, grid, species, domain and energy classes.
    """

    arithmetic: ClassVar[int] = ARITHMETIC

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.grid = geometry_of(config["grid"])
        self.species = tuple(config["species"])
        self.domain = Domain.from_json(config["domain"])
        self.sectors = Sectors(self.grid)
        self.register_buffer("pdg", torch.tensor(self.species, dtype=torch.int32))
        self.pdg: Tensor
        edges = [(low, float("inf") if high is None else high) for low, high in config["classes"]]
        known, classes, regions = 5 + len(self.species), len(edges), self.sectors.count
        self.energy = EnergyModel(edges, known, 21 * len(self.species), config["energy_hidden"])
        context = known + 2 + classes
        self.hits = Hits(self.grid, context, config["hits_hidden"], **_asked(config, "hits_asked"))
        context += regions
        self.standard = Standardise(28 * classes + len(self.species), regions, SOFT)
        self.place = mlp(context, config["hidden"], 2 * regions)
        self.couplings = nn.ModuleList()
        generator = torch.Generator().manual_seed(0)  # the masks are part of the architecture
        for number in range(config["couplings"]):
            if number % 2 == 0:
                half = torch.randperm(regions, generator=generator) < regions // 2
            self.couplings.append(
                Coupling(half if number % 2 == 0 else ~half, context, config["hidden"], config["bins"], BOUND)
            )
        asked = _asked(config, "split_asked")
        self.splits = Splits(self.sectors, context + regions, config["split_hidden"], **asked)
        self.noise_dimensions = 2 + self.grid.voxels + regions + self.splits.nodes

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: ShowerSet, layout: Geometry) -> Flow:
        """Make an untrained flow for the species of a sample, with its regressions fitted.

        Parameters
        ----------
        options
            Keys of DEFAULTS and BESIDES, and seed.
        sample
            Training rows.
        layout
            Their voxels.

        Raises
        ------
        InputError
            If an option is unknown.
        """
        given = chosen(options, [*DEFAULTS, *BESIDES], "a flow")
        species = [int(pdg) for pdg in torch.unique(sample.conditions.pdg)]
        classes = classes_of(species)
        config = DEFAULTS | given
        config |= {
            "grid": layout.as_json(),
            "species": species,
            "domain": Domain.around(sample.conditions, layout).as_json(),
            "classes": [[low, None if high == float("inf") else high] for low, high in classes],
        }
        flow = initialised(lambda: cls(config), options)
        flow._fit(sample)
        return flow

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> Flow:
        """Make a flow without weights; `load_state_dict` comes next."""
        return cls(config)

    @property
    def encoding(self) -> Encoding:
        """What the parts are told of showers."""
        return Encoding(self.grid, self.sectors, self.pdg, self.energy)

    @property
    def regions(self) -> Regions:
        """The division among regions; its networks are the flow's own."""
        return Regions(self.standard, self.place, self.couplings)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        return fingerprint(self, [self.config, BUCKET, BOUND, SOFT])

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    # training

    def optimisers(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of each part; see `Trainable`.

        One optimiser a part, so that clipping the noisy gradient of the splits does not scale the others'.
        """
        parts: dict[str, list[nn.Module]] = {
            "energy": [self.energy],
            "hits": [self.hits],
            "regions": [self.place, self.couplings],
            "splits": [self.splits],
        }
        return {name: [p for part in some for p in part.parameters()] for name, some in parts.items()}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        """The loss of each part, summed over the weighted rows; see `Trainable`."""
        return {name: (batch.weight * loss).sum() for name, loss in self.losses(batch, step).items()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        """Negative log-likelihood in nats per shower [N], or a little more, up to what no weight changes.

        Regions are looked at with one draw of the common factor, splits at some nodes: about a hundred
        times as fast as `log_prob`, and on average no less than minus that.
        """
        return torch.stack(list(self.losses(batch).values())).sum(0)

    def losses(self, batch: Batch[ShowerSet], step: int | None = None) -> dict[str, Tensor]:
        """The four parts of the negative log-likelihood, as estimates without bias.

        That of the regions uses one draw of the common factor, that of the splits some of the nodes, by the
        batch's noise; with a step that of the hits uses some of the pixels. Hits and splits leave out pixels
        that a symmetry did not move to where they belong; regions count their energy, so that they have the
        whole.

        Parameters
        ----------
        batch
            N rows.
        step
            The training step; None in validation.

        Returns
        -------
        dict of Tensor
            float32 [N] each, in nats.
        """
        told = self.encoding
        known, simple = told.known(batch.rows.conditions)
        image = batch.rows.showers.energy_mev
        visible = image.sum(1)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(simple, batch.rows.conditions.energy_mev, visible, classes)
        energy = self.energy.loss(known, classes, coordinate)
        context = told.context(known, classes, coordinate, visible)
        hit = image > 0
        valid = self.grid.valid.to(hit.device)[batch.symmetry]
        hits = self.hits.loss(hit, context, valid, step)
        context = torch.cat([context, told.counts(hit)], 1)
        shares, present = told.shares(image)
        # energies that add up to a known total lie on a surface, where no density is: the common factor
        # spreads them about it, and the division by the sum takes it out again
        logits = shares + COMMON * batch.normal(1)
        quadratics = told.quadratics(known, classes, coordinate)
        regions = self.regions.loss(quadratics, logits, present, context)
        context = torch.cat([context, told.scaled(shares, present)], 1)
        splits = self.splits.loss(image, context, valid, batch.uniform(self.splits.nodes))
        some = visible > 0
        return {
            "energy": energy,
            "hits": torch.where(some, hits, 0.0),
            "regions": torch.where(some, regions, 0.0),
            "splits": splits,
        }

    def log_prob(self, conditions: Conditions, showers: Showers) -> Tensor:
        """The logarithm of the density of each shower, exactly that of `sample` but for rounding.

        The measure is mixed. Which voxels are hit counts; the visible energies of those that are hit, n, have
        a density per MeV^n. A shower without energy has a probability. So has the sum of energies where
        `sample` cuts it, at the ends of its classes and at the incident energy: there the density is per
        MeV^(n-1), of all energies but their sum. Energies that are never drawn have minus infinity.

        Parameters
        ----------
        conditions, showers
            Of N rows, as they are: a symmetry may leave pixels where the flow never saw them. Incident
            energies are above the ends of all classes.

        Returns
        -------
        Tensor
            [N], in nats; in double precision where the module is.
        """
        density = Density(self.encoding, self.hits, self.regions, self.splits)
        return in_buckets(BUCKET, 1, density.log_prob, conditions, showers.energy_mev)[:, 0]

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        """Nothing: a flow has no signals; see `Trainable`."""
        return {}

    # sampling

    @torch.no_grad()
    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """Sample one shower for each condition; see `Generator`."""
        return Showers(in_buckets(BUCKET, self.grid.voxels, self.images, conditions, noise))

    def images(self, conditions: Conditions, noise: Tensor) -> Tensor:
        """Images [N, V] of N conditions at once; their bits depend on N."""
        parts = [2, self.grid.voxels, self.sectors.count, self.splits.nodes]
        of_energy, of_hits, of_regions, of_splits = torch.split(noise, parts, 1)
        told = self.encoding
        known, simple = told.known(conditions)
        classes, coordinate, visible = self.energy.sample(known, simple, conditions.energy_mev, of_energy)
        context = told.context(known, classes, coordinate, visible)
        hit = self.hits.sample(context, of_hits)
        impact = self.sectors.impact
        hit[:, impact] = hit[:, impact] | ~hit.any(1)
        hit = hit & (visible[:, None] > 0)
        counts = told.counts(hit)
        context, present = torch.cat([context, counts], 1), (counts > 0).float()
        quadratics = told.quadratics(known, classes, coordinate)
        shares = self.regions.draw(quadratics, present, context, of_regions)
        context = torch.cat([context, told.scaled(torch.log(shares.clamp(min=1e-30)), present)], 1)
        regions = visible[:, None] * shares
        inner = self.sectors.inner
        image = self.splits.sample(regions[:, inner:], hit, context, of_splits)
        image[:, self.sectors.pixels] = regions[:, :inner]
        total = image.sum(1, dtype=torch.float64)
        scale = torch.where(total > 0, visible / total.clamp(min=1e-30), 0.0)
        return image * scale[:, None].float()

    @torch.no_grad()
    def _fit(self, sample: ShowerSet) -> None:
        c, told = sample.conditions, self.encoding
        known, simple = told.known(c)
        image = sample.showers.energy_mev
        visible = image.sum(1)
        self.energy.fit(simple, c.energy_mev, visible, sample.weight)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(simple, c.energy_mev, visible, classes)
        hit = image > 0
        self.hits.fit(hit)
        self.splits.fit(image)
        shares, present = told.shares(image)
        self.standard.fit(
            told.quadratics(known, classes, coordinate), shares, sample.weight[:, None] * present, COMMON
        )


def _asked(config: Mapping[str, Any], key: str) -> dict[str, int]:
    """How many of a part a training step looks at, where the configuration says so."""
    return {"asked": int(config[key])} if key in config else {}
