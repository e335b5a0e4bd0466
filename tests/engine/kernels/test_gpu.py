"""Triton kernels of events give the reference's integers bit for bit, in the interpreter or on a GPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.kernels.dispatch import ATTRIBUTE, DIGITISE, DIGITISE_DEPOSITS, PHILOX, PLACE, UNIFORM
from tests.engine.kernels.test_digitise import deposits_of, energies, quiet
from tests.engine.kernels.test_philox import KNOWN, pairs
from tests.engine.kernels.test_place import inputs
from tests.on_gpu import NEEDS_TRITON, in_triton

pytestmark = NEEDS_TRITON
EDGES = [(100, 100), (0, 0), (156, 192), (120, 144), (311, 383), (150, 180)]  # zones, hole, corners


def assert_same(got: Any, true: Any) -> None:
    for one, other in zip(got, true, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


@pytest.mark.parametrize("rows", [0, 1, 63, 500, 5000])
def test_philox(rows: int) -> None:
    counter = torch.randint(0, 1 << 32, (rows, 4), generator=torch.Generator().manual_seed(rows))
    for key in ((7, 0xFFFFFFFF), (0, 0)):
        assert torch.equal(in_triton(PHILOX, counter, key), PHILOX.by("reference")(counter, key))


@pytest.mark.parametrize("rows", [0, 1, 63])
def test_uniform(rows: int) -> None:
    arguments = (*pairs(rows), 1 << 24, 7, (7, 0xFFFFFFFF))
    assert torch.equal(in_triton(UNIFORM, *arguments), UNIFORM.by("reference")(*arguments))


def test_philox_gives_the_published_vectors() -> None:
    for counter, key, words in KNOWN:
        assert tuple(in_triton(PHILOX, torch.tensor([counter]), key)[0].tolist()) == words


@pytest.mark.parametrize("count", [0, 1, 63, 250])
def test_place(detector: Detector, count: int) -> None:
    """The first four images lie at the corners of the face."""
    arguments = (*inputs(detector, count, 3), 3, detector.cells)
    assert_same(in_triton(PLACE, *arguments), PLACE.by("reference")(*arguments))


def test_place_at_borders_of_zones_and_of_the_face_and_where_halves_are_rounded(detector: Detector) -> None:
    at = torch.tensor(EDGES) + MARGIN - 15
    images = torch.full((len(EDGES), 30, 30), 1 / 256)
    images[:, ::2, ::3] = torch.tensor([0.5, 1.5, 2.5, 0.4999, -0.4, 3e9 / 2])[:, None, None] / 256
    lookup = torch.from_numpy(detector.cell_of_pixel)
    arguments = (images, *at.T.contiguous(), torch.arange(len(EDGES)), lookup, len(EDGES), detector.cells)
    assert_same(in_triton(PLACE, *arguments), PLACE.by("reference")(*arguments))


def test_place_does_not_depend_on_the_order_of_particles_or_the_batch(detector: Detector) -> None:
    *rows, lookup = inputs(detector, 30, 4)
    shuffled = torch.randperm(30, generator=torch.Generator().manual_seed(3))
    cells, total = in_triton(PLACE, *rows, lookup, 4, detector.cells)
    assert_same(in_triton(PLACE, *(r[shuffled] for r in rows), lookup, 4, detector.cells), (cells, total))
    parts = [
        in_triton(PLACE, *(r[part] for r in rows), lookup, 4, detector.cells)
        for part in (slice(11), slice(11, 30))
    ]
    assert_same([first + second for first, second in zip(*parts, strict=True)], (cells, total))


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), 2.0**23])
def test_place_refuses_an_impossible_energy(detector: Detector, bad: float) -> None:
    rows = inputs(detector, 2, 1)
    rows[0][1, 3, 4] = bad
    with pytest.raises(ValueError, match="energy"):
        in_triton(PLACE, *rows, 1, detector.cells)


def test_a_wrapped_cell_shows_in_the_total(detector: Detector) -> None:
    image = torch.zeros(2, 30, 30)
    image[:, 15, 15] = 2.0**22 * 1.5
    at = torch.full((2,), MARGIN), torch.full((2,), MARGIN)
    lookup = torch.from_numpy(detector.cell_of_pixel)
    arguments = (image, *at, torch.zeros(2, dtype=torch.int64), lookup, 1, detector.cells)
    cells, total = in_triton(PLACE, *arguments)
    assert_same((cells, total), PLACE.by("reference")(*arguments))
    assert int(cells.sum(dtype=torch.int64)) != int(total)


@pytest.mark.parametrize(("events", "threshold"), [(0, 4), (3, 4), (1, -100)])
@pytest.mark.parametrize("photoelectrons", [True, False])
def test_digitise(detector: Detector, events: int, threshold: int, photoelectrons: bool) -> None:
    """A negative threshold keeps every cell, so that all noise is compared."""
    tables = detector.electronics._replace(threshold=threshold)
    if not photoelectrons:
        tables, events = tables._replace(photons_per_unit=0), min(events, 1)
    event = torch.arange(events) * 3 + (1 << 33)
    arguments = (energies(events, detector.cells), event, (5, 1 << 31), tables)
    assert_same(in_triton(DIGITISE, *arguments), DIGITISE.by("reference")(*arguments))


@pytest.mark.parametrize("photoelectrons", [True, False])
def test_digitise_deposits(detector: Detector, photoelectrons: bool) -> None:
    tables = quiet(detector.electronics)
    if not photoelectrons:
        tables = tables._replace(photons_per_unit=0, gain=tables.gain // 50)
    cells, event = energies(3, detector.cells), torch.arange(3) * 3 + (1 << 33)
    cells[:, 500:] = 0
    cells[1] = 0
    arguments = (*deposits_of(cells), event, (5, 6), tables)
    assert_same(in_triton(DIGITISE_DEPOSITS, *arguments), DIGITISE_DEPOSITS.by("reference")(*arguments))


@pytest.mark.parametrize("count", [0, 1, 63])
def test_attribute(detector: Detector, count: int) -> None:
    generator = torch.Generator().manual_seed(count)
    images, row, column, _, lookup = inputs(detector, count, 4, seed=count + 1)
    event = torch.randint(0, 4, (count,), generator=generator).sort().values
    cells, _ = PLACE.by("reference")(images, row, column, event, lookup, 4, detector.cells)
    loud = cells > 1000
    hit_of_cell = torch.full_like(cells, -1)
    hit_of_cell[loud] = torch.arange(int(loud.sum()), dtype=torch.int32)
    arguments = (images, row, column, event, lookup, hit_of_cell)
    assert_same(in_triton(ATTRIBUTE, *arguments), ATTRIBUTE.by("reference")(*arguments))
