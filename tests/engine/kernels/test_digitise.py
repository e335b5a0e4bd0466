"""digitise: implementations agree to the bit; noise, photostatistics and threshold are what they say."""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.digitise import Tables, cpu, reference


def energies(events: int, cells: int, seed: int = 1) -> Tensor:
    """Seven decades of energy, some cells empty, the edges of the Poisson table among them."""
    generator = torch.Generator().manual_seed(seed)
    units = torch.exp(torch.rand(events, cells, generator=generator) * 17).to(torch.int32)
    units[torch.rand(events, cells, generator=generator) < 0.4] = 0
    if events:
        units[0, :5] = torch.tensor([1, 455, 456, 457, 2**31 - 1], dtype=torch.int32)
    return units


@pytest.mark.parametrize("events", [0, 1, 7])
@pytest.mark.parametrize("photoelectrons", [True, False])
def test_implementations_agree(detector: Detector, events: int, photoelectrons: bool) -> None:
    tables = detector.electronics
    if not photoelectrons:
        tables = tables._replace(photons_per_unit=0)
    event = torch.arange(events) * 3 + (1 << 33)
    arguments = (energies(events, detector.cells), event, (5, 6), tables)
    for got, true in zip(cpu.digitise(*arguments), reference.digitise(*arguments), strict=True):
        assert got.dtype == true.dtype
        assert torch.equal(got, true)


def silent(tables: Tables) -> Tables:
    return tables._replace(incoherent=0, coherent=0)


def test_an_event_does_not_depend_on_its_batch(detector: Detector) -> None:
    cells, event = energies(6, detector.cells), torch.arange(100, 106)
    offsets, *hits = cpu.digitise(cells, event, (1, 2), detector.electronics)
    _, *alone = cpu.digitise(cells[4:5], event[4:5], (1, 2), detector.electronics)
    for column, single in zip(hits, alone, strict=True):
        assert torch.equal(column[offsets[4] : offsets[5]], single)


def test_noise_has_the_width_of_the_electronics(detector: Detector) -> None:
    """With the threshold out of the way: rounded Gaussian of variance 1.2^2 + 0.3^2 + 1/12."""
    tables = detector.electronics._replace(threshold=-100)
    _, _, adc, _ = cpu.digitise(
        torch.zeros(200, detector.cells, dtype=torch.int32), torch.arange(200), (3, 4), tables
    )
    counts = adc.double().reshape(200, -1)
    assert counts.var().item() == pytest.approx(1.2**2 + 0.3**2 + 1 / 12, rel=0.02)
    assert counts.mean(1).std().item() == pytest.approx(0.3, rel=0.2)  # the part common to an event
    incoherent = (counts - counts.mean(1, keepdim=True)).var().item()
    assert incoherent == pytest.approx(1.2**2 + 1 / 12, rel=0.01)


@pytest.mark.parametrize("units", [1, 30, 455, 456, 2000, 100_000])
def test_photostatistics_have_poisson_mean_and_variance(detector: Detector, units: int) -> None:
    """Each count made one photo-electron, and nothing else: ADC is then a Poisson number."""
    gain = torch.full_like(detector.electronics.gain, 1 << 32)
    tables = silent(detector.electronics)._replace(gain=gain, threshold=-1, ceiling=1 << 30)
    cells = torch.full((100, detector.cells), units, dtype=torch.int32)
    _, _, adc, _ = cpu.digitise(cells, torch.arange(100), (1, 9), tables)
    mean = units * 3 / (256 * 0.167)
    n = adc.double()
    error = np.sqrt(mean / len(n))
    assert n.mean().item() == pytest.approx(mean, abs=4 * error + 1e-5 * mean)
    assert n.var().item() == pytest.approx(mean, rel=0.015)
    skewness = ((n - n.mean()) ** 3).mean().item() / n.std().item() ** 3
    assert skewness == pytest.approx(mean**-0.5, abs=0.03 + 0.03 * mean**-0.5)


def test_without_noise_the_calibrated_energy_is_the_deposit(detector: Detector) -> None:
    tables = silent(detector.electronics)._replace(photons_per_unit=0)
    visible_mev = 1000.0
    unit = 1 / (256 * 0.167)
    tables = tables._replace(
        gain=torch.from_numpy(np.rint(unit / detector.mev_per_count * 2**32).astype(np.int64)),
        ceiling=1 << 20,
    )
    cells = torch.full((1, detector.cells), int(visible_mev * 256), dtype=torch.int32)
    _, cell, _, energy = cpu.digitise(cells, torch.arange(1), (1, 1), tables)
    assert len(cell) == detector.cells
    wrong = np.abs(energy.numpy() - visible_mev / 0.167)
    assert (wrong <= detector.mev_per_count / 2 * 1.001).all()


def test_counts_stop_at_twelve_bits_and_start_at_the_threshold(detector: Detector) -> None:
    cells = energies(20, detector.cells)
    _, _, adc, _ = cpu.digitise(cells, torch.arange(20), (1, 1), detector.electronics)
    assert int(adc.min()) == 4
    assert int(adc.max()) == 4095


def test_hits_are_ordered_by_cell(detector: Detector) -> None:
    offsets, cell, _, _ = cpu.digitise(
        energies(5, detector.cells), torch.arange(5), (1, 1), detector.electronics
    )
    for low, high in pairwise(offsets):
        assert bool((cell[low:high].diff() > 0).all())


def quiet(tables: Tables) -> Tables:
    return tables._replace(threshold=tables.loudest + 1)


def deposits_of(cells: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Offsets, cells and units of all that is not zero."""
    event, cell = torch.nonzero(cells, as_tuple=True)
    offsets = torch.cat([torch.zeros(1).long(), torch.bincount(event, minlength=len(cells)).cumsum(0)])
    return offsets, cell, cells[event, cell].long()


@pytest.mark.parametrize("kernel", [reference, cpu], ids=["reference", "cpu"])
@pytest.mark.parametrize("photoelectrons", [True, False])
def test_deposits_alone_give_the_hits_of_all_cells_where_noise_cannot_fire(
    detector: Detector, kernel: ModuleType, photoelectrons: bool
) -> None:
    tables = quiet(detector.electronics)
    if not photoelectrons:
        tables = tables._replace(photons_per_unit=0, gain=tables.gain // 50)
    cells, event = energies(5, detector.cells), torch.arange(5) * 3 + (1 << 33)
    cells[2] = 0
    dense = reference.digitise(cells, event, (5, 6), tables)
    for got, true in zip(
        kernel.digitise_deposits(*deposits_of(cells), event, (5, 6), tables), dense, strict=True
    ):
        assert got.dtype == true.dtype
        assert torch.equal(got, true)
    assert len(dense[1]) > 1000


def test_noise_reaches_the_loudest_count_and_never_more(detector: Detector) -> None:
    """With the Gaussian table cut to its two ends every cell is as loud as it can be."""
    tables = detector.electronics
    ends = torch.where(torch.arange(4096) < 2048, tables.tails.min(), tables.tails.max())
    loud = tables._replace(gaussian=ends, tails=ends.expand(2, -1).contiguous(), threshold=-100)
    cells, event = torch.zeros(50, detector.cells, dtype=torch.int32), torch.arange(50)
    assert int(cpu.digitise(cells, event, (1, 2), loud)[2].max()) == tables.loudest
    assert len(cpu.digitise(cells, event, (1, 2), quiet(loud))[1]) == 0
