"""`digitise` in numba: one pass over an event's cells, hits written as they are found."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.kernels.digitise import COUNT_BITS, PHOTON_BITS, SIGMA_BITS, SIXTH, Tables
from engine.kernels.philox.cpu import philox_words

Array = NDArray[Any]
SPREAD_SHIFT = PHOTON_BITS // 2 + SIGMA_BITS - PHOTON_BITS
SKEW_SHIFT = 2 * SIGMA_BITS - PHOTON_BITS


@nb.njit(cache=True, nogil=True)
def _gaussian(word: np.uint32, gaussian: Array, tails: Array) -> np.int64:
    first = np.int64(word >> np.uint32(20))
    if first == 0:
        return np.int64(tails[0, (word >> np.uint32(8)) & np.uint32(0xFFF)])
    if first == 4095:
        return np.int64(tails[1, (word >> np.uint32(8)) & np.uint32(0xFFF)])
    return np.int64(gaussian[first])


@nb.njit(cache=True, nogil=True)
def _photoelectrons(
    energy: np.int64,
    word: np.uint32,
    photons_per_unit: np.int64,
    poisson: Array,
    gaussian: Array,
    tails: Array,
) -> np.int64:
    if energy < len(poisson):
        n = np.int64(0)
        while poisson[energy, n] <= np.int64(word):
            n += 1
        return n
    mean = energy * photons_per_unit
    root = np.int64(np.floor(np.sqrt(np.float64(mean))))
    z = _gaussian(word, gaussian, tails)
    skew = (((z * z >> SKEW_SHIFT) - (1 << PHOTON_BITS)) * SIXTH) >> 16
    n = (mean + ((root * z) >> SPREAD_SHIFT) + skew + (1 << (PHOTON_BITS - 1))) >> PHOTON_BITS
    return max(n, np.int64(0))


@nb.njit(cache=True, nogil=True)
def _digitise(
    cells: Array,
    event: Array,
    k0: np.uint32,
    k1: np.uint32,
    gain: Array,
    mev_per_count: Array,
    photons_per_unit: np.int64,
    poisson: Array,
    gaussian: Array,
    tails: Array,
    incoherent: np.int64,
    coherent: np.int64,
    threshold: np.int64,
    ceiling: np.int64,
    purposes: tuple[int, int, int],
    offsets: Array,
    out_cell: Array,
    out_adc: Array,
    out_energy: Array,
) -> np.int64:
    electronics = np.uint32(purposes[0] << 24)
    common_stream = np.uint32(purposes[1] << 24)
    photostatistics = np.uint32(purposes[2] << 24)
    half = np.int64(1) << (COUNT_BITS - 1)
    hits = np.int64(0)
    for e in range(cells.shape[0]):
        e0 = np.uint32(event[e] & 0xFFFFFFFF)
        e1 = np.uint32(event[e] >> 32)
        common = coherent * _gaussian(
            philox_words(e0, e1, np.uint32(0), common_stream, k0, k1)[0], gaussian, tails
        )
        for block in range(-(-cells.shape[1] // 4)):
            noise = philox_words(e0, e1, np.uint32(block), electronics, k0, k1)
            light = noise
            lit = False
            for c in range(4 * block, min(4 * block + 4, cells.shape[1])):
                lit = lit or cells[e, c] > 0
            if lit and photons_per_unit:
                light = philox_words(e0, e1, np.uint32(block), photostatistics, k0, k1)
            for c in range(4 * block, min(4 * block + 4, cells.shape[1])):
                lane = c & 3
                word = noise[lane]
                signal = np.int64(cells[e, c])
                if signal > 0 and photons_per_unit:
                    signal = _photoelectrons(signal, light[lane], photons_per_unit, poisson, gaussian, tails)
                z = _gaussian(word, gaussian, tails)
                counts = (signal * gain[c] + incoherent * z + common + half) >> COUNT_BITS
                adc = min(counts, ceiling)
                if adc >= threshold:
                    out_cell[hits] = c
                    out_adc[hits] = adc
                    out_energy[hits] = np.float32(adc) * mev_per_count[c]
                    hits += 1
        offsets[e + 1] = hits
    return hits


def digitise(
    cells: Tensor, event: Tensor, key: tuple[int, int], tables: Tables
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """See the reference."""
    offsets = np.zeros(len(cells) + 1, np.int64)
    cell = np.empty(cells.numel(), np.int32)
    adc = np.empty(cells.numel(), np.int32)
    energy = np.empty(cells.numel(), np.float32)
    values = [value.numpy() if isinstance(value, Tensor) else value for value in tables]
    hits = _digitise(
        cells.numpy(),
        event.numpy(),
        np.uint32(key[0]),
        np.uint32(key[1]),
        *values,
        offsets,
        cell,
        adc,
        energy,
    )
    return (
        torch.from_numpy(offsets),
        torch.from_numpy(cell[:hits].copy()),
        torch.from_numpy(adc[:hits].copy()),
        torch.from_numpy(energy[:hits].copy()),
    )
