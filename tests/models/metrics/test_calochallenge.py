"""Agreement with CaloChallenge's evaluation script on one file, rewritten here in plain numpy.

arXiv:2410.21611 and its evaluate_plotting_helper.py: density histograms, times the bin widths, and
1/2 sum (a - b)^2 / (a + b + 1e-16).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from monsoon.models.data.shower_files import ShowerSet, read_showers, write_showers
from monsoon.models.geometry.observables import response
from monsoon.models.metrics.separation import separation_power
from monsoon.models.store.shipped import SAMPLES

TOLERANCE = 1e-9
VISIBLE = 0.167  # their showers are scaled to the incident energy


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two samples in their layout."""
    folder = tmp_path_factory.mktemp("calochallenge")
    sample = read_showers(SAMPLES / "egamma-heldout.h5")
    paths = folder / "generated.h5", folder / "reference.h5"
    for path, rows in zip(paths, (slice(0, 800), slice(800, 2000)), strict=True):
        write_showers(path, sample[rows], {})
    return paths


def theirs(a: Any, b: Any, bins: Any) -> float:
    reference = np.histogram(b, bins, density=True)[0] * np.diff(bins)
    data = np.histogram(a, bins, density=True)[0] * np.diff(bins)
    return float(0.5 * ((reference - data) ** 2 / (reference + data + 1e-16)).sum())


def ours(a: Any, b: Any, bins: Any) -> float:
    counts = [np.histogram(values, bins)[0].astype(np.float64) for values in (a, b)]
    return separation_power(*counts)


def test_total_over_incident_energy_agrees(files: tuple[Path, Path]) -> None:
    bins = np.linspace(0.5, 1.5, 101)

    def plain(path: Path) -> Any:
        with h5py.File(path) as file:
            total = file["showers"][:].astype(np.float64).sum(axis=1)
            return total / VISIBLE / file["incident_energies"][:].squeeze()

    def read(path: Path) -> Any:
        sample: ShowerSet = read_showers(path)
        return response(sample.conditions, sample.showers).numpy() / VISIBLE

    wanted = theirs(*(plain(path) for path in files), bins)
    assert 0.005 < wanted < 0.1
    assert ours(*(read(path) for path in files), bins) == pytest.approx(wanted, abs=TOLERANCE)


def test_cell_energies_agree(files: tuple[Path, Path]) -> None:
    def plain(path: Path) -> Any:
        with h5py.File(path) as file:
            return file["showers"][:].flatten()

    pixels = [plain(path) for path in files]
    # their least energy, 0.5 keV over their sampling fraction, to the reference's largest
    bins = np.logspace(np.log10(0.5e-3 / 0.033), np.log10(pixels[1].max()), 50)
    wanted = theirs(*pixels, bins)
    found = ours(*(read_showers(path).showers.energy_mev.numpy().ravel() for path in files), bins)
    assert 0 < wanted < 0.01
    assert found == pytest.approx(wanted, abs=TOLERANCE)
