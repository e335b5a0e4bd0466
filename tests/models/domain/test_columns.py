"""The domain of a table: ranges of each combination, and gaps in columns of any unit."""

from __future__ import annotations

import json
import math
import re

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


@pytest.mark.parametrize(("missing", "gaps"), [((161,), ()), ((160, 161), (("tracks", 159.0, 162.0),))])
def test_one_whole_number_that_is_missing_is_no_gap(
    missing: tuple[int, ...], gaps: tuple[tuple[str, float, float], ...]
) -> None:
    """All rows of an event have its number of tracks: no event of 161 is no sign of anything."""
    every = conditions()
    absent = torch.isin(every.column("tracks"), torch.tensor(missing, dtype=torch.float64))
    assert ColumnDomain.around(every[~absent], ("kind",)).gaps == gaps


def both(rows: Table) -> torch.Tensor:
    """Momenta above 4 GeV of kind 0, 8 GeV of kind 1, with more than 200 tracks."""
    return (rows.column("p") > 4e3 * (1 + rows.column("kind"))) & (rows.column("tracks") > 200)


def test_values_never_seen_together_are_outside_and_each_of_them_alone_is_inside() -> None:
    every = conditions()
    rows = every[every.column("kind") == 0]
    cut = both(rows)
    domain = ColumnDomain.around(rows[~cut], ("kind",))
    assert domain.gaps == ()
    inside = domain.inside(rows)
    assert inside[~cut].all()
    assert (~inside[cut]).double().mean() > 0.95
    ((_, low, high), (_, above, end)) = domain.unseen[0].sides
    assert (low, above) == (pytest.approx(4e3, rel=0.02), 200)
    assert (high, end) == (math.inf, math.inf)
    fresh = conditions(8000)[4000:]
    fresh = fresh[(fresh.column("kind") == 0) & ~both(fresh)]
    assert domain.inside(fresh).double().mean() > 0.99


def test_what_one_combination_alone_has_not_seen_is_outside_for_it_alone() -> None:
    rows = conditions(6000)
    rows.values[:, 1] /= 1 + rows.column("kind")  # momenta of one range, so that kinds differ in nothing else
    eta, p, tracks = (rows.column(name) for name in ("eta", "p", "tracks"))
    for cut in ((p > 3e3) & (tracks > 150), (eta > 3) & (eta < 3.5)):
        missing = cut & (rows.column("kind") == 1)
        domain = ColumnDomain.around(rows[~missing], ("kind",))
        assert {one.kinds for one in domain.unseen} == {(1.0,)}
        inside = domain.inside(rows)
        assert inside[~missing].all()
        assert (~inside[missing]).double().mean() > 0.95


@pytest.mark.parametrize("rows", [600, 5000, 20_000])
def test_long_tails_and_equal_values_are_no_gaps(rows: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    tail = torch.rand(rows, generator=generator).double() ** -1.5
    few = torch.randint(7, (rows,), generator=generator).double()
    many = torch.randn(rows, generator=generator).double().exp().mul(40).round()
    assert ColumnDomain.around(Table(("a", "b", "c"), torch.stack([tail, few, many], 1)), ()).unseen == ()


def test_reasons_to_be_outside_are_counted_by_name_each_row_once() -> None:
    rows = conditions()
    rows = rows[(rows.column("kind") == 0)]
    domain = ColumnDomain.around(rows[~both(rows)], ("kind",))
    asked = torch.tensor([[2, 3e3, 3, 9], [0, 9e9, 9, 250], [0, 4.8e3, 3, 290], [0, 3e3, 3, 9.0]])
    found = domain.why(Table(rows.names, asked.double()))
    pair = domain.describe(domain.unseen[0])
    assert re.fullmatch(r"p above [\d.]+ with tracks above 200", pair)
    assert found == {"kind not seen": 1, "p beyond its range": 1, pair: 1}
    assert sum(found.values()) == (~domain.inside(Table(rows.names, asked.double()))).sum()


def test_a_domain_comes_back_and_one_without_pairs_is_stored_as_it_always_was() -> None:
    rows = conditions()
    whole = ColumnDomain.around(rows, ("kind",))
    assert set(whole.as_json()) == {"discrete", "numbers", "combinations", "ranges", "gaps"}
    cut = ColumnDomain.around(rows[~both(rows)], ("kind",))
    again = ColumnDomain.from_json(json.loads(json.dumps(cut.as_json(), allow_nan=False)))
    assert again.unseen == cut.unseen != ()
    assert again.inside(rows).equal(cut.inside(rows))
