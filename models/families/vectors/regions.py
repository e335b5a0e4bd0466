"""Showers as vectors of regions: energy and hits come first, a family learns how regions share the energy.

The inner voxels and the outer sectors of a shower (`Geometry.regions`) are some ten times fewer than its
voxels, and carry nearly all of its fluctuations. What is around them has likelihoods of its own,
which are those of the flow: the visible energy, the set of hit voxels, and, once the regions have their
energies, the divisions inside the sectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.errors import InputError
from monsoon.models.families.flow.encoding import Encoding
from monsoon.models.families.flow.hits import Hits
from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.families.flow.splits import Splits
from monsoon.models.families.options import check_width
from monsoon.models.families.vectors.of_showers import OfShowers
from monsoon.models.families.vectors.ratios import Ratios
from monsoon.models.families.vectors.vectors import Begun, Encoded
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.networks.energy import EnergyModel, classes_of
from monsoon.models.networks.preprocess import CONDITION, Standardise
from monsoon.models.records import Conditions

SOFT = 2.0  # spreads beyond which tails of log ratios are compressed
LEAST_SPREAD = 1e-3  # of a log ratio
STAGES = {"energy": "energy_hidden", "hits": "hits_hidden", "splits": "split_hidden"}  # and their widths
HIDDEN = {"energy_hidden": 64, "hits_hidden": 64, "split_hidden": 32}


class RegionVectors(OfShowers):
    """Log ratios of the energies of regions, whitened; see `Vectors` and `Ratios`.

    A ratio is absent where a side has no hits. The way back divides the energy of each sector among its hit
    voxels.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it.
    """

    name: ClassVar[str] = "stages"
    options: ClassVar[dict[str, Any]] = {**dict.fromkeys(HIDDEN), "stages": None}
    lattice: ClassVar[None] = None
    sparse: ClassVar[bool] = False

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.taken = tuple(config["taken"])
        self.sectors = Sectors(self.grid)
        classes, species = classes_of(self.species), len(self.species)
        known = CONDITION + species
        self.energy = EnergyModel(classes, known, 21 * species, config["energy_hidden"])
        context = known + 2 + len(classes)
        self.hits = Hits(self.grid, context, config["hits_hidden"])
        self.ratios = Ratios(self.sectors)
        self.width, regions = self.ratios.count, self.sectors.count
        self.context = context + regions
        self.splits = Splits(self.sectors, self.context + regions, config["split_hidden"])
        self.standard = Standardise(28 * len(classes) + species, self.width, SOFT)
        self.noise_dimensions = 2 + self.grid.voxels + self.splits.nodes

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: ShowerSet, layout: Geometry) -> dict[str, Any]:
        """The configuration for the species of a sample; see `Vectors`.

        Parameters
        ----------
        options
            Widths of the networks; `stages`: None, or a trained model whose energy, hits and divisions are
            taken as they are. What has a width of its own is learned all the same.
        sample, layout
            Training showers and their voxels.

        Raises
        ------
        InputError
            If a width is unusable, or the model has no such stages, or of other voxels or species.
        """
        config, stages = {**HIDDEN, **cls.described(sample, layout)}, options["stages"]
        if stages is not None:
            known = {key: stages.config.get(key) for key in ("grid", "species")}
            if stages_of(stages) is None or known != {key: config[key] for key in known}:
                raise InputError(
                    "options: stages is no flow, or model of regions, of these voxels and species; give the "
                    "folder of one"
                )
            config |= {key: stages.config[key] for key in HIDDEN} | {"stages": stages.fingerprint}
        taken = config.copy() if stages is not None else {}
        config |= {key: options[key] for key in HIDDEN if options[key] is not None}
        for key in HIDDEN:
            check_width(key, config[key])
        return {**config, "taken": [name for name, key in STAGES.items() if taken.get(key) == config[key]]}

    @property
    def told(self) -> Encoding:
        """What networks are told of showers."""
        return Encoding(self.grid, self.sectors, self.pdg, self.energy)

    def take(self, stages: Any) -> None:
        """Take from a trained model what is not learned."""
        of = cast(nn.Module, stages_of(stages))
        for name in self.taken:
            getattr(self, name).load_state_dict(getattr(of, name).state_dict())

    @torch.no_grad()
    def fit(self, sample: ShowerSet) -> None:
        """Fit the regressions to showers; those of what is taken stay."""
        conditions, image, told = sample.conditions, sample.showers.energy_mev, self.told
        known, simple = told.known(conditions)
        visible = image.sum(1)
        if "energy" not in self.taken:
            self.energy.fit(simple, conditions.energy_mev, visible, sample.weight)
        if "hits" not in self.taken:
            self.hits.fit(image > 0)
        if "splits" not in self.taken:
            self.splits.fit(image)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(simple, conditions.energy_mev, visible, classes)
        ratios, present = self.ratios(self.sectors.sums(image))
        quadratics = told.quadratics(known, classes, coordinate)
        self.standard.fit(quadratics, ratios, sample.weight[:, None] * present, LEAST_SPREAD)

    def learned(self) -> list[nn.Parameter]:
        """The parameters of what is drawn around the regions, and was not taken."""
        stages = [getattr(self, name) for name in STAGES if name not in self.taken]
        return [parameter for stage in stages for parameter in stage.parameters()]

    def encode(self, batch: Batch[ShowerSet], step: int | None = None) -> Encoded:
        """Vectors of N showers; see `Vectors`. Raises InputError.

        With a step the likelihood of hits is an estimate from some voxels; that of divisions always is.
        What was taken counts nothing.
        """
        conditions, image, told = batch.rows.conditions, batch.rows.showers.energy_mev, self.told
        known, simple = told.known(conditions)
        visible = image.sum(1)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(simple, conditions.energy_mev, visible, classes)
        of_shower = told.context(known, classes, coordinate, visible)
        hit = image > 0
        context = torch.cat([of_shower, told.counts(hit)], 1)
        ratios, present = self.ratios(self.sectors.sums(image))
        x, log_slope = self.standard.forward_with_slope(told.quadratics(known, classes, coordinate), ratios)
        loss, some, valid = torch.zeros_like(visible), visible > 0, self.valid[batch.symmetry]
        if "energy" not in self.taken:
            loss = loss + self.energy.loss(known, classes, coordinate)
        if "hits" not in self.taken:
            loss = loss + torch.where(some, self.hits.loss(hit, of_shower, valid, step), 0.0)
        if "splits" not in self.taken:
            seen = torch.cat([context, told.scaled(*told.shares(image))], 1)
            loss = loss + self.splits.loss(image, seen, valid, batch.uniform(self.splits.nodes))
        return Encoded(x * present, present, context, loss, (log_slope * present).sum(1))

    def begin(self, conditions: Conditions, noise: Tensor) -> Begun:
        """Draw visible energies and hits; see `Vectors`. Raises InputError."""
        of_energy, of_hits, of_splits = torch.split(noise, [2, self.grid.voxels, self.splits.nodes], 1)
        told = self.told
        known, simple = told.known(conditions)
        classes, coordinate, visible = self.energy.sample(known, simple, conditions.energy_mev, of_energy)
        of_shower = told.context(known, classes, coordinate, visible)
        hit = self.hits.sample(of_shower, of_hits)
        hit[:, self.sectors.impact] = hit[:, self.sectors.impact] | ~hit.any(1)
        hit = hit & (visible[:, None] > 0)
        context = torch.cat([of_shower, told.counts(hit)], 1)
        present = self.ratios.present(self.sectors.sums(hit.float()))
        quadratics = told.quadratics(known, classes, coordinate)
        drawn = torch.cat([visible[:, None], hit.float(), of_splits, quadratics], 1)
        return Begun(context, present, drawn)

    def finish(self, conditions: Conditions, begun: Begun, x: Tensor) -> Tensor:
        """Images of vectors, visible MeV [N, V]; see `Vectors`.

        How a sector divides its energy has no gradient: it is taken as given.
        """
        visible, hit, noise, quadratics = torch.split(
            begun.drawn, [1, self.grid.voxels, self.splits.nodes, len(self.standard.mean)], 1
        )
        inner, some = self.sectors.inner, (self.sectors.sums(hit) > 0).float()
        shares = self.ratios.shares(self.standard.inverse(quadratics, x.float()), begun.present, some)
        energies = visible * shares
        with torch.no_grad():
            seen = self.told.scaled(torch.log(shares.clamp(min=1e-30)), some)
            context = torch.cat([begun.context, seen], 1)
            image = self.splits.sample(energies[:, inner:].contiguous(), hit > 0, context, noise.contiguous())
        if x.requires_grad:
            growth = energies / energies.detach().clamp(min=1e-30)
            image = image * growth[:, self.sectors.region]
        image = image.index_copy(1, self.sectors.pixels, energies[:, :inner])
        total = image.sum(1, dtype=torch.float64)
        scale = torch.where(total > 0, visible[:, 0] / total.clamp(min=1e-30), 0.0)
        return (image * scale[:, None]).float()


def stages_of(model: Any) -> nn.Module | None:
    """The part of a trained model that has the stages around regions; None where there is none."""
    for part in (model, getattr(model, "vectors", None)):
        if isinstance(part, nn.Module) and all(hasattr(part, name) for name in STAGES):
            return part
    return None
