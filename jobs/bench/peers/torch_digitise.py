"""The same noise, digitisation and compaction in torch, for the peer that stays in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.digitise import COUNT_BITS, PHOTON_BITS, SIGMA_BITS, SIXTH
from monsoon.engine.kernels.philox.reference import MASK, MULTIPLIER, ROUNDS, WEYL
from monsoon.engine.noise import key_of
from monsoon.engine.records import Array, offsets_of
from monsoon.jobs.bench.deposits import Hits


class TorchDigitise:
    """The same as NumpyDigitise, in torch. The reference kernel would be far slower."""

    def __init__(self, detector: Detector, seed: int) -> None:
        self.key = key_of(seed)
        self.tables = detector.electronics
        self.gaussian = self.tables.gaussian.to(torch.int64)
        self.tails = self.tables.tails.to(torch.int64)
        poisson = self.tables.poisson
        self.rows, self.width = poisson.shape
        self.poisson = (poisson + (torch.arange(self.rows)[:, None] << 33)).reshape(-1)

    def __call__(self, cells: Tensor, event: Array) -> Hits:
        """Hits of cells [E, C], visible energy in 1/256 MeV, in the events numbered event int64 [E]."""
        tables = self.tables
        electronics, coherent, photostatistics = tables.purposes
        blocks = -(-cells.shape[1] // 4)
        number = torch.from_numpy(event)
        e0, e1 = (number & MASK)[:, None], (number >> 32)[:, None]
        lane = philox(e0, e1, torch.arange(blocks)[None], electronics << 24, self.key)
        word = torch.stack(lane, -1).reshape(len(event), 4 * blocks)[:, : cells.shape[1]]
        counts = self.normal(word) * tables.incoherent
        shared = self.normal(
            philox(e0, e1, torch.zeros(1, 1, dtype=torch.int64), coherent << 24, self.key)[0]
        )
        counts += shared * tables.coherent + (1 << (COUNT_BITS - 1))

        e, c = torch.nonzero(cells, as_tuple=True)
        signal = cells[e, c]
        if tables.photons_per_unit:
            block, of_hit = torch.unique_consecutive(e * blocks + (c >> 2), return_inverse=True)
            row = torch.div(block, blocks, rounding_mode="floor")
            lane = philox(e0[row, 0], e1[row, 0], block - row * blocks, photostatistics << 24, self.key)
            signal = self.photoelectrons(signal, torch.stack(lane, -1)[of_hit, c & 3])
        counts[e, c] += signal * tables.gain[c]

        counts >>= COUNT_BITS
        kept = counts >= tables.threshold
        cell = torch.nonzero(kept)[:, 1]
        adc = counts[kept].clamp(max=tables.ceiling)
        energy = adc.to(torch.float32) * tables.mev_per_count[cell]
        columns = (cell.to(torch.uint32), adc.to(torch.uint16), energy)
        return Hits(offsets_of(kept.sum(1).numpy()), *(column.numpy() for column in columns))

    def normal(self, word: Tensor) -> Tensor:
        """Unit Gaussian in 2^-16 for each word, int64."""
        first = word >> 20
        z = self.gaussian[first]
        far = torch.nonzero((first == 0) | (first == 4095), as_tuple=True)
        z[far] = self.tails[(first[far] > 0).to(torch.int64), (word[far] >> 8) & 0xFFF]
        return z

    def photoelectrons(self, energy: Tensor, word: Tensor) -> Tensor:
        """Poisson numbers int64 [K] for energies int64 [K] above zero."""
        out = torch.empty_like(energy)
        small = energy < self.rows
        row = energy[small]
        out[small] = (
            torch.searchsorted(self.poisson, (row << 33) + word[small], right=True) - row * self.width
        )
        mean = energy[~small] * self.tables.photons_per_unit
        root = torch.floor(torch.sqrt(mean.to(torch.float64))).to(torch.int64)
        z = self.normal(word[~small])
        spread = (root * z) >> (PHOTON_BITS // 2 + SIGMA_BITS - PHOTON_BITS)
        skew = (((z * z >> (2 * SIGMA_BITS - PHOTON_BITS)) - (1 << PHOTON_BITS)) * SIXTH) >> 16
        out[~small] = ((mean + spread + skew + (1 << (PHOTON_BITS - 1))) >> PHOTON_BITS).clamp(min=0)
        return out


def philox(c0: Tensor, c1: Tensor, c2: Tensor, c3: int, key: tuple[int, int]) -> tuple[Tensor, ...]:
    """Philox4x32-10 on tensors that broadcast. int64 products wrap, which keeps their 64 bits right."""
    third = torch.tensor(c3)
    k0, k1 = key
    for _ in range(ROUNDS):
        product0, product1 = c0 * MULTIPLIER[0], c2 * MULTIPLIER[1]
        c0 = ((product1 >> 32) & MASK) ^ (c1 ^ k0)
        c2 = ((product0 >> 32) & MASK) ^ (third ^ k1)
        c1, third = product1 & MASK, product0 & MASK
        k0, k1 = (k0 + WEYL[0]) & MASK, (k1 + WEYL[1]) & MASK
    return c0, c1, c2, third
