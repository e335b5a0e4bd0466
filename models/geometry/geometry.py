"""What a geometry offers: the voxels of a shower, how they neighbour and mirror each other, what to measure.

Nothing outside this room knows rows and columns, or rings: families, metrics, plots and the engine ask a
geometry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from monsoon.models.records import Conditions, Showers


@dataclass(frozen=True)
class View:
    """One picture of a shower: a matrix of energies over two axes, for plots.

    Attributes
    ----------
    title : str
        What is seen.
    x_label, y_label : str
        Of the axes, with units.
    x_edges, y_edges : ndarray
        float64 [X + 1] and [Y + 1], increasing.
    values : ndarray
        float64 [Y, X], visible MeV.
    """

    title: str
    x_label: str
    y_label: str
    x_edges: NDArray[np.float64]
    y_edges: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Pieces:
    """Voxels cut into pieces of equal area, so that they can be laid over cells of another shape.

    A piece is a rectangle in the plane of a layer, in whole micrometres from the shower's anchor; a point is
    one of a micrometre. Pieces are ordered by voxel, and the pieces of a voxel have equal areas: each
    carries the same share of its energy.

    Attributes
    ----------
    offsets : Tensor
        int64 [V + 1]; voxel v has the pieces offsets[v] .. offsets[v + 1] - 1, at least one.
    low_um, high_um : Tensor
        int64 [P, 2], x and y of the corners; the high ones lie outside.
    """

    offsets: Tensor
    low_um: Tensor
    high_um: Tensor


@dataclass(frozen=True)
class Lattice:
    """Voxels in rows along some axes, for convolutions.

    Attributes
    ----------
    shape : tuple of int
        Voxels along each axis, slowest first; their product is V.
    wraps : tuple of bool
        Whether the last voxel along an axis neighbours the first.
    """

    shape: tuple[int, ...]
    wraps: tuple[bool, ...]


class Geometry(Protocol):
    """The voxels that a shower lives on, V of them in L layers.

    An image is a row of V visible energies. The origin of all coordinates is the *anchor*: the point that
    `anchors` gives for an impact; a condition's offset is the impact less the anchor.

    Symmetries map voxels onto voxels: `image[:, symmetries[g]]` is the image after symmetry g, and `reflect`
    does the same to the conditions. Symmetry 0 changes nothing.
    """

    @property
    def voxels(self) -> int:
        """How many voxels there are, V."""
        ...

    @property
    def layers(self) -> int:
        """How many layers there are, L, empty ones included."""
        ...

    @property
    def label(self) -> str:
        """The geometry in a few words, for people: `30 x 30 pixels of 20.2 mm`."""
        ...

    @property
    def centres_mm(self) -> Tensor:
        """Centre of every voxel, float32 [V, 3]: x, y relative to the anchor, z below the first layer.

        Where the depth of the layers is not known z is 0.
        """
        ...

    @property
    def layer(self) -> Tensor:
        """The layer of every voxel, int64 [V], 0 .. L - 1."""
        ...

    @property
    def neighbours(self) -> Tensor:
        """The voxels that share an edge or a face with each voxel, int32 [V, K]; -1 fills up."""
        ...

    @property
    def regions(self) -> Tensor:
        """A coarse region for every voxel, int64 [V], 0 .. R - 1: fine near the axis, coarse far from it.

        Symmetries map regions onto regions.
        """
        ...

    @property
    def outward(self) -> Tensor:
        """All voxels, from the impact outwards, int64 [V]."""
        ...

    @property
    def close(self) -> Tensor:
        """Some tens of voxels about each voxel, int64 [V, K]; -1 fills up."""
        ...

    @property
    def largest_offset_mm(self) -> float:
        """Of an impact from its anchor, along an axis; 1 where there is none."""
        ...

    @property
    def shells(self) -> Tensor:
        """A shell for every voxel, int64 [V], 0 .. S - 1: every symmetry maps a shell onto itself."""
        ...

    @property
    def window(self) -> Tensor:
        """Some hundred groups of voxels that networks look at one by one, int64 [V]; -1: in none of them.

        A group is a voxel, or several where there are too many. Symmetries map groups onto groups.
        """
        ...

    @property
    def window_side(self) -> int:
        """Groups along a side, where the window is a square image numbered row by row; else 0."""
        ...

    @property
    def lattice(self) -> Lattice | None:
        """How the voxels, in their order, fill a lattice; None where they do not."""
        ...

    @property
    def symmetries(self) -> Tensor:
        """Permutations of the voxels, int64 [G, V]."""
        ...

    @property
    def valid(self) -> Tensor:
        """Which voxels are right after each symmetry, bool [G, V]: losses leave out the others."""
        ...

    def reflect(self, conditions: Conditions, g: Tensor) -> Conditions:
        """Apply a symmetry, int64 [N], to N conditions."""
        ...

    def anchors_mm(self, position_mm: Tensor) -> Tensor:
        """Where the images of particles are put.

        Parameters
        ----------
        position_mm
            Impacts on a face whose origin is the beam, float64 [N, 2].

        Returns
        -------
        Tensor
            float64 [N, 2]; the impact less the anchor is the condition's offset.
        """
        ...

    def pieces(self, finest_um: int) -> Pieces:
        """Cut the voxels into pieces to be laid over cells.

        Parameters
        ----------
        finest_um
            Side of the finest cells. Rectangular voxels are one piece each, whatever it is; others are cut
            into points closer to each other than a fourth of it.
        """
        ...

    def observables(self, conditions: Conditions, showers: Showers) -> dict[str, Tensor]:
        """Every scalar statistic of N showers, float64 [N] each, by name, in a fixed order."""
        ...

    @property
    def profile_edges_mm(self) -> NDArray[np.float64]:
        """Edges of rings about the impact, float64 [B + 1], for `profile`."""
        ...

    def profile(self, conditions: Conditions, showers: Showers) -> Tensor:
        """The share of each shower's energy in these rings, [N, B]; zeros without energy."""
        ...

    def views(self, image_mev: NDArray[np.float32]) -> list[View]:
        """Pictures of one shower, float32 [V]."""
        ...

    def as_json(self) -> dict[str, Any]:
        """What `geometry_of` makes the same geometry from."""
        ...


def same(one: Geometry, other: Geometry) -> bool:
    """Whether two geometries have the same voxels."""
    return one.as_json() == other.as_json()


Stored = Mapping[str, Any]
