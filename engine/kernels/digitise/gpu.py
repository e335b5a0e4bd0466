"""`digitise` in Triton: a program for each event, which keeps its hits in the order of their cells.

Hits of an event are written to a row of its own, as long as there are cells; a second kernel moves the rows
together. Random words are made where they are used: four neighbouring cells share a counter.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from monsoon.engine.kernels.digitise import COUNT_BITS, PHOTON_BITS, SIGMA_BITS, SIXTH, Tables
from monsoon.models.kernels.counted import packed
from monsoon.models.kernels.counted.gpu import word_at, words
from monsoon.models.kernels.launch import launch

BLOCK = 1024  # cells that are looked at together
DEPOSITS = 256  # of a program of `digitise_deposits`
COUNT: tl.constexpr = tl.constexpr(COUNT_BITS)
HALF: tl.constexpr = tl.constexpr(1 << (COUNT_BITS - 1))
PHOTON: tl.constexpr = tl.constexpr(PHOTON_BITS)
ONE_PHOTON: tl.constexpr = tl.constexpr(1 << PHOTON_BITS)
HALF_PHOTON: tl.constexpr = tl.constexpr(1 << (PHOTON_BITS - 1))
SPREAD_SHIFT: tl.constexpr = tl.constexpr(PHOTON_BITS // 2 + SIGMA_BITS - PHOTON_BITS)
SKEW_SHIFT: tl.constexpr = tl.constexpr(2 * SIGMA_BITS - PHOTON_BITS)
ONE_SIXTH: tl.constexpr = tl.constexpr(SIXTH)


@triton.jit
def _gaussian(word: tl.tensor, gaussian: tl.tensor, tails: tl.tensor, wanted: tl.tensor) -> tl.tensor:
    """Unit Gaussian in 2^-16 for each word, int64."""
    first = (word >> 20).to(tl.int32)
    outer = (first == 0) | (first == 4095)
    middle = tl.load(gaussian + first, wanted, 0)
    far = tl.load(
        tails + tl.where(first > 0, 4096, 0) + ((word >> 8) & 0xFFF).to(tl.int32), wanted & outer, 0
    )
    return tl.where(outer, far, middle).to(tl.int64)


@triton.jit
def _root(mean: tl.tensor) -> tl.tensor:
    """floor(sqrt(mean)) of what is not negative and below 2^52, exactly however sqrt rounds."""
    root = tl.sqrt(mean.to(tl.float64)).to(tl.int64)
    root -= (root * root > mean).to(tl.int64)
    return root + ((root + 1) * (root + 1) <= mean).to(tl.int64)


@triton.jit
def _photoelectrons(
    energy: tl.tensor,
    word: tl.tensor,
    per_unit: tl.tensor,
    poisson: tl.tensor,
    gaussian: tl.tensor,
    tails: tl.tensor,
    some: tl.tensor,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    FIRST_STEP: tl.constexpr,
) -> tl.tensor:
    """Poisson numbers: inversion at small means, by bisection of a row; Cornish-Fisher at large ones."""
    mean = energy * per_unit
    z = _gaussian(word, gaussian, tails, some)
    skew = (((z * z >> SKEW_SHIFT) - ONE_PHOTON) * ONE_SIXTH) >> 16
    large = (mean + ((_root(mean) * z) >> SPREAD_SHIFT) + skew + HALF_PHOTON) >> PHOTON
    tabled = some & (energy < ROWS)
    row = tl.where(tabled, energy, 0) * WIDTH
    small = row * 0
    step = FIRST_STEP
    while step > 0:
        further = small + step
        inside = tabled & (further <= WIDTH)
        limit = tl.load(poisson + row + further - 1, inside, 0)
        small = tl.where(inside & (limit <= word.to(tl.int64)), further, small)
        step = step // 2
    return tl.where(tabled, small, tl.maximum(large, 0))


@triton.jit
def _counts(
    energy: tl.tensor,
    noise: tl.tensor,
    light: tl.tensor,
    common: tl.tensor,
    cell: tl.tensor,
    there: tl.tensor,
    gain: tl.tensor,
    poisson: tl.tensor,
    gaussian: tl.tensor,
    tails: tl.tensor,
    per_unit: tl.tensor,
    incoherent: tl.tensor,
    ceiling: tl.tensor,
    LIGHT: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    FIRST_STEP: tl.constexpr,
) -> tl.tensor:
    """ADC counts of cells, int64; `energy` is int64."""
    signal = energy
    some = there & (energy > 0)
    if LIGHT:
        signal = _photoelectrons(
            energy, light, per_unit, poisson, gaussian, tails, some, ROWS, WIDTH, FIRST_STEP
        )
    scaled = tl.where(some, signal * tl.load(gain + cell, some, 0), 0)
    counts = scaled + incoherent.to(tl.int64) * _gaussian(noise, gaussian, tails, there) + common + HALF
    return tl.minimum(counts >> COUNT, ceiling.to(tl.int64))


@triton.jit
def _common(
    event: tl.tensor,
    key: tl.tensor,
    stream: tl.tensor,
    coherent: tl.tensor,
    gaussian: tl.tensor,
    tails: tl.tensor,
    there: tl.tensor,
) -> tl.tensor:
    """The noise that an event's cells share, int64; `event` is a block."""
    word, _, _, _ = words(event, event * 0, stream, key)
    return coherent.to(tl.int64) * _gaussian(word, gaussian, tails, there)


@triton.jit
def _in_turn(w0: tl.tensor, w1: tl.tensor, w2: tl.tensor, w3: tl.tensor) -> tl.tensor:
    """The words of counters one after the other."""
    return tl.interleave(tl.interleave(w0, w2), tl.interleave(w1, w3))


@triton.jit
def _digitise(
    cells: tl.tensor,
    event: tl.tensor,
    key: tl.tensor,
    gain: tl.tensor,
    poisson: tl.tensor,
    gaussian: tl.tensor,
    tails: tl.tensor,
    per_unit: tl.tensor,
    incoherent: tl.tensor,
    coherent: tl.tensor,
    threshold: tl.tensor,
    ceiling: tl.tensor,
    out_cell: tl.tensor,
    out_adc: tl.tensor,
    out_count: tl.tensor,
    count_cells: tl.tensor,
    ELECTRONICS: tl.constexpr,
    COHERENT: tl.constexpr,
    PHOTOSTATISTICS: tl.constexpr,
    LIGHT: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    FIRST_STEP: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    e = tl.program_id(0).to(tl.int64)
    number = tl.load(event + e)
    one = tl.zeros((1,), tl.int64)
    common = tl.sum(_common(one + number, key, COHERENT, coherent, gaussian, tails, one == 0), 0)
    first = e * count_cells
    found = tl.zeros((), tl.int32)
    for start in range(0, count_cells, BLOCK):
        cell = start + tl.arange(0, BLOCK)
        there = cell < count_cells
        counter = start // 4 + tl.arange(0, BLOCK // 4)
        w0, w1, w2, w3 = words(number, counter, ELECTRONICS, key)
        noise = _in_turn(w0, w1, w2, w3)
        light = noise
        if LIGHT:
            w0, w1, w2, w3 = words(number, counter, PHOTOSTATISTICS, key)
            light = _in_turn(w0, w1, w2, w3)
        energy = tl.load(cells + first + cell, there, 0).to(tl.int64)
        adc = _counts(
            energy,
            noise,
            light,
            common,
            cell,
            there,
            gain,
            poisson,
            gaussian,
            tails,
            per_unit,
            incoherent,
            ceiling,
            LIGHT,
            ROWS,
            WIDTH,
            FIRST_STEP,
        )
        kept = there & (adc >= threshold)
        place = first + found + tl.cumsum(kept.to(tl.int32), 0) - 1
        tl.store(out_cell + place, cell, kept)
        tl.store(out_adc + place, adc.to(tl.int32), kept)
        found += tl.sum(kept.to(tl.int32), 0)
    tl.store(out_count + e, found)


@triton.jit
def _together(
    from_cell: tl.tensor,
    from_adc: tl.tensor,
    offsets: tl.tensor,
    mev_per_count: tl.tensor,
    cell: tl.tensor,
    adc: tl.tensor,
    energy: tl.tensor,
    count_cells: tl.tensor,
    BLOCK: tl.constexpr,
) -> None:
    """Move an event's hits from its row to where they belong, and calibrate them."""
    e = tl.program_id(0).to(tl.int64)
    low = tl.load(offsets + e)
    count = (tl.load(offsets + e + 1) - low).to(tl.int32)
    for start in range(0, count, BLOCK):
        k = start + tl.arange(0, BLOCK)
        there = k < count
        c = tl.load(from_cell + e * count_cells + k, there, 0)
        counts = tl.load(from_adc + e * count_cells + k, there, 0)
        tl.store(cell + low + k, c, there)
        tl.store(adc + low + k, counts, there)
        tl.store(energy + low + k, counts.to(tl.float32) * tl.load(mev_per_count + c, there, 0.0), there)


@triton.jit
def _of_deposits(
    cell: tl.tensor,
    units: tl.tensor,
    event: tl.tensor,
    key: tl.tensor,
    gain: tl.tensor,
    poisson: tl.tensor,
    gaussian: tl.tensor,
    tails: tl.tensor,
    per_unit: tl.tensor,
    incoherent: tl.tensor,
    coherent: tl.tensor,
    ceiling: tl.tensor,
    out_adc: tl.tensor,
    deposits: tl.tensor,
    ELECTRONICS: tl.constexpr,
    COHERENT: tl.constexpr,
    PHOTOSTATISTICS: tl.constexpr,
    LIGHT: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    FIRST_STEP: tl.constexpr,
    BLOCK: tl.constexpr,
) -> None:
    k = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    there = k < deposits
    number = tl.load(event + k, there, 0)
    c = tl.load(cell + k, there, 0)
    lane = (c % 4).to(tl.int32)
    common = _common(number, key, COHERENT, coherent, gaussian, tails, there)
    w0, w1, w2, w3 = words(number, c // 4, ELECTRONICS, key)
    noise = word_at(lane, w0, w1, w2, w3)
    light = noise
    if LIGHT:
        w0, w1, w2, w3 = words(number, c // 4, PHOTOSTATISTICS, key)
        light = word_at(lane, w0, w1, w2, w3)
    energy = tl.load(units + k, there, 0)
    adc = _counts(
        energy,
        noise,
        light,
        common,
        c,
        there,
        gain,
        poisson,
        gaussian,
        tails,
        per_unit,
        incoherent,
        ceiling,
        LIGHT,
        ROWS,
        WIDTH,
        FIRST_STEP,
    )
    tl.store(out_adc + k, adc.to(tl.int32), there)


def _electronics(tables: Tables) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """What both kernels take of the tables: arguments in their order, and constants."""
    tensors = (tables.gain, tables.poisson, tables.gaussian, tables.tails)
    electronics, coherent, photostatistics = (purpose << 24 for purpose in tables.purposes)
    width = tables.poisson.shape[1]
    constants = {
        "ELECTRONICS": electronics,
        "COHERENT": coherent,
        "PHOTOSTATISTICS": photostatistics,
        "LIGHT": tables.photons_per_unit > 0,
        "ROWS": len(tables.poisson),
        "WIDTH": width,
        "FIRST_STEP": triton.next_power_of_2(width),
    }
    numbers = (tables.photons_per_unit, tables.incoherent, tables.coherent)
    return (*(tensor.contiguous() for tensor in tensors), *numbers), constants


def digitise(
    cells: Tensor, event: Tensor, key: tuple[int, int], tables: Tables
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Digitise the cells of E events; see the reference. Tables may be on the CPU: they are copied."""
    device, (events, count) = cells.device, cells.shape
    tables = tables.to(device)
    arguments, constants = _electronics(tables)
    rows = [torch.empty(events, count, dtype=torch.int32, device=device) for _ in range(2)]
    found = torch.zeros(events, dtype=torch.int32, device=device)
    limits = (tables.threshold, tables.ceiling)
    out = (*rows, found, count)
    kernel = (cells.contiguous(), event, packed(key), *arguments, *limits, *out)
    launch(_digitise, events, *kernel, BLOCK=BLOCK, **constants)
    offsets = torch.zeros(events + 1, dtype=torch.int64, device=device)
    torch.cumsum(found, 0, out=offsets[1:])
    hits = int(offsets[-1])
    cell, adc = (torch.empty(hits, dtype=torch.int32, device=device) for _ in range(2))
    energy = torch.empty(hits, dtype=torch.float32, device=device)
    launch(_together, events, *rows, offsets, tables.mev_per_count, cell, adc, energy, count, BLOCK=BLOCK)
    return offsets, cell, adc, energy


def digitise_deposits(
    offsets: Tensor, cell: Tensor, units: Tensor, event: Tensor, key: tuple[int, int], tables: Tables
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Digitise only the cells of E events that have a deposit; see the reference."""
    device, count, events = cell.device, len(cell), len(event)
    tables = tables.to(device)
    arguments, constants = _electronics(tables)
    of_event = torch.repeat_interleave(torch.arange(events, device=device), offsets.diff())
    adc = torch.empty(count, dtype=torch.int32, device=device)
    kernel = (cell, units, event[of_event], packed(key), *arguments, tables.ceiling, adc, count)
    launch(_of_deposits, -(-count // DEPOSITS), *kernel, BLOCK=DEPOSITS, **constants)
    kept = adc >= tables.threshold
    hits = torch.zeros(events + 1, dtype=torch.int64, device=device)
    torch.cumsum(torch.bincount(of_event[kept], minlength=events), 0, out=hits[1:])
    cell, adc = cell[kept], adc[kept]
    energy = adc.to(torch.float32) * tables.mev_per_count[cell]
    return hits, cell.to(torch.int32), adc, energy
