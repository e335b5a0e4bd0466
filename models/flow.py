"""A conditional flow, from coarse to fine: the visible energy, then regions of the picture, then pixels.

Three likelihoods add up: of the visible energy (models/energy.py); of how it divides among the inner pixels
and outer sectors, which are log ratios at the nodes of a tree that spline couplings (arXiv:1906.04032) move
together; and of the splits inside the sectors (models/splits.py). Every division keeps the energy, so that a
picture adds up to the visible energy by construction.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.batches import Batch
from models.dataset import ShowerSet
from models.domain import Domain
from models.energy import EnergyModel
from models.errors import InputError
from models.grid import Grid
from models.networks import Coupling
from models.preprocess import Standardise, features, quadratic
from models.records import Conditions, Showers
from models.sectors import Sectors
from models.species import EGAMMA
from models.splits import Splits

BOUND = 6.0  # of the splines of standardised energies
LEAST_MEV = 0.01  # pixels and regions below are empty
GAP = (
    2.0  # between the logs of the least energy and of what stands for none: else the one leaks into the other
)
BUCKET = (
    256  # showers sampled at once: matrix products of one size give a row the same bits wherever it stands
)
ELECTROMAGNETIC = [(0.0, float("inf"))]
# nothing, a trace, part of a minimum-ionising signal, that signal, a shower
HADRONIC = [(0.0, 0.0), (0.0, 1.0), (1.0, 40.0), (40.0, 75.0), (75.0, float("inf"))]
DEFAULTS = {"couplings": 6, "hidden": 192, "bins": 8, "energy_hidden": 64, "split_hidden": 32}


class Flow(nn.Module):
    """See ShowerModel and Trainable."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """config: see `prepare`, which makes it."""
        super().__init__()
        self.config = dict(config)
        self.grid = Grid(**config["grid"])
        self.species = tuple(config["species"])
        self.domain = Domain.from_json(config["domain"])
        self.sectors = Sectors(self.grid)
        self.register_buffer("pdg", torch.tensor(self.species, dtype=torch.int32))
        self.pdg: Tensor
        edges = [(low, float("inf") if high is None else high) for low, high in config["classes"]]
        known, classes = 5 + len(self.species), len(edges)
        groups = classes + len(self.species) - 1
        self.energy = EnergyModel(edges, known, 21 * len(self.species), config["energy_hidden"])
        context = known + 2 + classes
        nodes = len(self.sectors.coarse.children)
        self.standard = Standardise(28 * groups, nodes, soft=2.0)
        self.couplings = nn.ModuleList()
        generator = torch.Generator().manual_seed(0)  # the masks are part of the architecture
        for number in range(config["couplings"]):
            if number % 2 == 0:
                half = torch.randperm(nodes, generator=generator) < nodes // 2
            self.couplings.append(
                Coupling(half if number % 2 == 0 else ~half, context, config["hidden"], config["bins"], BOUND)
            )
        self.splits = Splits(self.sectors, context, config["split_hidden"], LEAST_MEV)
        self.noise_dimensions = 2 + nodes + self.splits.nodes

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: ShowerSet) -> Flow:
        """An untrained flow for the species of a sample, its regressions fitted to that.

        options  couplings, hidden, bins, energy_hidden, split_hidden (see DEFAULTS), seed

        Raises InputError on an unknown option.
        """
        if unknown := set(options) - set(DEFAULTS) - {"seed"}:
            raise InputError(
                f"options: unknown option {min(unknown)}; a flow has {', '.join(DEFAULTS)}, seed"
            )
        species = [int(pdg) for pdg in torch.unique(sample.conditions.pdg)]
        classes = ELECTROMAGNETIC if set(species) <= set(EGAMMA) else HADRONIC
        config = DEFAULTS | {key: value for key, value in options.items() if key != "seed"}
        config |= {
            "grid": asdict(Grid()),
            "species": species,
            "domain": Domain.around(sample.conditions).as_json(),
            "classes": [[low, None if high == float("inf") else high] for low, high in classes],
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(
                options.get("seed", 0)
            )  # torch initialises layers from the global generator only
            flow = cls(config)
        flow._fit(sample)
        return flow

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> Flow:
        """A flow without weights; load_state_dict comes next."""
        return cls(config)

    @property
    def fingerprint(self) -> str:
        """sha256 of all that determines a sample."""
        digest = hashlib.sha256(
            json.dumps([self.config, BUCKET, BOUND, LEAST_MEV, GAP], sort_keys=True).encode()
        )
        for name, value in sorted(self.state_dict().items()):
            digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def inside(self, conditions: Conditions) -> Tensor:
        """See ShowerModel."""
        return self.domain.inside(conditions)

    # training

    def optimisers(self) -> dict[str, list[nn.Parameter]]:
        """See Trainable. Three, so that the noisy gradient of the splits does not clip the others'."""
        parts = {"energy": self.energy, "regions": self.couplings, "splits": self.splits}
        return {name: list(part.parameters()) for name, part in parts.items()}

    def training_step(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """See Trainable."""
        return {name: (batch.weight * loss).sum() for name, loss in self.losses(batch).items()}

    def validation_loss(self, batch: Batch) -> Tensor:
        """Negative log-likelihood in nats per shower [N], up to a constant; see Trainable."""
        return torch.stack(list(self.losses(batch).values())).sum(0)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The three parts of it, [N] each."""
        known, simple = self.known(batch.conditions)
        picture = batch.showers.energy_mev
        visible = picture.sum(1)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(simple, batch.conditions.energy_mev, visible, classes)
        energy = self.energy.loss(known, classes, coordinate)
        context = self._context(known, classes, coordinate, visible)
        picture = torch.where(picture >= LEAST_MEV, picture, 0.0)
        ratios = self._ratios(picture, batch.normal(2 * len(self.sectors.coarse.children)).abs())
        x = self.standard(self._quadratic(known, classes, coordinate), ratios)
        log_density = torch.zeros_like(visible)
        for coupling in self.couplings:
            x, log_slope = coupling(x, context)
            log_density = log_density + log_slope
        picture_loss = 0.5 * x.square().sum(1) - log_density
        lit = visible > 0
        splits = self.splits.loss(picture, context, batch.uniform(self.splits.nodes))
        return {"energy": energy, "regions": torch.where(lit, picture_loss, 0.0), "splits": splits}

    def signals(self, batch: Batch) -> dict[str, float]:
        """See Trainable."""
        return {}

    # sampling

    @torch.no_grad()
    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """See ShowerModel."""
        showers = []
        for start in range(0, len(conditions), BUCKET):
            rows = slice(start, start + BUCKET)
            c, u = conditions[rows], noise[rows]
            short = BUCKET - len(u)
            if short:  # filled up with copies of the last row
                fill = torch.arange(BUCKET).clamp(max=len(u) - 1)
                c, u = c[fill], u[fill]
            showers.append(self._bucket(c, u)[: BUCKET - short])
        return Showers(torch.cat(showers) if showers else noise.new_zeros(0, self.grid.voxels))

    def _bucket(self, conditions: Conditions, noise: Tensor) -> Tensor:
        """Pictures [BUCKET, V]."""
        known, simple = self.known(conditions)
        classes, coordinate, visible = self.energy.sample(known, simple, conditions.energy_mev, noise[:, :2])
        context = self._context(known, classes, coordinate, visible)
        first = 2 + len(self.sectors.coarse.children)
        x = torch.special.ndtri(noise[:, 2:first])
        for coupling in reversed(self.couplings):
            x = cast(Coupling, coupling).inverse(x, context)
        ratios = self.standard.inverse(self._quadratic(known, classes, coordinate), x)
        cut = LEAST_MEV * math.exp(-GAP / 2)
        regions = self.sectors.coarse.share_out(visible, ratios, LEAST_MEV, cut)
        picture = self.splits.sample(regions, context, noise[:, first:])
        impact = self.grid.centre * self.grid.columns + self.grid.centre
        dark = picture.sum(1) == 0
        picture[:, impact] = torch.where(dark, visible, picture[:, impact])
        total = picture.sum(1, dtype=torch.float64)
        scale = torch.where(total > 0, visible / total.clamp(min=1e-30), 0.0)
        return (picture * scale[:, None]).float()

    # what the parts know

    def known(self, conditions: Conditions) -> tuple[Tensor, Tensor]:
        """Features of each condition [N, 5 + S], and their quadratics for each species [N, 21 S]."""
        known = features(conditions, self.pdg, self.grid.pixel_mm / 2)
        return known, quadratic(known[:, :5], known[:, 5:])

    def _ratios(self, picture_mev: Tensor, empty: Tensor) -> Tensor:
        """Log ratios of the energies below the two children of each coarse node, [N, M].

        empty  [N, 2 M]  a child without energy counts as the least times exp(-GAP - empty)
        """
        parts = self.sectors.coarse.energies(self.sectors.sums(picture_mev))  # [N, M, 2]
        logs = torch.log(parts.clamp(min=LEAST_MEV) / LEAST_MEV)
        logs = torch.where(parts > 0, logs, -GAP - empty.view(parts.shape))
        return logs[:, :, 0] - logs[:, :, 1]

    def _context(self, known: Tensor, classes: Tensor, coordinate: Tensor, visible: Tensor) -> Tensor:
        size = torch.log(visible.clamp(min=LEAST_MEV) / LEAST_MEV) / 5 - 2
        return torch.cat([known, coordinate[:, None], size[:, None], self.energy.one_hot(classes)], 1)

    def _quadratic(self, known: Tensor, classes: Tensor, coordinate: Tensor) -> Tensor:
        """For the regions' regressions: quadratics of condition and energy for each class and species."""
        groups = torch.cat([self.energy.one_hot(classes), known[:, 6:]], 1)
        return quadratic(torch.cat([known[:, :5], coordinate[:, None]], 1), groups)

    @torch.no_grad()
    def _fit(self, sample: ShowerSet) -> None:
        c = sample.conditions
        known, simple = self.known(c)
        picture = sample.showers.energy_mev
        visible = picture.sum(1)
        self.energy.fit(simple, c.energy_mev, visible, sample.weight)
        classes = self.energy.classes(visible)
        coordinate = self.energy.coordinate(simple, c.energy_mev, visible, classes)
        nodes = len(self.sectors.coarse.children)
        empty = torch.randn(len(c), 2 * nodes, generator=torch.Generator().manual_seed(0)).abs()
        ratios = self._ratios(torch.where(picture >= LEAST_MEV, picture, 0.0), empty)
        lit = visible > 0
        self.standard.fit(self._quadratic(known, classes, coordinate)[lit], ratios[lit], sample.weight[lit])
