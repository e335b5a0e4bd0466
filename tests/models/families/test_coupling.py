"""Coupling flows learn what weights select, also where some of them are negative."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.data.batches import Batch
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError
from monsoon.models.families.coupling import CouplingFlow
from monsoon.models.families.table_library import TableLibrary
from monsoon.models.kernels.splitmix import GAMMA, mixed
from monsoon.models.records import Table

SCHEMA = Schema((Column("x"),), (Column("c"),), "w")
SMALL = {"couplings": 2, "hidden": 16, "bins": 6, "knots": 2, "seed": 1}


def mixture(rows: int) -> TableSet:
    """Signal at +2 of weight 1, and background at -2 whose weights are +-0.8 and average to nothing."""
    generator = torch.Generator().manual_seed(1)
    signal = torch.rand(rows, generator=generator) < 0.5
    x = torch.where(signal, 2.0, -2.0) + torch.randn(rows, generator=generator)
    sign = torch.where(torch.rand(rows, generator=generator) < 0.5, -0.8, 0.8)
    c = torch.randn(rows, 1, generator=generator).double()
    weight = torch.where(signal, 1.0, sign)
    return TableSet(Table(("c",), c), Table(("x",), x[:, None].double()), weight)


def generated_mean(rows: TableSet, steps: int, **options: int) -> float:
    flow = CouplingFlow.prepare({**SMALL, **options}, rows, SCHEMA)
    fit(flow, rows, steps)
    noise = torch.rand(4000, flow.noise_dimensions, generator=torch.Generator().manual_seed(9))
    return float(flow.sample(rows.conditions[:4000], noise).values.mean())


def fit(flow: CouplingFlow, rows: TableSet, steps: int) -> None:
    optimisers = {name: torch.optim.Adam(parts, 5e-3) for name, parts in flow.optimisers().items()}
    for step in range(steps):
        chosen = torch.randint(len(rows), (512,), generator=torch.Generator().manual_seed(step))
        batch = Batch.of(rows[chosen], mixed(chosen * GAMMA))
        for name, loss in flow.training_step(batch, step).items():
            optimisers[name].zero_grad()
            (loss / batch.weight.sum()).backward()
            optimisers[name].step()


@pytest.mark.slow
def test_with_signed_weights_the_flow_is_that_of_the_pure_sample_and_without_it_is_not() -> None:
    rows = mixture(8000)
    plain = TableSet(rows.conditions, rows.features, torch.ones(len(rows)))
    assert generated_mean(rows, 500, weight_steps=250) == pytest.approx(2.0, abs=0.35)
    assert generated_mean(plain, 250) == pytest.approx(0.0, abs=0.35)


def test_negative_weights_are_refused_unless_they_are_regressed() -> None:
    with pytest.raises(InputError, match="weight_steps"):
        CouplingFlow.prepare(SMALL, mixture(100), SCHEMA)


@pytest.mark.parametrize("family", [CouplingFlow, TableLibrary])
def test_rows_may_be_generated_of_nothing(family: type[CouplingFlow] | type[TableLibrary]) -> None:
    rows = mixture(600)
    alone = TableSet(Table((), torch.zeros(600, 0, dtype=torch.float64)), rows.features, torch.ones(600))
    options = SMALL if family is CouplingFlow else {}
    model = family.prepare(options, alone, Schema((Column("x"),)))
    made = model.sample(alone.conditions[:50], torch.rand(50, model.noise_dimensions))
    assert made.values.shape == (50, 1)
    assert made.values.isfinite().all()
    assert model.inside(alone.conditions).all()


@pytest.mark.slow
@pytest.mark.parametrize("dequantization", ["uniform", "gaussian"])
def test_whole_numbers_are_learned_by_either_dequantization(dequantization: str) -> None:
    """Of 0, 1 and 2 with probabilities that depend on the condition."""
    generator = torch.Generator().manual_seed(4)
    c = torch.randint(2, (6000,), generator=generator)
    chances = torch.tensor([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
    n = torch.multinomial(chances[c], 1, generator=generator).double()
    rows = TableSet(Table(("c",), c[:, None].double()), Table(("n",), n), torch.ones(6000))
    schema = Schema((Column("n", "discrete"),), (Column("c", "discrete"),))
    flow = CouplingFlow.prepare({**SMALL, "bins": 16, "dequantization": dequantization}, rows, schema)
    fit(flow, rows, 250)
    noise = torch.rand(6000, flow.noise_dimensions, generator=generator)
    made = flow.sample(rows.conditions, noise).values[:, 0]
    for kind in (0, 1):
        shares = torch.stack([(made[c == kind] == value).float().mean() for value in range(3)])
        torch.testing.assert_close(shares, chances[kind], atol=0.06, rtol=0)


def test_an_unknown_dequantization_is_refused() -> None:
    with pytest.raises(InputError, match="dequantization 'cubic' is not one of uniform, gaussian"):
        CouplingFlow.prepare({**SMALL, "dequantization": "cubic", "weight_steps": 1}, mixture(100), SCHEMA)
