"""Known flaws of tables are what they say, and leave exact values and ties exact."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.metrics.table_flaws import TABLE_FLAWS, flawed
from monsoon.models.records import Table

SCHEMA = Schema((Column("x"), Column("y"), Column("z"), Column("n", "discrete")), (Column("c"),))


def rows(count: int = 20_000) -> TableSet:
    """y follows x, or equals it; z is heavy-tailed, or zero; n is a whole number."""
    generator = torch.Generator().manual_seed(1)
    c, x, noise, z = torch.randn(4, count, generator=generator).double()
    y = torch.where(torch.rand(count, generator=generator) < 0.2, x, x + 0.1 * noise)
    z = torch.where(torch.rand(count, generator=generator) < 0.1, 0.0, torch.exp(3 * z))
    values = torch.stack([x, y, z, torch.poisson(torch.full((count,), 3.0), generator=generator).double()], 1)
    return TableSet(Table(("c",), c[:, None]), Table(("x", "y", "z", "n"), values), torch.ones(count))


def correlation(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a, b]))[0, 1])


@pytest.mark.parametrize("flaw", TABLE_FLAWS)
def test_exact_values_ties_whole_numbers_and_ranges_stay(flaw: str) -> None:
    real = rows()
    made = flawed(real, SCHEMA, flaw, 0)
    before, after = real.features, made.features
    for table in (before, after):
        assert table.column("n").equal(table.column("n").round())
    assert (after.column("x") == after.column("y")).sum() == (before.column("x") == before.column("y")).sum()
    assert (after.column("z") == 0).sum() == (before.column("z") == 0).sum()
    for name in ("x", "z", "n"):  # y may be tied to x
        assert after.column(name).min() >= before.column(name).min()
        assert after.column(name).max() <= before.column(name).max()
    assert made.conditions.values.equal(real.conditions.values)
    assert not after.values.equal(before.values)


def test_a_shift_has_its_size_in_spreads() -> None:
    real = rows()
    made = flawed(real, SCHEMA, "columns shifted 10 %", 0)
    moved = made.features.column("x") - real.features.column("x")
    assert float(moved.median()) == pytest.approx(0.1, abs=0.01)  # x is Gaussian of spread 1


def test_a_blur_leaves_columns_as_they_are_and_loosens_what_binds_them() -> None:
    real = rows()
    made = flawed(real, SCHEMA, "columns blurred 30 %", 0)
    quantiles = torch.linspace(0.01, 0.99, 50).double()
    for name in ("x", "z"):
        one, other = (table.features.column(name).quantile(quantiles) for table in (real, made))
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.03)
    free = real.features.column("x") != real.features.column("y")
    loose = correlation(made.features.column("x")[free], made.features.column("y")[free])
    assert loose == pytest.approx(0.995 / 1.09, abs=0.01)


def test_exchanged_rows_are_whole_and_as_many_as_it_says() -> None:
    real = rows()
    made = flawed(real, SCHEMA, "10 % of rows exchanged", 0)
    changed = (made.features.values != real.features.values).any(1)
    assert int(changed.sum()) == 2000
    assert sorted(made.features.values.tolist()) == sorted(real.features.values.tolist())
