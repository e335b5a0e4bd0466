"""The peers' noise, digitisation and compaction: the integers of `digitise`, vectorised in numpy."""

from __future__ import annotations

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.digitise import COUNT_BITS, PHOTON_BITS, SIGMA_BITS, SIXTH
from monsoon.engine.kernels.philox.reference import MULTIPLIER, ROUNDS, WEYL
from monsoon.engine.noise import key_of
from monsoon.engine.records import Array, offsets_of
from monsoon.jobs.bench.deposits import Hits

WORD = 0xFFFFFFFF
SHIFT = np.uint64(32)


class NumpyDigitise:
    """Noise words for all cells of a few events at once; light only where there is any."""

    def __init__(self, detector: Detector, seed: int) -> None:
        self.key = key_of(seed)
        tables = detector.electronics
        self.tables = tables
        self.gain = tables.gain.numpy()
        self.mev_per_count = tables.mev_per_count.numpy()
        self.gaussian = tables.gaussian.numpy().astype(np.int64)
        self.tails = tables.tails.numpy().astype(np.int64)
        # One sorted table for all means: row q lies at q << 33, so that one search inverts every Poisson.
        poisson = tables.poisson.numpy()
        self.rows, self.width = poisson.shape
        self.poisson = (poisson + (np.arange(self.rows, dtype=np.int64)[:, None] << 33)).reshape(-1)

    def __call__(self, cells: Array, event: Array) -> Hits:
        """Hits of cells [E, C], visible energy in 1/256 MeV, in the events numbered event int64 [E]."""
        tables = self.tables
        electronics, coherent, photostatistics = tables.purposes
        blocks = -(-cells.shape[1] // 4)
        e0, e1 = (event & WORD)[:, None], (event >> 32)[:, None]
        lane = philox(e0, e1, np.arange(blocks)[None], electronics << 24, self.key)
        word = np.stack(lane, -1).reshape(len(event), 4 * blocks)[:, : cells.shape[1]]
        counts = self.normal(word) * tables.incoherent
        shared = self.normal(philox(e0, e1, np.zeros((1, 1), np.int64), coherent << 24, self.key)[0])
        counts += shared * tables.coherent + (1 << (COUNT_BITS - 1))

        e, c = np.nonzero(cells > 0)
        signal = cells[e, c].astype(np.int64)
        if tables.photons_per_unit:
            block, of_hit = np.unique(e * blocks + (c >> 2), return_inverse=True)
            row = block // blocks
            lane = philox(e0[row, 0], e1[row, 0], block - row * blocks, photostatistics << 24, self.key)
            signal = self.photoelectrons(signal, np.stack(lane, -1)[of_hit, c & 3].astype(np.int64))
        counts[e, c] += signal * self.gain[c]

        counts >>= COUNT_BITS
        kept = counts >= tables.threshold
        cell = np.nonzero(kept)[1]
        adc = np.minimum(counts[kept], tables.ceiling)
        energy = adc.astype(np.float32) * self.mev_per_count[cell]
        return Hits(
            offsets_of(np.count_nonzero(kept, 1)), cell.astype(np.uint32), adc.astype(np.uint16), energy
        )

    def normal(self, word: Array) -> Array:
        """Unit Gaussian in 2^-16 for each word, int64."""
        first = (word >> np.uint64(20)).astype(np.int64)
        z = self.gaussian[first]
        far = np.nonzero((first == 0) | (first == 4095))
        second = (word[far] >> np.uint64(8)).astype(np.int64) & 0xFFF
        z[far] = self.tails[(first[far] > 0).astype(np.int64), second]
        return z

    def photoelectrons(self, energy: Array, word: Array) -> Array:
        """Poisson numbers int64 [K] for energies int64 [K] above zero."""
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


def philox(c0: Array, c1: Array, c2: Array, c3: int, key: tuple[int, int]) -> tuple[Array, ...]:
    """Philox4x32-10 on arrays that broadcast, so that the first rounds cost next to nothing; uint64 words."""
    c0, c1, c2 = (c.astype(np.uint64) for c in (c0, c1, c2))
    third = np.asarray(c3, np.uint64)
    k0, k1 = key
    m0, m1, mask = np.uint64(MULTIPLIER[0]), np.uint64(MULTIPLIER[1]), np.uint64(WORD)
    for _ in range(ROUNDS):
        product0, product1 = c0 * m0, c2 * m1
        c0 = (product1 >> SHIFT) ^ (c1 ^ np.uint64(k0))
        c2 = (product0 >> SHIFT) ^ (third ^ np.uint64(k1))
        c1, third = product1 & mask, product0 & mask
        k0, k1 = (k0 + WEYL[0]) & WORD, (k1 + WEYL[1]) & WORD
    return c0, c1, c2, third
