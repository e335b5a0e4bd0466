"""`digitise` in numba: an event's random words in one sweep, then its cells, then its hits."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from monsoon.engine.kernels.digitise import COUNT_BITS, PHOTON_BITS, SIGMA_BITS, SIXTH, Tables
from monsoon.engine.kernels.philox.cpu import philox_row, philox_words

Array = NDArray[Any]
SPREAD_SHIFT = PHOTON_BITS // 2 + SIGMA_BITS - PHOTON_BITS
SKEW_SHIFT = 2 * SIGMA_BITS - PHOTON_BITS


@nb.njit(cache=True, nogil=True)
def _gaussian(word: np.uint32, gaussian: Array, tails: Array) -> np.int64:
    first = word >> np.uint32(20)
    z = np.int64(gaussian[first])
    if first == 0 or first == 4095:
        z = np.int64(tails[np.uint32(first > 0), (word >> np.uint32(8)) & np.uint32(0xFFF)])
    return z


@nb.njit(cache=True, nogil=True)
def _photoelectrons(
    energy: np.int64,
    word: np.uint32,
    photons_per_unit: np.int64,
    poisson: Array,
    gaussian: Array,
    tails: Array,
) -> np.int64:
    mean = energy * photons_per_unit
    root = np.int64(np.floor(np.sqrt(np.float64(mean))))
    z = _gaussian(word, gaussian, tails)
    skew = (((z * z >> SKEW_SHIFT) - (1 << PHOTON_BITS)) * SIXTH) >> 16
    n = max((mean + ((root * z) >> SPREAD_SHIFT) + skew + (1 << (PHOTON_BITS - 1))) >> PHOTON_BITS, 0)
    if energy < len(poisson):
        # The expansion is hardly ever off by more than one: from there it is a step to the exact number.
        n = min(n, poisson.shape[1] - 1)
        while n > 0 and poisson[energy, n - 1] > np.int64(word):
            n -= 1
        while poisson[energy, n] <= np.int64(word):
            n += 1
    return np.int64(n)


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
    blocks = -(-cells.shape[1] // 4)
    noise = np.empty((blocks, 4), np.uint32)
    light = np.empty((blocks, 4), np.uint32)
    noise_of, light_of = noise.reshape(-1), light.reshape(-1)
    counts = np.empty(cells.shape[1], np.int64)
    hits = np.int64(0)
    for e in range(cells.shape[0]):
        e0 = np.uint32(event[e] & 0xFFFFFFFF)
        e1 = np.uint32(event[e] >> 32)
        shared = philox_words(e0, e1, np.uint32(0), common_stream, k0, k1)[0]
        common = coherent * _gaussian(shared, gaussian, tails) + half
        philox_row(e0, e1, electronics, k0, k1, noise)
        if photons_per_unit:
            philox_row(e0, e1, photostatistics, k0, k1, light)
        # One simple loop a step: the first and the last of them then take many cells an instruction.
        for c in range(cells.shape[1]):
            counts[c] = incoherent * np.int64(gaussian[noise_of[c] >> np.uint32(20)]) + common
        for c in range(cells.shape[1]):
            first = noise_of[c] >> np.uint32(20)
            if first == 0 or first == 4095:
                counts[c] = incoherent * _gaussian(noise_of[c], gaussian, tails) + common
        for c in range(cells.shape[1]):
            signal = np.int64(cells[e, c])
            if signal > 0:
                if photons_per_unit:
                    signal = _photoelectrons(signal, light_of[c], photons_per_unit, poisson, gaussian, tails)
                counts[c] += signal * gain[c]
        for c in range(cells.shape[1]):
            counts[c] >>= COUNT_BITS
        for c in range(cells.shape[1]):
            if counts[c] >= threshold:
                adc = min(counts[c], ceiling)
                out_cell[hits] = c
                out_adc[hits] = adc
                out_energy[hits] = np.float32(adc) * mev_per_count[c]
                hits += 1
        offsets[e + 1] = hits
    return hits


@nb.njit(cache=True, nogil=True)
def _word(
    e0: np.uint32, e1: np.uint32, cell: np.int64, stream: np.uint32, k0: np.uint32, k1: np.uint32
) -> np.uint32:
    words = philox_words(e0, e1, np.uint32(cell // 4), stream, k0, k1)
    return np.uint32(words[cell % 4])


@nb.njit(cache=True, nogil=True)
def _digitise_deposits(
    offsets: Array,
    cell: Array,
    units: Array,
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
    out_offsets: Array,
    out_cell: Array,
    out_adc: Array,
    out_energy: Array,
) -> np.int64:
    electronics = np.uint32(purposes[0] << 24)
    common_stream = np.uint32(purposes[1] << 24)
    photostatistics = np.uint32(purposes[2] << 24)
    half = np.int64(1) << (COUNT_BITS - 1)
    hits = np.int64(0)
    for e in range(len(event)):
        e0 = np.uint32(event[e] & 0xFFFFFFFF)
        e1 = np.uint32(event[e] >> 32)
        shared = philox_words(e0, e1, np.uint32(0), common_stream, k0, k1)[0]
        common = coherent * _gaussian(shared, gaussian, tails) + half
        for k in range(offsets[e], offsets[e + 1]):
            c, signal = cell[k], units[k]
            if photons_per_unit:
                light = _word(e0, e1, c, photostatistics, k0, k1)
                signal = _photoelectrons(signal, light, photons_per_unit, poisson, gaussian, tails)
            noise = incoherent * _gaussian(_word(e0, e1, c, electronics, k0, k1), gaussian, tails)
            counts = (noise + common + signal * gain[c]) >> COUNT_BITS
            if counts >= threshold:
                adc = min(counts, ceiling)
                out_cell[hits] = c
                out_adc[hits] = adc
                out_energy[hits] = np.float32(adc) * mev_per_count[c]
                hits += 1
        out_offsets[e + 1] = hits
    return hits


def digitise_deposits(
    offsets: Tensor, cell: Tensor, units: Tensor, event: Tensor, key: tuple[int, int], tables: Tables
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Digitise only the cells of E events that have a deposit; see the reference."""
    found = np.zeros(len(event) + 1, np.int64)
    hit_cell = np.empty(len(cell), np.int32)
    adc = np.empty(len(cell), np.int32)
    energy = np.empty(len(cell), np.float32)
    values = [value.numpy() if isinstance(value, Tensor) else value for value in tables]
    hits = _digitise_deposits(
        *(column.numpy() for column in (offsets, cell, units, event)),
        np.uint32(key[0]),
        np.uint32(key[1]),
        *values,
        found,
        hit_cell,
        adc,
        energy,
    )
    return (
        torch.from_numpy(found),
        torch.from_numpy(hit_cell[:hits].copy()),
        torch.from_numpy(adc[:hits].copy()),
        torch.from_numpy(energy[:hits].copy()),
    )


def digitise(
    cells: Tensor, event: Tensor, key: tuple[int, int], tables: Tables
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Digitise the cells of E events; see the reference."""
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
