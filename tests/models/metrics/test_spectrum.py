"""Cell spectra of images whose answer is known."""

from __future__ import annotations

import numpy as np
import torch

from monsoon.models.metrics.spectrum import EDGES_MEV, cell_counts, spectrum_separation
from monsoon.models.records import Showers


def test_a_pixel_is_counted_in_the_bin_of_its_energy() -> None:
    energy = torch.zeros(2, 900)
    energy[0, :3] = torch.tensor([0.0105, 0.0105, 5.0])
    energy[1, :3] = torch.tensor([0.009, 9_999.0, 20_000.0])  # below, in the last bin, beyond
    counts = cell_counts(Showers(energy))
    assert counts.sum(1).tolist() == [3, 1]
    assert counts[0, 0] == 2
    assert counts[0, np.searchsorted(EDGES_MEV, 5.0) - 1] == 1
    assert counts[1, -1] == 1


def test_the_bins_span_six_decades() -> None:
    assert EDGES_MEV[-1] / EDGES_MEV[0] == 10.0**6


def test_spectra_of_disjoint_energies_are_apart_by_one_and_weights_count() -> None:
    low, high = (cell_counts(Showers(torch.full((5, 900), mev))) for mev in (0.1, 10.0))
    both = np.concatenate([low, high])
    ones = np.ones(5)
    assert spectrum_separation(low, high, ones, ones) == 1
    assert spectrum_separation(both, high, np.repeat([0.0, 1.0], 5), ones) == 0
