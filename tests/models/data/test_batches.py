"""Noise belongs to its row: the same however a step's rows are shared out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy.stats import kstest

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet, read_rows
from monsoon.models.kernels.splitmix import GAMMA, mixed
from monsoon.models.store.shipped import SAMPLES

ROWS = 200


@pytest.fixture
def batch() -> Batch[ShowerSet]:
    rows = read_rows(SAMPLES / "egamma-heldout.h5", 0, ROWS)
    return Batch.of(rows, mixed(torch.arange(ROWS) * GAMMA))


def test_words_are_those_of_splitmix64() -> None:
    """The first words of the published generator for the seed 1234567."""
    words = mixed(1234567 + torch.arange(1, 4) * GAMMA)
    assert [int(word) % 2**64 for word in words] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
    ]


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_a_rows_noise_is_the_same_in_any_part_of_the_batch(batch: Batch[ShowerSet], kind: str) -> None:
    part, odd = batch[20:50], batch[torch.arange(1, ROWS, 2)]
    for dimensions in (7, 3):
        whole = getattr(batch, kind)(dimensions)
        assert torch.equal(getattr(part, kind)(dimensions), whole[20:50])
        assert torch.equal(getattr(odd, kind)(dimensions), whole[1::2])


def test_noise_is_new_with_every_call_and_goes_on_in_parts_and_copies(batch: Batch[ShowerSet]) -> None:
    first = batch.uniform(4)
    part, copy = batch[:10], replace(batch.to("cpu"), weight=2 * batch.weight)
    second = batch.uniform(4)
    assert not (first == second).any()
    assert torch.equal(part.uniform(4), second[:10])
    assert not (copy.uniform(4) == second).any()  # a copy has had the calls of the batch


def test_uniform_noise_is_uniform_and_strictly_inside(batch: Batch[ShowerSet]) -> None:
    noise = batch.uniform(500)
    assert noise.shape == (ROWS, 500)
    assert noise.dtype == torch.float32
    assert 0 < float(noise.min()) < 1e-4
    assert 1 - 1e-4 < float(noise.max()) < 1
    assert kstest(noise.flatten().numpy(), "uniform").pvalue > 1e-3
    assert noise.unique().numel() > 0.99 * noise.numel()  # 23 bits: of 10^5 some 600 repeat


def test_normal_noise_is_gaussian_and_independent_between_rows_and_dimensions(
    batch: Batch[ShowerSet],
) -> None:
    noise = batch.normal(500)
    assert kstest(noise.flatten().numpy(), "norm").pvalue > 1e-3
    for correlation, samples in ((torch.corrcoef(noise), 500), (torch.corrcoef(noise.T), ROWS)):
        off = correlation - torch.diag(correlation.diag())
        assert float(off.abs().max()) < 6 / samples**0.5


def test_the_largest_words_make_noise_that_is_finite() -> None:
    words = torch.tensor([-1, 0])
    rows = read_rows(SAMPLES / "egamma-heldout.h5", 0, 2)
    batch = Batch.of(rows, words)
    assert batch.normal(100_000).isfinite().all()
