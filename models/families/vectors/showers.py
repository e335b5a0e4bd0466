"""Showers as vectors: the visible energy is drawn first, then every voxel's logarithm, whitened."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.families.options import check_width
from monsoon.models.families.vectors.of_showers import OfShowers
from monsoon.models.families.vectors.vectors import Begun, Encoded
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.networks.energy import EnergyModel, classes_of, shower_context, shower_quadratics
from monsoon.models.networks.preprocess import CONDITION, Standardise, features, quadratic
from monsoon.models.records import Conditions

SOFT = 3.0  # spreads beyond which tails of log energies are compressed
FAINT = 0.05  # share of the hit voxels whose energy lies below the offset of the logarithm
LARGEST_LOG = 20.0  # of an energy in MeV


class ShowerVectors(OfShowers):
    """Images as whitened logarithms; see `Vectors`.

    The logarithm of e + e0 is standardised by regressions on condition and visible energy, voxel by voxel. A
    voxel without energy lies below ln e0, at random within one unit, so that the vector has a density and
    the way back knows which voxels are empty. An image is scaled to the visible energy.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it.
    """

    name: ClassVar[str] = "energy"
    options: ClassVar[dict[str, int]] = {"energy_hidden": 64}
    noise_dimensions: ClassVar[int] = 2
    sparse: ClassVar[bool] = True

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self.floor_mev = float(config["floor_mev"])
        classes = classes_of(self.species)
        known = CONDITION + len(self.species)
        self.energy = EnergyModel(classes, known, 21 * len(self.species), config["energy_hidden"])
        self.standard = Standardise(28 * len(classes) + len(self.species), self.grid.voxels, SOFT)
        self.width = self.grid.voxels
        self.context = known + 2 + len(classes)
        self.lattice = self.grid.lattice
        self.impact = int(self.grid.outward[0])

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: ShowerSet, layout: Geometry) -> dict[str, Any]:
        """The configuration for the species of a sample; see `Vectors`. Raises InputError."""
        check_width("energy_hidden", options["energy_hidden"])
        energy = sample.showers.energy_mev
        hit = energy[energy > 0]
        return {
            **options,
            **cls.described(sample, layout),
            "floor_mev": float(hit.kthvalue(1 + int(FAINT * len(hit))).values) if len(hit) else 1.0,
        }

    @torch.no_grad()
    def fit(self, sample: ShowerSet) -> None:
        """Fit the regressions to showers."""
        known, of_species = self._known(sample.conditions)
        image = sample.showers.energy_mev
        visible, incident = image.sum(1), sample.conditions.energy_mev
        self.energy.fit(of_species, incident, visible, sample.weight)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(of_species, incident, visible, classes)
        uniform = torch.rand(image.shape, generator=torch.Generator().manual_seed(0))
        logs = self._logs(image, uniform)
        some = visible > 0
        regressors = shower_quadratics(known, coordinate, self.energy.one_hot(classes))
        self.standard.fit(regressors[some], logs[some], sample.weight[some], 1e-2)

    def learned(self) -> list[nn.Parameter]:
        """The parameters of the energy model."""
        return list(self.energy.parameters())

    def encode(self, batch: Batch[ShowerSet], step: int | None = None) -> Encoded:
        """Vectors of N showers; see `Vectors`. Raises InputError."""
        conditions, image = batch.rows.conditions, batch.rows.showers.energy_mev
        known, of_species = self._known(conditions)
        visible = image.sum(1)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(of_species, conditions.energy_mev, visible, classes)
        one_hot = self.energy.one_hot(classes)
        logs = self._logs(image, batch.uniform(self.width))
        regressors = shower_quadratics(known, coordinate, one_hot)
        x, log_size = self.standard.forward_with_slope(regressors, logs)
        present = (self.valid[batch.symmetry] & (visible > 0)[:, None]).float()
        of_log = torch.where(image > 0, -torch.log(image + self.floor_mev), 0.0)
        return Encoded(
            x * present,
            present,
            shower_context(known, coordinate, visible, one_hot),
            self.energy.loss(known, classes, coordinate),
            ((of_log + log_size) * present).sum(1),
            self._least(regressors),
        )

    def begin(self, conditions: Conditions, noise: Tensor) -> Begun:
        """Draw visible energies; see `Vectors`. Raises InputError."""
        known, of_species = self._known(conditions)
        classes, coordinate, visible = self.energy.sample(known, of_species, conditions.energy_mev, noise)
        one_hot = self.energy.one_hot(classes)
        regressors = shower_quadratics(known, coordinate, one_hot)
        return Begun(
            shower_context(known, coordinate, visible, one_hot),
            (visible > 0).float()[:, None].expand(-1, self.width),
            torch.cat([visible[:, None], regressors], 1),
            self._least(regressors),
        )

    def finish(self, conditions: Conditions, begun: Begun, x: Tensor) -> Tensor:
        """Images of vectors, visible MeV [N, V]; see `Vectors`. Raises InputError."""
        visible, regressors = begun.drawn[:, 0], begun.drawn[:, 1:]
        logs = self.standard.inverse(regressors, x).clamp(max=LARGEST_LOG)
        image = torch.where(logs > math.log(self.floor_mev), logs.exp() - self.floor_mev, 0.0)
        nothing = torch.zeros_like(image[:, :1]) + (image.sum(1, keepdim=True) <= 0)
        image = image.index_add(1, torch.tensor([self.impact], device=x.device), nothing)
        total = image.sum(1, dtype=torch.float64)
        return (image * (visible / total)[:, None]).float()

    def _known(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """The features of each condition [N, 5 + S], and their products for each species [N, 21 S]."""
        known = features(conditions, self.pdg, self.grid.largest_offset_mm)
        return known, quadratic(known[:, :CONDITION], known[:, CONDITION:])

    def _least(self, regressors: Tensor) -> Tensor:
        """Where a voxel without energy begins, [N, V]."""
        least: Tensor = self.standard(regressors, regressors.new_tensor(math.log(self.floor_mev)))
        return least

    def _logs(self, image: Tensor, uniform: Tensor) -> Tensor:
        """Logarithms of e + e0; empty voxels lie below ln e0 by their uniform number."""
        return torch.where(image > 0, torch.log(image + self.floor_mev), math.log(self.floor_mev) - uniform)
