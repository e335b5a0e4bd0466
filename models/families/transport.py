"""The library with transport: Geant4 showers of nearby conditions, carried to the condition asked for.

A library shower was made for a slightly other energy, impact and angle. A small network knows the usual
image of every condition; the shower's hits and energies change by the ratio of what is usual at the two
conditions (models/kernels/transport). What is left of the network's imperfection is that of a ratio near
one, and fluctuations are Geant4's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.compaction import LARGEST_STEP, compact, loose
from monsoon.models.data.packing import pack, unpack
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.domain.ranges import Domain
from monsoon.models.errors import InputError
from monsoon.models.families.bootstrap import drawn_again, of_replica
from monsoon.models.families.buckets import in_buckets
from monsoon.models.families.fingerprint import fingerprint
from monsoon.models.families.neighbours import ELECTROMAGNETIC, Metric, Neighbours
from monsoon.models.families.options import chosen, initialised
from monsoon.models.families.stock import CHANCES, FEWEST_HITS, QUANTILES, Stock
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.stored import geometry_of
from monsoon.models.kernels.dispatch import TRANSPORT
from monsoon.models.kernels.gather import Images, compress
from monsoon.models.kernels.transport import RARE, REACH, Asked
from monsoon.models.networks.mean_image import MeanImage
from monsoon.models.networks.preprocess import features
from monsoon.models.records import Conditions, Showers
from monsoon.models.species import EGAMMA

BUCKET = 256  # conditions in one matrix product
NOISE_BITS = 23  # of a uniform number
TABLE_SHOWERS = 4000  # of the library, from which the spread of new hits' energies is taken
LEAF = 32  # of the library's trees: the fastest where queries are in order
# hadrons and muons are not carried: nothing makes up for an impact that is another
HADRONIC = Metric(log_energy=0.2, offset_mm=7.0, direction=0.07)
DEFAULTS = {"hidden": 128, "latent": 48, "neighbours": 4}
# in the configuration where they are given alone: how many showers are kept at most, and the step of the
# logarithm of their energies; 0: packed with eight bits of the mantissa
FURTHER = {"keep": None, "step": 0.0}
COLUMNS = ("pdg", "energy_mev", "direction", "offset_mm")


class TransportedLibrary(nn.Module):
    """A library whose showers are carried to the conditions asked for; see `Generator` and `Trainable`.

    The showers that it is prepared with, or some of them, are the library, and part of its weights.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it: options, grid, species, domain, and how many showers
        there are in how many packed bytes.
    """

    noise_dimensions = 3  # which neighbour; two make the seed of all that becomes of its voxels

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.grid = geometry_of(config["grid"])
        self.species = tuple(config["species"])
        self.domain = Domain.from_json(config["domain"])
        self.usual = MeanImage(5 + len(self.species), config["hidden"], config["latent"], self.grid.voxels)
        count = config["showers"]
        self.register_buffer("pdg", torch.zeros(count, dtype=torch.int32))
        self.register_buffer("energy_mev", torch.zeros(count))
        self.energy_mev: Tensor
        self.register_buffer("direction", torch.zeros(count, 3))
        self.register_buffer("offset_mm", torch.zeros(count, 2))
        self.register_buffer("packed", torch.zeros(config["packed_bytes"], dtype=torch.uint8))
        self.packed: Tensor
        self._unpacked: tuple[int, Images] | None = None  # with the version of the packed ones
        self._stock: Stock | None = None
        self._versions: list[int] = []  # of the tensors that it follows from
        self._replica: int | None = None
        self._inverse = _inverse(self.grid)

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: ShowerSet, layout: Geometry) -> TransportedLibrary:
        """Make a library of a sample, untrained.

        Parameters
        ----------
        options
            Keys of DEFAULTS and FURTHER, and seed.
        sample
            Training rows: the library, or what it is chosen from, evenly in energy.
        layout
            Their voxels.

        Raises
        ------
        InputError
            If an option is unknown, or has a value that it cannot have.
        """
        given = chosen(options, [*DEFAULTS, *FURTHER], "a transported library")
        given = {name: value for name, value in given.items() if value != FURTHER.get(name, ())}
        _check(given)
        stays = _evenly(sample.conditions, given.get("keep", len(sample)))
        kept = sample if stays is None else sample[stays]
        images, step = compress(kept.showers.energy_mev), given.get("step", 0.0)
        packed = compact(images, layout.voxels, step) if step else pack(images, layout.voxels)
        config = DEFAULTS | given
        config |= {
            "grid": layout.as_json(),
            "species": [int(pdg) for pdg in torch.unique(sample.conditions.pdg)],
            "domain": Domain.around(sample.conditions, layout).as_json(),
            "showers": len(kept),
            "packed_bytes": len(packed),
        }
        library = initialised(lambda: cls(config), options)
        library.packed.copy_(packed)
        for name in COLUMNS:
            getattr(library, name).copy_(getattr(kept.conditions, name))
        library.usual.fit(sample.showers.energy_mev)
        return library

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> TransportedLibrary:
        """Make a library without weights and showers; `load_state_dict` comes next."""
        return cls(config)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        """Load weights and showers; raises ValueError where the packed showers are none."""
        result = super().load_state_dict(state_dict, strict, assign)
        self._stock = self._unpacked = None
        if self.packed.device.type != "meta":
            self._images()
        return result

    def _option(self, name: str) -> Any:
        return self.config.get(name, FURTHER[name])

    def _images(self) -> Images:
        """The showers, unpacked once for each content of `packed`."""
        if self._unpacked is None or self._unpacked[0] != self.packed._version:
            unpacked = loose if self._option("step") else unpack
            images = unpacked(self.packed.cpu(), self.config["showers"], self.grid.voxels)
            self._unpacked = self.packed._version, images
        return self._unpacked[1]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        metrics = [asdict(ELECTROMAGNETIC), asdict(HADRONIC)]
        constants = [metrics, LEAF, BUCKET, REACH, RARE, CHANCES, QUANTILES, TABLE_SHOWERS, FEWEST_HITS]
        whole = fingerprint(self, [self.config, constants])
        return whole if self._replica is None else of_replica(whole, self._replica)

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        return self.domain.inside(conditions)

    # training

    def optimisers(self) -> dict[str, list[nn.Parameter]]:
        """One, of the usual image; see `Trainable`."""
        return {"usual": list(self.usual.parameters())}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        """The loss of the usual image, summed over the weighted rows; see `Trainable`."""
        return {"usual": (batch.weight * self.validation_loss(batch)).sum()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        """Loss of each row, [N]; see `MeanImage.loss`."""
        image = batch.rows.showers.energy_mev
        valid = self.grid.valid.to(image.device)[batch.symmetry] & (image.sum(1, keepdim=True) > 0)
        return self.usual.loss(self._features(batch.rows.conditions), image, valid)

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        """Nothing; see `Trainable`."""
        return {}

    def train(self, mode: bool = True) -> TransportedLibrary:
        """Switch between training and sampling; what follows from the weights is worked out anew."""
        self._stock = None
        return super().train(mode)

    # sampling

    def bootstrapped(self, number: int) -> TransportedLibrary:
        """The library of the same showers drawn again with replacement, under the same network.

        Everything but the tree of neighbours is shared. See `Library.bootstrapped`.

        Parameters
        ----------
        number
            Of the replica.
        """
        conditions = Conditions(*(getattr(self, name) for name in COLUMNS))
        stock = self.stock()
        again = copy(self)
        rows = drawn_again(conditions.pdg, number, self.fingerprint)
        again._stock = replace(stock, near=self._neighbours(conditions, rows))
        again._replica = number
        return again

    @torch.no_grad()
    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """Sample one shower for each condition; see `Generator`."""
        stock = self.stock()
        shower, symmetry = stock.near.choose(conditions, noise)
        electromagnetic = torch.isin(conditions.pdg, torch.tensor(EGAMMA, dtype=torch.int32))
        scale = torch.where(electromagnetic, conditions.energy_mev / self.energy_mev[shower], 1.0)
        # what the shower's own frame calls the condition: the symmetry comes last
        asked = self.grid.reflect(conditions, self._inverse[symmetry])
        here = stock.stored.latent[shower]
        become = Asked(
            shower,
            symmetry,
            torch.where(electromagnetic[:, None], self._latent(asked), here),
            self._latent(conditions),
            stock.total_mev[shower] * scale,
            _seeds(noise[:, 1:]),
        )
        transport, permutations = TRANSPORT.on(noise.device), stock.near.permutations
        return Showers(transport(stock.stored, become, permutations, self.grid.valid, stock.usual))

    def stock(self) -> Stock:
        """What sampling needs, worked out when it is first asked for, and when weights have changed."""
        versions = [tensor._version for tensor in (*self.parameters(), *self.buffers())]
        if self._stock is None or versions != self._versions:
            self._stock, self._versions = self._worked_out(), versions
        return self._stock

    @torch.no_grad()
    def _worked_out(self) -> Stock:
        conditions = Conditions(*(getattr(self, name) for name in COLUMNS))
        every = 1 if self._option("keep") is None else -(-len(conditions) // TABLE_SHOWERS)  # in their order
        return Stock.of(
            self._images(),
            self._latent(conditions),
            self.usual,
            self._neighbours(conditions),
            slice(0, TABLE_SHOWERS * every, every),
        )

    def _neighbours(self, conditions: Conditions, rows: Tensor | None = None) -> Neighbours:
        return Neighbours(conditions, self.grid, self.config["neighbours"], LEAF, HADRONIC, rows)

    def _features(self, conditions: Conditions) -> Tensor:
        species = torch.tensor(self.species, dtype=torch.int32, device=conditions.pdg.device)
        return features(conditions, species, self.grid.largest_offset_mm)

    def _latent(self, conditions: Conditions) -> Tensor:
        """Latents [N, R], in buckets."""
        x = self._features(conditions)
        return in_buckets(BUCKET, self.config["latent"], self.usual.trunk, x)


def _seeds(noise: Tensor) -> Tensor:
    """int64 [N] of all the bits of two uniform numbers, [N, 2]."""
    bits = (noise.double() * (1 << NOISE_BITS)).long()
    return (bits[:, 0] << NOISE_BITS) | bits[:, 1]


def _check(given: Mapping[str, Any]) -> None:
    """Refuse values that further options cannot have. Raises InputError."""
    keep, step = (given.get(name, default) for name, default in FURTHER.items())
    if keep is not None and (not isinstance(keep, int) or isinstance(keep, bool) or keep < 1):
        raise InputError(f"options: keep {keep!r} is not a whole number of at least 1")
    if not isinstance(step, int | float) or not 0 <= step <= LARGEST_STEP:
        raise InputError(f"options: step {step!r} is not from 0 to {LARGEST_STEP:g}")


def _evenly(conditions: Conditions, keep: int) -> Tensor | None:
    """Rows of so many showers, evenly in the order of species and energy, int64; None: all rows."""
    if keep >= len(conditions):
        return None
    energy = conditions.energy_mev.numpy()
    order = torch.from_numpy(np.lexsort((energy, conditions.pdg.numpy())))
    return order[(torch.arange(keep) * 2 + 1) * len(order) // (2 * keep)]


def _inverse(grid: Geometry) -> Tensor:
    """The symmetry that undoes each symmetry, int64 [G]."""
    undone = torch.argsort(grid.symmetries, 1)
    same = (undone[:, None] == grid.symmetries[None]).all(2)
    return same.int().argmax(1)
