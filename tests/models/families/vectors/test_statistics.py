"""Enforced and held-out statistics: what they are, and which names are refused."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.data.shower_files import read_rows
from monsoon.models.errors import InputError
from monsoon.models.families.vectors.showers import ShowerVectors
from monsoon.models.families.vectors.statistics import Statistics
from monsoon.models.families.vectors.table import TableVectors
from monsoon.models.geometry.planar import Planar
from monsoon.models.records import Table
from monsoon.models.store.shipped import SAMPLES
from tests.models.families.test_contract import SCHEMA, table


def of_table() -> TableVectors:
    return TableVectors.restore(TableVectors.prepare(TableVectors.options, table(300), SCHEMA))


def of_showers() -> ShowerVectors:
    rows = read_rows(SAMPLES / "egamma-heldout.h5", 0, 100)
    return ShowerVectors.restore(ShowerVectors.prepare(ShowerVectors.options, rows, Planar()))


def test_a_shift_and_a_stretch_are_found_in_units_of_the_real_spread() -> None:
    rows = table(500)
    real = rows.features.values
    fake = real.clone()
    fake[:, 0] = 1.5 * (real[:, 0] - real[:, 0].mean()) + real[:, 0].mean() + 2 * real[:, 0].std()
    statistics = Statistics(of_table(), ["x"], ["y", "x-y"])
    told = statistics.signals(rows.conditions, fake, real, rows.weight)
    assert told["enforced.mean.x"] == pytest.approx(2, rel=2e-3)
    assert told["enforced.spread.x"] == pytest.approx(0.5, rel=1e-6)
    assert told["held_out.mean.y"] == told["held_out.spread.y"] == 0
    assert told["held_out.mean.x-y"] != 0
    loss = statistics.loss(rows.conditions, fake, real, rows.weight / 500)
    assert float(loss) == pytest.approx(4 + 0.25, rel=5e-3)  # held-out ones are not in it


def test_rows_of_opposite_weights_count_nothing() -> None:
    rows = table(200)
    real = rows.features.values
    other = torch.cat([real, real[:50] + 9, real[:50] + 9])
    weight = torch.cat([torch.ones(250), -torch.ones(50)])
    conditions = Table(rows.conditions.names, torch.cat([rows.conditions.values] * 2)[:300])
    statistics = Statistics(of_table(), ["x", "y"], [])
    found = statistics.differences(conditions, other, other + 1, weight, ["x"])
    plain = statistics.differences(rows.conditions, real, real + 1, torch.ones(200), ["x"])
    assert [float(part) for part in found["x"]] == pytest.approx([float(part) for part in plain["x"]])


def test_the_loss_of_showers_has_gradients_by_any_observable_that_it_can_change() -> None:
    vectors = of_showers()
    rows = read_rows(SAMPLES / "egamma-heldout.h5", 0, 50)
    names = [name for name in vectors.observables if name not in vectors.not_learned]
    fake = (1.1 * rows.showers.energy_mev.roll(1, 1)).requires_grad_(True)
    for name in names:
        loss = Statistics(vectors, [name], []).loss(
            rows.conditions, fake, rows.showers.energy_mev, rows.weight / 50
        )
        (slope,) = torch.autograd.grad(loss, fake)
        assert slope.isfinite().all(), name
        assert slope.any(), name


@pytest.mark.parametrize(
    ("enforce", "hold_out", "message"),
    [
        (["width_x_mm"], ["width_x_mm"], "is in enforce and in hold_out"),
        (["widht_x_mm"], [], "enforce has the unknown name widht_x_mm"),
        ([], ["lasers"], "hold_out has the unknown name lasers"),
        (["response"], [], "enforce response: the loss cannot change it"),
    ],
)
def test_names_that_make_no_sense_are_refused(enforce: list[str], hold_out: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Statistics(of_showers(), enforce, hold_out).check()


def test_whole_numbers_and_what_is_drawn_first_may_be_held_out() -> None:
    Statistics(of_showers(), [], ["response"]).check()
    Statistics(of_table(), ["r", "x-n"], ["n"]).check()
    with pytest.raises(InputError, match="cannot change"):
        Statistics(of_table(), ["n"], []).check()
