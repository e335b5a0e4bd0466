"""The peers' random numbers: Monsoon's own, for equal results, and numpy's, which take less time.

A program that is compared event by event has to draw the same numbers. Philox in numpy is slow, and nobody
would write it who need not: where times are taken such a program draws numpy's.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.digitise import PHOTON_BITS, SIGMA_BITS, SIXTH
from monsoon.engine.kernels.philox.reference import MULTIPLIER, ROUNDS, WEYL
from monsoon.engine.noise import Purpose, key_of
from monsoon.engine.records import Array

WORD = 0xFFFFFFFF
SHIFT = np.uint64(32)


class Numbers(Protocol):
    """What events need of random numbers."""

    def showers(self, event: int, particles: int, dimensions: int) -> Array:
        """Uniform numbers of an event's showers, float32 [N, D]."""
        ...

    def noise(self, event: Array, cells: int) -> tuple[Array, Array]:
        """Unit Gaussians in 2^-16 of the cells, int64 [E, C], and of the events, int64 [E, 1]."""
        ...

    def photoelectrons(self, event: Array, row: Array, cell: Array, energy: Array, cells: int) -> Array:
        """Photo-electrons int64 [K] of energies int64 [K] above zero, in cells of events event[row]."""
        ...


class Keyed:
    """Monsoon's numbers: Philox4x32-10, and its integer tables."""

    def __init__(self, detector: Detector, seed: int) -> None:
        self.key = key_of(seed)
        self.tables = detector.electronics
        self.gaussian = self.tables.gaussian.numpy().astype(np.int64)
        self.tails = self.tables.tails.numpy().astype(np.int64)
        # One sorted table for all means: row q lies at q << 33, so that one search inverts every Poisson.
        poisson = self.tables.poisson.numpy()
        self.rows, self.width = poisson.shape
        self.poisson = (poisson + (np.arange(self.rows, dtype=np.int64)[:, None] << 33)).reshape(-1)

    def showers(self, event: int, particles: int, dimensions: int) -> Array:
        """See `Numbers`."""
        blocks = -(-dimensions // 4)
        e = np.array([[event & WORD]]), np.array([[event >> 32]])
        number, block = np.arange(particles)[:, None], np.arange(blocks)[None]
        lane = philox(*e, number, (int(Purpose.SHOWER) << 24) | block, self.key)
        word = np.stack(np.broadcast_arrays(*lane), -1).reshape(particles, 4 * blocks)[:, :dimensions]
        uniform: Array = ((word >> np.uint64(9)).astype(np.float32) + np.float32(0.5)) * np.float32(2.0**-23)
        return uniform

    def noise(self, event: Array, cells: int) -> tuple[Array, Array]:
        """See `Numbers`."""
        electronics, coherent, _ = self.tables.purposes
        blocks = -(-cells // 4)
        e0, e1 = (event & WORD)[:, None], (event >> 32)[:, None]
        lane = philox(e0, e1, np.arange(blocks)[None], electronics << 24, self.key)
        word = np.stack(lane, -1).reshape(len(event), 4 * blocks)[:, :cells]
        shared = philox(e0, e1, np.zeros((1, 1), np.int64), coherent << 24, self.key)[0]
        return self.normal(word), self.normal(shared)

    def photoelectrons(self, event: Array, row: Array, cell: Array, energy: Array, cells: int) -> Array:
        """See `Numbers`."""
        blocks = -(-cells // 4)
        block, of_hit = np.unique(row * blocks + (cell >> 2), return_inverse=True)
        of_block = event[block // blocks]
        lane = philox(
            of_block & WORD, of_block >> 32, block % blocks, self.tables.purposes[2] << 24, self.key
        )
        return self._poisson(energy, np.stack(lane, -1)[of_hit, cell & 3].astype(np.int64))

    def normal(self, word: Array) -> Array:
        """Unit Gaussian in 2^-16 for each word, int64."""
        first = (word >> np.uint64(20)).astype(np.int64)
        z = self.gaussian[first]
        far = np.nonzero((first == 0) | (first == 4095))
        second = (word[far] >> np.uint64(8)).astype(np.int64) & 0xFFF
        z[far] = self.tails[(first[far] > 0).astype(np.int64), second]
        return z

    def _poisson(self, energy: Array, word: Array) -> Array:
        out = np.empty(len(energy), np.int64)
        small = energy < self.rows
        row = energy[small]
        out[small] = np.searchsorted(self.poisson, (row << 33) + word[small], "right") - row * self.width
        mean = energy[~small] * self.tables.photons_per_unit
        root = np.floor(np.sqrt(mean.astype(np.float64))).astype(np.int64)
        z = self.normal(word[~small].astype(np.uint64))
        spread = (root * z) >> (PHOTON_BITS // 2 + SIGMA_BITS - PHOTON_BITS)
        skew = (((z * z >> (2 * SIGMA_BITS - PHOTON_BITS)) - (1 << PHOTON_BITS)) * SIXTH) >> 16
        out[~small] = np.maximum((mean + spread + skew + (1 << (PHOTON_BITS - 1))) >> PHOTON_BITS, 0)
        return out


class Drawn:
    """numpy's generators, one a campaign, as fast as numpy draws. Events are not the same in every run."""

    def __init__(self, detector: Detector, seed: int) -> None:
        self.rng = np.random.Generator(np.random.SFC64(seed))
        self.photons = detector.electronics.photons_per_unit * 2.0**-PHOTON_BITS

    def showers(self, event: int, particles: int, dimensions: int) -> Array:
        """See `Numbers`."""
        return self.rng.random((particles, dimensions), np.float32)

    def noise(self, event: Array, cells: int) -> tuple[Array, Array]:
        """See `Numbers`."""
        normal = self.rng.standard_normal((len(event), cells), np.float32)
        shared = self.rng.standard_normal((len(event), 1))
        normal *= np.float32(1 << SIGMA_BITS)
        return normal.astype(np.int64), (shared * (1 << SIGMA_BITS)).astype(np.int64)

    def photoelectrons(self, event: Array, row: Array, cell: Array, energy: Array, cells: int) -> Array:
        """See `Numbers`."""
        return self.rng.poisson(energy * self.photons)


def philox(
    c0: Array, c1: Array, c2: Array, c3: int | Array, key: tuple[int, int]
) -> tuple[Array, Array, Array, Array]:
    """Philox4x32-10 on arrays that broadcast, so that the first rounds cost next to nothing; uint64 words."""
    c0, c1, c2 = (c.astype(np.uint64) for c in (c0, c1, c2))
    third = np.asarray(c3).astype(np.uint64)
    k0, k1 = key
    m0, m1, mask = np.uint64(MULTIPLIER[0]), np.uint64(MULTIPLIER[1]), np.uint64(WORD)
    for _ in range(ROUNDS):
        product0, product1 = c0 * m0, c2 * m1
        c0 = (product1 >> SHIFT) ^ (c1 ^ np.uint64(k0))
        c2 = (product0 >> SHIFT) ^ (third ^ np.uint64(k1))
        c1, third = product1 & mask, product0 & mask
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return c0, c1, c2, third
