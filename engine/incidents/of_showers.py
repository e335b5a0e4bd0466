"""Incidents that have the conditions of given showers, so that events can be made of these showers.

Wanted particles take the energy, the direction and the offset in the pixel of a shower whose direction is
nearly theirs. Nothing of the shower is changed: where it is placed, its impact lies in the pixel as it did
when it was simulated. Any generator can then be asked for exactly the same conditions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import KDTree

from monsoon.engine.incidents.transport import C_MM_PER_NS
from monsoon.engine.records import Array, Incidents, Loss, offsets_of
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Conditions
from monsoon.models.species import NEIGHBOUR

LARGEST_ANGLE = np.radians(1.5)
NEAR = 0.5  # in ln energy: of showers so near one is drawn
INSIDE = 1e-3  # mm that an impact keeps from its pixel's edge: positions are float32
KINDS = ((22,), (11,), (211, -211, 321, -321), (2212, -2212), (130, 2112), (13, -13))
HADRONIC = (2, 3, 4, 5)  # of them, which stand in for one another


@dataclass(frozen=True)
class Wanted:
    """Particles that are wanted somewhere on the face.

    Attributes
    ----------
    pdg : ndarray
        int32 [N].
    energy_mev : ndarray
        float64 [N].
    position_mm : ndarray
        float64 [N, 2].
    fold : ndarray
        int64 [N], of the showers that it may be made of.
    """

    pdg: Array
    energy_mev: Array
    position_mm: Array
    fold: Array


@dataclass(frozen=True)
class Taken:
    """The shower that each of N particles takes.

    Attributes
    ----------
    row : ndarray
        int64 [N], of the showers; -1 where there is none.
    conditions : Conditions
        Of the showers, after their symmetry; those without a shower have a photon of no meaning.
    """

    row: Array
    conditions: Conditions


class ShowerStock:
    """Conditions of showers in folds, with all their mirror images, of which particles take the best.

    Parameters
    ----------
    conditions
        Of L showers.
    grid
        Their pixels.
    folds
        Shower i is in fold i % folds: events of different folds have no shower in common.

    Attributes
    ----------
    images : Conditions
        Of all mirror images of the showers.
    row_of_image : ndarray
        int64 [L * G], the shower of each image.
    """

    def __init__(self, conditions: Conditions, grid: Planar, folds: int) -> None:
        self.grid, self.folds = grid, folds
        count, symmetries = len(conditions), len(grid.symmetries)
        of_image = torch.arange(symmetries).repeat_interleave(count)
        self.images = grid.reflect(conditions[torch.arange(count).repeat(symmetries)], of_image)
        self.row_of_image = np.tile(np.arange(count), symmetries)  # [L * G]
        kind = _kind(self.images.pdg.numpy())
        direction = self.images.direction.double().numpy()
        self._log_energy = np.log(self.images.energy_mev.double().numpy())
        self._trees: dict[tuple[int, int], tuple[KDTree, Array]] = {}
        for fold in range(folds):
            for number in range(len(KINDS)):
                images = np.flatnonzero((self.row_of_image % folds == fold) & (kind == number))
                if len(images):
                    self._trees[fold, number] = KDTree(direction[images]), images

    def match(
        self,
        wanted: Wanted,
        face_z_mm: float,
        rng: np.random.Generator,
        largest_angle: float = LARGEST_ANGLE,
    ) -> Taken:
        """Draw a shower for each particle of those that point to its place and are within NEAR in ln energy.

        Where none is, the nearest one is taken. Taking the nearest always would make crowded energies of few
        showers.

        Parameters
        ----------
        wanted
            N particles. Hadrons and muons take showers of their kind (charged mesons, protons, neutral
            hadrons, muons), or, where none points there, of another.
        face_z_mm
            Distance of the face from the interaction point.
        rng
            Draws them.
        largest_angle
            Between a shower's direction and the line from the interaction point to its place, in rad.
        """
        towards = np.column_stack([wanted.position_mm, np.full(len(wanted.pdg), face_z_mm)])
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        log_energy = np.log(wanted.energy_mev)
        kind = _kind(wanted.pdg)
        unknown = kind < 0
        kind[unknown] = _kind(np.array([NEIGHBOUR.get(int(p), 0) for p in wanted.pdg[unknown]], np.int64))
        chord = 2 * np.sin(largest_angle / 2)
        image = np.full(len(wanted.pdg), -1)
        for fold in range(self.folds):
            for number in range(len(KINDS)):
                rows = np.flatnonzero((wanted.fold == fold) & (kind == number))
                others = [k for k in HADRONIC if k != number] if number in HADRONIC else []
                for tried in [number, *others]:
                    left = rows[image[rows] < 0]
                    if len(left) and (fold, tried) in self._trees:
                        tree, images = self._trees[fold, tried]
                        for row, near in zip(left, tree.query_ball_point(towards[left], chord), strict=True):
                            if near:
                                candidates = images[near]
                                off = np.abs(self._log_energy[candidates] - log_energy[row])
                                close = candidates[off < NEAR]
                                image[row] = rng.choice(close) if len(close) else candidates[off.argmin()]
        found = image >= 0
        return Taken(
            np.where(found, self.row_of_image[image], -1), self.images[torch.from_numpy(np.maximum(image, 0))]
        )


def place(taken: Taken, position_mm: Array, grid: Planar) -> Array:
    """Where showers lie: on the pixels of these places [N, 2], inside them as they were; float64 [N, 2]."""
    half = grid.pixel_mm / 2 - INSIDE
    offset = taken.conditions.offset_mm.double().numpy().clip(-half, half)
    placed: Array = grid.anchors_mm(torch.from_numpy(position_mm)).numpy() + offset
    return placed


def incidents_of(
    conditions: Conditions, placed_mm: Array, counts: Array, face_z_mm: float, first: int = 0
) -> Incidents:
    """Events of showers of these conditions, each of one collision, which arrive as light does.

    Parameters
    ----------
    conditions
        Of N showers.
    placed_mm
        Where they lie, float64 [N, 2].
    counts
        Showers of each event, int64 [E].
    face_z_mm
        Distance of the face from the interaction point.
    first
        Number of the first event.
    """
    events = len(counts)
    position = np.column_stack([placed_mm, np.full(len(placed_mm), face_z_mm)])
    return Incidents(
        event=np.arange(first, first + events),
        offsets=offsets_of(counts),
        weight=np.ones(events),
        source_event=np.arange(events),
        collisions=np.ones(events, np.int32),
        lost=np.zeros((events, len(Loss)), np.int64),
        pdg=conditions.pdg.numpy(),
        energy_mev=conditions.energy_mev.numpy(),
        position_mm=position.astype(np.float32),
        direction=conditions.direction.numpy(),
        time_ns=(np.linalg.norm(position, axis=1) / C_MM_PER_NS).astype(np.float32),
        collision=np.zeros(len(placed_mm), np.int32),
    )


def _kind(pdg: Array) -> Array:
    """Number in KINDS of each species [N]; -1 for those that no shower is of."""
    kind = np.full(len(pdg), -1)
    for number, species in enumerate(KINDS):
        kind[np.isin(pdg, species)] = number
    return kind
