"""The truth of `digitise`, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

from monsoon.engine.kernels.digitise import COUNT_BITS, PHOTON_BITS, SIGMA_BITS, SIXTH, Tables
from monsoon.engine.kernels.philox.reference import MASK, philox


def digitise(
    cells: Tensor, event: Tensor, key: tuple[int, int], tables: Tables
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Digitise the cells of E events, and keep those above threshold as hits.

    Parameters
    ----------
    cells
        int32 [E, C], visible energy in units, not negative.
    event
        int64 [E], event numbers: the noise is keyed by (event, cell).
    key
        Two words of the campaign's seed.
    tables
        The electronics.

    Returns
    -------
    offsets : Tensor
        int64 [E + 1].
    cell : Tensor
        int32 [H], increasing in each event.
    adc : Tensor
        int32 [H].
    energy : Tensor
        float32 [H], in calibrated MeV.
    """
    energy = cells.to(torch.int64)
    electronics, coherent, photostatistics = tables.purposes
    signal = energy
    if tables.photons_per_unit:
        signal = _photoelectrons(energy, _cell_words(event, energy.shape[1], photostatistics, key), tables)
    noise = tables.incoherent * _gaussian(_cell_words(event, energy.shape[1], electronics, key), tables)
    common = _gaussian(philox(_counter(event, torch.zeros_like(event), coherent), key)[:, 0], tables)
    noise += tables.coherent * common[:, None]
    counts = (signal * tables.gain + noise + (1 << (COUNT_BITS - 1))) >> COUNT_BITS
    adc = counts.clamp(max=tables.ceiling)
    kept = adc >= tables.threshold
    offsets = torch.zeros(len(cells) + 1, dtype=torch.int64)
    offsets[1:] = kept.sum(1).cumsum(0)
    cell = kept.nonzero()[:, 1]
    adc = adc[kept]
    return (
        offsets,
        cell.to(torch.int32),
        adc.to(torch.int32),
        adc.to(torch.float32) * tables.mev_per_count[cell],
    )


def digitise_deposits(
    offsets: Tensor, cell: Tensor, units: Tensor, event: Tensor, key: tuple[int, int], tables: Tables
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Digitise only the cells of E events that have a deposit, and keep those above threshold as hits.

    The hits are those of `digitise` where noise alone reaches no threshold; see `Tables.loudest`.

    Parameters
    ----------
    offsets
        int64 [E + 1], of each event's deposits.
    cell
        int64 [K], increasing in each event.
    units
        int64 [K], visible energy in 1 .. 2^31 - 1 units.
    event, key, tables
        As for `digitise`.

    Returns
    -------
    offsets, cell, adc, energy : Tensor
        As of `digitise`.
    """
    electronics, coherent, photostatistics = tables.purposes
    of_event = torch.repeat_interleave(torch.arange(len(event)), offsets.diff())  # [K]
    signal = units
    if tables.photons_per_unit:
        signal = _photoelectrons(units, _words_of(event[of_event], cell, photostatistics, key), tables)
    noise = tables.incoherent * _gaussian(_words_of(event[of_event], cell, electronics, key), tables)
    common = _gaussian(philox(_counter(event, torch.zeros_like(event), coherent), key)[:, 0], tables)
    noise += tables.coherent * common[of_event]
    counts = (signal * tables.gain[cell] + noise + (1 << (COUNT_BITS - 1))) >> COUNT_BITS
    adc = counts.clamp(max=tables.ceiling)
    kept = adc >= tables.threshold
    hits = torch.zeros(len(event) + 1, dtype=torch.int64)
    hits[1:] = torch.bincount(of_event[kept], minlength=len(event)).cumsum(0)
    cell, adc = cell[kept], adc[kept]
    return (
        hits,
        cell.to(torch.int32),
        adc.to(torch.int32),
        adc.to(torch.float32) * tables.mev_per_count[cell],
    )


def _words_of(event: Tensor, cell: Tensor, purpose: int, key: tuple[int, int]) -> Tensor:
    """The word of each pair of event and cell, int64 [K]."""
    words = philox(_counter(event, cell // 4, purpose), key)
    return words.gather(1, cell[:, None] % 4)[:, 0]


def _counter(event: Tensor, index: Tensor, purpose: int) -> Tensor:
    return torch.stack([event & MASK, event >> 32, index, torch.full_like(event, purpose << 24)], 1)


def _cell_words(event: Tensor, cells: int, purpose: int, key: tuple[int, int]) -> Tensor:
    """A word for every event and cell, int64 [E, C]: four neighbouring cells share a counter."""
    blocks = -(-cells // 4)
    counter = _counter(event.repeat_interleave(blocks), torch.arange(blocks).repeat(len(event)), purpose)
    return philox(counter, key).reshape(len(event), 4 * blocks)[:, :cells]


def _gaussian(word: Tensor, tables: Tables) -> Tensor:
    """Unit Gaussian in 2^-16 for each word, int64."""
    first = word >> 20
    second = (word >> 8) & 0xFFF
    tail = tables.tails.to(torch.int64)[(first > 0).to(torch.int64), second]
    return torch.where((first == 0) | (first == 4095), tail, tables.gaussian.to(torch.int64)[first])


def _photoelectrons(energy: Tensor, word: Tensor, tables: Tables) -> Tensor:
    """Poisson numbers, int64 [E, C]: inversion at small means, Cornish-Fisher at large ones."""
    rows = len(tables.poisson)
    small = (tables.poisson[energy.clamp(max=rows - 1)] <= word[..., None]).sum(-1)
    mean = energy * tables.photons_per_unit
    root = torch.floor(torch.sqrt(mean.to(torch.float64))).to(torch.int64)  # in 2^-10
    z = _gaussian(word, tables)
    spread = (root * z) >> (PHOTON_BITS // 2 + SIGMA_BITS - PHOTON_BITS)
    skew = (((z * z >> (2 * SIGMA_BITS - PHOTON_BITS)) - (1 << PHOTON_BITS)) * SIXTH) >> 16
    large = (mean + spread + skew + (1 << (PHOTON_BITS - 1))) >> PHOTON_BITS
    return torch.where(energy < rows, small, large.clamp(min=0))
