"""The random numbers are what they are for, and distributed as they should be."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, norm

from monsoon.engine.noise import Purpose, gaussian_table, key_of, uniform, words
from monsoon.models.kernels.operation import ran


def test_numbers_do_not_depend_on_the_batch() -> None:
    event = np.array([5, 6, 1 << 40])
    index = np.array([0, 3, 9])
    whole = words(3, event, index, Purpose.SHOWER, 9)
    for row in range(3):
        alone = words(3, event[row : row + 1], index[row : row + 1], Purpose.SHOWER, 9)
        assert np.array_equal(alone[0], whole[row])


def test_seed_event_index_purpose_and_dimension_all_matter() -> None:
    event, index = np.array([1]), np.array([2])
    streams = [
        words(1, event, index, Purpose.SHOWER, 8)[0],
        words(1 << 32, event, index, Purpose.SHOWER, 8)[0],
        words(1, event + (1 << 32), index, Purpose.SHOWER, 8)[0],
        words(1, event, index + 1, Purpose.SHOWER, 8)[0],
        words(1, event, index, Purpose.GUN, 8)[0],
    ]
    assert len(np.unique(np.concatenate(streams))) == 8 * len(streams)


def test_uniform_stays_strictly_inside_and_is_uniform() -> None:
    drawn = uniform(1, np.arange(200_000), np.zeros(200_000), Purpose.GUN, 1)[:, 0].numpy()
    assert drawn.dtype == np.float32
    assert drawn.min() > 0
    assert drawn.max() < 1
    assert kstest(drawn, "uniform").pvalue > 1e-3


def test_gaussian_table_has_unit_variance_and_gaussian_tails() -> None:
    middle, tails = gaussian_table()
    z = middle / 65536
    inner = np.delete(z, [0, 4095])
    variance = (np.sum(inner**2) + np.sum((tails / 65536) ** 2) / 4096) / 4096
    assert variance == pytest.approx(1, abs=1e-4)
    assert np.sum(inner) == pytest.approx(0, abs=1e-9)
    assert tails[1, -1] / 65536 == pytest.approx(-norm.ppf(2.0**-25), rel=2e-3)


@pytest.mark.parametrize("seed", [-1, 1 << 64])
def test_a_seed_beyond_64_bits_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        key_of(seed)


def test_noise_is_made_on_the_device_that_uses_it() -> None:
    with ran() as kernels:
        here = uniform(1, np.arange(3), np.zeros(3), Purpose.SHOWER, 5)
        elsewhere = uniform(1, np.arange(3), np.zeros(3), Purpose.SHOWER, 5, "meta")
    assert (here.device.type, elsewhere.device.type) == ("cpu", "meta")
    assert kernels == {("uniform", "cpu"), ("uniform", "reference")}
    same = words(1, np.arange(3), np.zeros(3), Purpose.SHOWER, 5) >> 9
    assert np.array_equal(here.numpy(), (same + 0.5) / 2**23)
