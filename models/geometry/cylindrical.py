"""Layered cylinders about the shower's axis: the voxels of the CaloChallenge, ragged ones too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.geometry.calochallenge import high_level
from monsoon.models.geometry.geometry import Lattice, Pieces, View
from monsoon.models.geometry.layer import MOST_PIECES, TOO_FINE, Layer
from monsoon.models.geometry.projections import across, along
from monsoon.models.records import Conditions, Showers

BANDS = (1, 3)  # of the regions: the innermost ring, the next two, and the rest of each layer
WINDOW = 256  # groups of voxels that networks of classifiers look at, at most
FURTHEST_MM, MOST_SECTORS = 1e6, 1 << 16


@dataclass(frozen=True)
class Cylindrical:
    """Layers of rings and sectors about the axis; see `Geometry`.

    Voxels are numbered layer by layer, sector by sector, ring by ring, the ring fastest. The anchor is the
    impact itself, so that offsets are zero. Symmetries are rotations by the sectors that all layers share,
    and their mirror images: symmetry 2 k + s reflects azimuth where s is 1, then rotates by k of `turns`.

    Attributes
    ----------
    stack : tuple of Layer
        From the front; layers may be empty.

    Raises
    ------
    ValueError
        If there are no voxels, edges do not increase from 0 on, or a layer has no sectors.

    References
    ----------
    The voxelisation of the Fast Calorimeter Simulation Challenge, arXiv:2410.21611.

    Examples
    --------
    >>> cylinder = Cylindrical((Layer((0.0, 5.0, 10.0), 4), Layer(()), Layer((0.0, 20.0))))
    >>> cylinder.voxels, cylinder.layers
    (9, 3)
    >>> cylinder.layer
    tensor([0, 0, 0, 0, 0, 0, 0, 0, 2])
    """

    stack: tuple[Layer, ...]

    def __post_init__(self) -> None:
        """Refuse what is no cylinder."""
        for number, layer in enumerate(self.stack):
            edges = layer.edges_mm
            increasing = all(low < high <= FURTHEST_MM for low, high in pairwise(edges))
            if not increasing or (edges and not edges[0] >= 0):
                raise ValueError(
                    f"layer {number}: edges of rings do not increase from 0 to {FURTHEST_MM:g} mm"
                )
            if not 1 <= layer.sectors <= MOST_SECTORS:
                raise ValueError(f"layer {number}: {layer.sectors} sectors are not 1 .. {MOST_SECTORS}")
            if not abs(layer.depth_mm) <= FURTHEST_MM:
                raise ValueError(f"layer {number}: its depth is not within {FURTHEST_MM:g} mm")
        if not any(layer.voxels for layer in self.stack):
            raise ValueError("no layer has voxels")

    @property
    def voxels(self) -> int:
        """How many voxels there are, V."""
        return sum(layer.voxels for layer in self.stack)

    @property
    def layers(self) -> int:
        """How many layers there are, L, empty ones included."""
        return len(self.stack)

    @property
    def label(self) -> str:
        """`45 layers x 16 azimuth x 9 radius`; of ragged ones the number of layers and voxels."""
        shapes = {(layer.sectors, layer.rings) for layer in self.stack}
        if len(shapes) == 1:
            sectors, rings = shapes.pop()
            return f"{self.layers} layers x {sectors} azimuth x {rings} radius"
        return (
            f"{self.voxels} voxels in {sum(layer.voxels > 0 for layer in self.stack)} of {self.layers} layers"
        )

    @property
    def lattice(self) -> Lattice | None:
        """Layers, sectors and rings, where all layers have as many of them."""
        shapes = {(layer.sectors, layer.rings) for layer in self.stack}
        if len(shapes) > 1:
            return None
        sectors, rings = shapes.pop()
        return Lattice((self.layers, sectors, rings), (False, True, False))

    @cached_property
    def layer(self) -> Tensor:
        """The layer of every voxel, int64 [V]."""
        counts = torch.tensor([layer.voxels for layer in self.stack])
        return torch.repeat_interleave(torch.arange(self.layers), counts)

    @cached_property
    def sector(self) -> Tensor:
        """The sector of azimuth of every voxel in its layer, int64 [V]."""
        return torch.cat([torch.arange(n.sectors).repeat_interleave(n.rings) for n in self.stack])

    @cached_property
    def ring(self) -> Tensor:
        """The ring of every voxel in its layer, from the axis, int64 [V]."""
        return torch.cat([torch.arange(n.rings).repeat(n.sectors) for n in self.stack])

    @cached_property
    def middles(self) -> Tensor:
        """Radius in mm and azimuth of the middle of every voxel, float64 [V, 2].

        The middle is halfway between the edges, as the CaloChallenge has it. Layers of one sector have their
        middle at azimuth 0.
        """
        rows = []
        for n in self.stack:
            edges = torch.tensor(n.edges_mm, dtype=torch.float64)
            radius = (edges[1:] + edges[:-1])[: n.rings] / 2
            azimuth = (torch.arange(n.sectors, dtype=torch.float64) + 0.5) * (
                2 * math.pi / n.sectors
            ) - math.pi
            if n.sectors == 1:
                azimuth = 0 * azimuth
            rows.append(torch.stack([radius.repeat(n.sectors), azimuth.repeat_interleave(n.rings)], 1))
        return torch.cat(rows)

    @cached_property
    def centres_mm(self) -> Tensor:
        """Centre of every voxel, float32 [V, 3]; that of a ring of one sector is on the axis."""
        radius, azimuth = self.middles.unbind(1)
        whole = torch.tensor([n.sectors == 1 for n in self.stack])[self.layer]
        radius = torch.where(whole, 0.0, radius)
        depth = torch.tensor([n.depth_mm for n in self.stack], dtype=torch.float64)[self.layer]
        return torch.stack([radius * azimuth.cos(), radius * azimuth.sin(), depth], 1).float()

    @cached_property
    def first(self) -> Tensor:
        """The number of each layer's first voxel, int64 [L]."""
        counts = torch.tensor([layer.voxels for layer in self.stack])
        return counts.cumsum(0) - counts

    def voxel(self, layer: int, sector: Tensor, ring: Tensor) -> Tensor:
        """The number of the voxels of a layer in these sectors and rings; -1 where there is no such ring."""
        n = self.stack[layer]
        number = self.first[layer] + sector % n.sectors * n.rings + ring
        return torch.where((ring >= 0) & (ring < n.rings), number, -1)

    @cached_property
    def neighbours(self) -> Tensor:
        """Next ring in- and outwards, next sector either way, the layers before and after; int32 [V, 6].

        The place in another layer is the voxel that contains this one's middle; -1 where there is none.
        """
        rows = []
        for number, n in enumerate(self.stack):
            if not n.voxels:
                continue
            mine = self.layer == number
            sector, ring, (radius, azimuth) = self.sector[mine], self.ring[mine], self.middles[mine].unbind(1)
            none = torch.full_like(sector, -1)
            around = [self.voxel(number, sector + step, ring) if n.sectors > 1 else none for step in (-1, 1)]
            columns = [self.voxel(number, sector, ring - 1), self.voxel(number, sector, ring + 1), *around]
            for beside in (number - 1, number + 1):
                there = 0 <= beside < self.layers and self.stack[beside].voxels > 0
                columns.append(self._at(beside, radius, azimuth) if there else none)
            rows.append(torch.stack(columns, 1))
        return torch.cat(rows).int()

    def _at(self, layer: int, radius: Tensor, azimuth: Tensor) -> Tensor:
        """The voxel of a layer at a radius and azimuth, int64 [n]; -1 where there is none."""
        n = self.stack[layer]
        ring = (
            torch.bucketize(radius.contiguous(), torch.tensor(n.edges_mm, dtype=torch.float64), right=True)
            - 1
        )
        sector = ((azimuth + math.pi) / (2 * math.pi) * n.sectors).floor().long()
        return self.voxel(layer, sector, ring)

    @cached_property
    def band(self) -> Tensor:
        """The band of rings that every voxel is in, see BANDS; int64 [V]."""
        return torch.bucketize(self.ring, torch.tensor(BANDS), right=True)

    @cached_property
    def regions(self) -> Tensor:
        """Bands of rings in each layer, int64 [V]."""
        compact: Tensor = torch.unique(self.layer * (len(BANDS) + 1) + self.band, return_inverse=True)[1]
        return compact

    @cached_property
    def outward(self) -> Tensor:
        """The voxels by the middle of their ring, then layer by layer, int64 [V]."""
        return torch.argsort(self.middles[:, 0], stable=True)

    @cached_property
    def close(self) -> Tensor:
        """The voxels that are two steps from neighbour to neighbour away, or fewer; int64 [V, K]."""
        one = torch.nn.functional.pad(self.neighbours.long(), (0, 0, 0, 1), value=-1)  # row -1: none
        two = torch.cat([one[:-1], one[one[:-1]].flatten(1)], 1)
        two[two == torch.arange(self.voxels)[:, None]] = -1
        two = two.sort(1, descending=True).values
        two[:, 1:][two[:, 1:] == two[:, :-1]] = -1  # each once
        two = two.sort(1, descending=True).values
        return two[:, : int((two >= 0).sum(1).max())]

    @property
    def largest_offset_mm(self) -> float:
        """1: the impact is the anchor."""
        return 1.0

    @property
    def shells(self) -> Tensor:
        """The regions: no rotation leads out of them."""
        return self.regions

    @cached_property
    def window(self) -> Tensor:
        """Sectors of bands of rings, summed over neighbouring layers of as many sectors, int64 [V].

        As few layers are summed as give at most WINDOW groups, if not all.
        """
        blocks = torch.zeros(self.layers, dtype=torch.int64)
        full = [number for number, n in enumerate(self.stack) if n.voxels]
        most = max(n.sectors for n in self.stack)
        for together in range(1, len(full) + 1):
            block, first = -1, 0
            for place, number in enumerate(full):
                before = full[place - 1]
                other = place == 0 or self.stack[number].sectors != self.stack[before].sectors
                if other or place - first == together:
                    block, first = block + 1, place
                blocks[number] = block
            key = (blocks[self.layer] * most + self.sector) * (len(BANDS) + 1) + self.band
            groups: Tensor = torch.unique(key, return_inverse=True)[1]
            if int(groups.max()) < WINDOW:
                break
        return groups

    @property
    def window_side(self) -> int:
        """None: the groups are no image."""
        return 0

    @property
    def turns(self) -> int:
        """Rotations that map all sectors onto sectors."""
        return math.gcd(*(n.sectors for n in self.stack if n.voxels and n.sectors > 1)) or 1

    @cached_property
    def symmetries(self) -> Tensor:
        """Rotations and their mirror images as voxel permutations, int64 [2 turns, V]."""
        sectors = torch.tensor([n.sectors for n in self.stack])[self.layer]
        rings = torch.tensor([n.rings for n in self.stack])[self.layer]
        images = []
        for g in range(2 * self.turns):
            before = (self.sector - (g // 2) * (sectors // self.turns)) % sectors  # one sector: stays 0
            if g % 2:
                before = sectors - 1 - before
            images.append(self.first[self.layer] + before * rings + self.ring)
        return torch.stack(images)

    @cached_property
    def valid(self) -> Tensor:
        """All of them, bool [2 turns, V]."""
        return torch.ones(2 * self.turns, self.voxels, dtype=torch.bool)

    def reflect(self, conditions: Conditions, g: Tensor) -> Conditions:
        """Apply a symmetry, int64 [N], to the offset and direction of N conditions."""
        angle = (g // 2).double() * (2 * math.pi / self.turns)
        sign = torch.where(g % 2 > 0, -1.0, 1.0)

        def turned(xy: Tensor) -> Tensor:
            x, y = xy[:, 0].double(), xy[:, 1].double() * sign
            return torch.stack(
                [x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()], 1
            ).float()

        direction = torch.cat([turned(conditions.direction[:, :2]), conditions.direction[:, 2:]], 1)
        return Conditions(conditions.pdg, conditions.energy_mev, direction, turned(conditions.offset_mm))

    def anchors_mm(self, position_mm: Tensor) -> Tensor:
        """The impacts themselves, float64 [N, 2]."""
        return position_mm

    def pieces(self, finest_um: int) -> Pieces:
        """Points that share the area of each voxel equally; see `Geometry`.

        Raises ValueError where they are more than memory should be taken for.
        """
        of_layer: dict[tuple[tuple[float, ...], int], tuple[list[int], list[Tensor]]] = {}
        counts: list[int] = []
        points: list[Tensor] = []
        for n in self.stack:
            key = n.edges_mm, n.sectors  # most stacks repeat a few layers
            if key not in of_layer:
                of_layer[key] = n.points(finest_um, MOST_PIECES - sum(counts))
            counts += of_layer[key][0]
            points += of_layer[key][1]
            if sum(counts) > MOST_PIECES:
                raise ValueError(TOO_FINE)
        low_um = (1000 * torch.cat(points)).floor().long()
        offsets = torch.tensor([0, *counts]).cumsum(0)
        return Pieces(offsets, low_um, low_um + 1)

    def observables(self, conditions: Conditions, showers: Showers) -> dict[str, Tensor]:
        """Total, response, and the features of every layer that the CaloChallenge has, float64 [N] each."""
        energy = showers.energy_mev.double()
        total = energy.sum(1)
        sectors = [n.sectors for n in self.stack]
        return {
            "visible_mev": total,
            "response": total / conditions.energy_mev,
            **high_level(energy, self.layer, self.middles, sectors),
        }

    @cached_property
    def profile_edges_mm(self) -> NDArray[np.float64]:
        """Edges of the rings of the layer that has most of them."""
        return np.array(max((n.edges_mm for n in self.stack), key=len), np.float64)

    def profile(self, conditions: Conditions, showers: Showers) -> Tensor:
        """The share of each shower's energy in rings about the axis, by the middles of voxels, [N, B]."""
        edges = torch.from_numpy(self.profile_edges_mm)
        ring = torch.bucketize(self.middles[:, 0].contiguous(), edges, right=True) - 1
        inside = (ring >= 0) & (ring < len(edges) - 1)
        energy = showers.energy_mev
        total = energy.sum(1, keepdim=True)
        rings = energy.new_zeros(len(energy), len(edges)).index_add(
            1, torch.where(inside, ring, len(edges) - 1), energy
        )
        return rings[:, :-1] / torch.where(total > 0, total, 1.0)

    def views(self, image_mev: NDArray[np.float32]) -> list[View]:
        """All layers in x and y, as far as the narrowest layer reaches; all sectors by radius and layer."""
        energy = image_mev.astype(np.float64)
        layers = [number for number, n in enumerate(self.stack) if n.voxels]
        reach = min(self.stack[number].edges_mm[-1] for number in layers)

        def at(radius: Tensor, azimuth: Tensor) -> list[Tensor]:
            return [self._at(number, radius, azimuth) for number in layers]

        rings = [n.edges_mm if n.voxels else () for n in self.stack]
        return [
            across(energy, self.centres_mm[:, :2], at, reach),
            along(energy, rings, self.layer, self.ring),
        ]

    def as_json(self) -> dict[str, Any]:
        """The layers with their edges, sectors and depths."""
        stack = [
            {"edges_mm": list(n.edges_mm), "sectors": n.sectors, "depth_mm": n.depth_mm} for n in self.stack
        ]
        return {"kind": "cylindrical", "layers": stack}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Cylindrical:
        """The geometry of `as_json`. Raises KeyError, TypeError or ValueError where it is none."""
        return cls(
            tuple(
                Layer(tuple(map(float, n["edges_mm"])), int(n["sectors"]), float(n["depth_mm"]))
                for n in stored["layers"]
            )
        )
