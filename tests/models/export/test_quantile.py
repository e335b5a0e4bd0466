"""The Gaussian quantile in plain arithmetic is torch's, over all float32 numbers that noise can be."""

from __future__ import annotations

import torch

from monsoon.models.export.quantile import log_ndtr, ndtri


def test_it_is_that_of_the_library_also_in_both_tails() -> None:
    tails = 2.0 ** -torch.linspace(1, 24, 4000)
    p = torch.cat([tails, 1 - tails, torch.linspace(0.001, 0.999, 4000)])
    exact = torch.special.ndtri(p.double())
    torch.testing.assert_close(ndtri(p.double()), exact, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(ndtri(p), exact.float(), rtol=1e-7, atol=1e-7)


def test_the_logarithm_of_a_tail_is_that_of_the_library() -> None:
    x = torch.linspace(-30, 8, 5000, dtype=torch.float64)
    expected = torch.special.log_ndtr(x)
    torch.testing.assert_close(log_ndtr(x), expected, rtol=2e-7, atol=2e-7)


def test_the_ends_are_infinite() -> None:
    assert ndtri(torch.tensor([0.0, 1.0])).tolist() == [-torch.inf, torch.inf]
