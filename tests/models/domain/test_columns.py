"""The domain of a table: ranges of each combination, and gaps in columns of any unit."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.domain.columns import ColumnDomain
from monsoon.models.records import Table


def conditions(rows: int = 4000) -> Table:
    """A kind, a momentum, a pseudorapidity and a number of tracks."""
    generator = torch.Generator().manual_seed(1)
    kind = torch.randint(2, (rows,), generator=generator).double()
    p = 1e3 * (1 + 4 * torch.rand(rows, generator=generator).double()) * (1 + kind)
    eta = 2 + 3 * torch.rand(rows, generator=generator).double()
    tracks = torch.randint(300, (rows,), generator=generator).double()
    return Table(("kind", "p", "eta", "tracks"), torch.stack([kind, p, eta, tracks], 1))


def test_a_sample_without_gaps_has_none_and_is_inside() -> None:
    rows = conditions()
    domain = ColumnDomain.around(rows, ("kind",))
    assert domain.gaps == ()
    assert domain.inside(rows).all()


def test_ranges_are_those_of_each_combination() -> None:
    domain = ColumnDomain.around(conditions(), ("kind",))
    probe = Table(("kind", "p", "eta", "tracks"), torch.tensor([[0, 8e3, 3, 9], [1, 8e3, 3, 9.0]]).double())
    assert domain.inside(probe).tolist() == [False, True]


@pytest.mark.parametrize(("name", "low", "high"), [("p", 3000, 3500), ("eta", 3.1, 3.4), ("tracks", 60, 90)])
def test_a_gap_is_found_whatever_the_columns_unit(name: str, low: float, high: float) -> None:
    every = conditions()
    column = every.column(name)
    domain = ColumnDomain.around(every[(column < low) | (column > high)], ("kind",))
    ((found, below, above),) = domain.gaps
    assert found == name
    inside = domain.inside(every)
    assert not inside[(column > below) & (column < above)].any()
    assert (below, above) == (pytest.approx(low, rel=0.02), pytest.approx(high, rel=0.02))
    assert ColumnDomain.from_json(domain.as_json()).inside(every).equal(inside)
