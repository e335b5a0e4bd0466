"""What every family promises, held against each of them on showers or on a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import read_rows
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError
from monsoon.models.families.table import FAMILIES, ONLY_SHOWERS, ONLY_TABLES
from monsoon.models.geometry.planar import Planar
from monsoon.models.kernels.splitmix import GAMMA, mixed
from monsoon.models.records import Showers, Table
from monsoon.models.store.checkpoint import load, save
from monsoon.models.store.shipped import SAMPLES

SCHEMA = Schema(
    (
        Column("x"),
        Column("y"),
        Column("n", "discrete"),
        Column("r", "computed", function="norm", of=("x", "y")),
    ),
    (Column("kind", "discrete"), Column("p", "positive")),
)
SMALL = {
    "flow": {
        "couplings": 2,
        "hidden": 16,
        "bins": 4,
        "energy_hidden": 8,
        "hits_hidden": 8,
        "split_hidden": 8,
    },
    "transported-library": {"hidden": 16, "latent": 4},
    "coupling-flow": {"couplings": 4, "hidden": 16, "bins": 4},
    "flow-matching": {"steps": 2, "width": 16, "known": 16},
    "diffusion": {"steps": 2, "width": 16, "known": 16, "precision": "bfloat16"},
    "student": {"steps": 2, "substeps": 1},
    "vae": {"latent": 4, "hidden": 16, "blocks": 1, "prior": "flow", "couplings": 2},
    "gan": {"latent": 4, "hidden": 16, "features": 4},
    "table-library": {"neighbours": 3},
    "accept-reject": {"hidden": 16, "layers": 1, "candidates": 3, "cap": 1.5},
}
CASES = [f"{name}/showers" for name in FAMILIES if name not in ONLY_TABLES]
CASES += [f"{name}/table" for name in FAMILIES if name not in ONLY_SHOWERS]
CASES += [f"{name}/regions" for name in ("flow-matching", "vae", "gan")]
REGIONS = {"representation": "regions", "energy_hidden": 16, "hits_hidden": 16, "split_hidden": 16}
NETWORKS = [name for name in CASES if hasattr(FAMILIES[name.split("/")[0]], "training_step")]
OF_TABLES = [name for name in CASES if name.endswith("/table")]
DENSE = [name for name in OF_TABLES if hasattr(FAMILIES[name.split("/")[0]], "log_prob")]
DENSE_SHOWERS = ["flow/showers"]  # families whose log_prob takes showers


def table(rows: int, seed: int = 1) -> TableSet:
    """Rows with a tie, an atom, a density and whole numbers, that depend on the conditions."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(3, (rows,), generator=generator).double()
    p = torch.exp(torch.randn(rows, generator=generator).double())
    x = kind + p.log() + 0.5 * torch.randn(rows, generator=generator).double()
    y = torch.where(torch.rand(rows, generator=generator) < 0.3, x, x * 0.5 + torch.randn(rows).double())
    x, y = (torch.where((kind == 2) & (p < 1), 0.0, column) for column in (x, y))
    n = torch.poisson(2 + kind, generator=generator).double()
    return TableSet(
        Table(("kind", "p"), torch.stack([kind, p], 1)),
        Table(("x", "y", "n"), torch.stack([x, y, n], 1)),
        torch.ones(rows),
    )


@dataclass(frozen=True)
class Case:
    """A family with a little to learn from."""

    name: str
    rows: Any
    layout: Any
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def conditions(self) -> Any:
        return self.rows.conditions

    def prepare(self, **options: Any) -> Any:
        if self.name == "student":
            options["teacher"] = trained(f"flow-matching/{'table' if self.layout is SCHEMA else 'showers'}")
        if self.name == "accept-reject":
            options["model"] = trained("flow/showers")
        options = {"seed": 1, **SMALL[self.name], **self.given, **options}
        return FAMILIES[self.name].prepare(options, self.rows, self.layout)

    def values(self, sample: Any) -> Tensor:
        found: Tensor = sample.energy_mev if isinstance(sample, Showers) else sample.values
        return found

    def batch(self) -> Batch[Any]:
        rows = self.rows[:64]
        return Batch.of(rows, mixed(torch.arange(len(rows)) * GAMMA))


@cache
def case(name: str) -> Case:
    family, of = name.split("/")
    if of == "table":
        return Case(family, table(600), SCHEMA)
    given = REGIONS if of == "regions" else {}
    return Case(family, read_rows(SAMPLES / "hadrons-heldout.h5", 0, 300), Planar(), given)


@cache
def trained(name: str) -> Any:
    """After a few steps, so that no layer is as it was initialised."""
    network = case(name).prepare()
    if isinstance(network, nn.Module) and hasattr(network, "training_step"):
        for parts in network.optimisers().values():
            optimiser = torch.optim.Adam(parts, 1e-2)
            for step in range(5):
                optimiser.zero_grad()
                sum(network.training_step(case(name).batch(), step).values()).backward()
                optimiser.step()
        network.requires_grad_(False)
        network.eval()
    return network


def noise(model: Any, rows: int) -> Tensor:
    return torch.rand(rows, model.noise_dimensions, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_parameter(name: str) -> None:
    network = case(name).prepare()
    reached: set[int] = set()
    for step in range(20):  # some parts are asked about in turns
        network.zero_grad()
        sum(network.training_step(case(name).batch(), step).values()).backward()
        with torch.no_grad():
            for number, parameter in enumerate(network.parameters()):
                if parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any():
                    reached.add(number)
                if parameter.grad is not None:
                    parameter -= 1e-3 * parameter.grad.sign()  # layers behind one that is zero
    missing = [n for number, (n, _) in enumerate(network.named_parameters()) if number not in reached]
    assert not missing
    of_optimisers = [id(p) for parts in network.optimisers().values() for p in parts]
    assert sorted(of_optimisers) == sorted(id(p) for p in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_a_score_is_finite_for_each_row_or_for_the_batch(name: str) -> None:
    batch = case(name).batch()
    loss = trained(name).validation_loss(batch)
    assert loss.shape in ((len(batch),), (1,))
    assert loss.isfinite().all()


@pytest.mark.parametrize("name", CASES)
def test_row_i_depends_on_row_i_alone_in_any_batch_and_order(name: str) -> None:
    model, conditions = trained(name), case(name).conditions[:100]
    u = noise(model, 100)
    whole = case(name).values(model.sample(conditions, u))
    order = torch.randperm(100, generator=torch.Generator().manual_seed(3))
    shuffled = case(name).values(model.sample(conditions[order], u[order]))
    assert torch.equal(shuffled, whole[order])
    pieces = [
        case(name).values(model.sample(conditions[a:b], u[a:b])) for a, b in ((0, 1), (1, 64), (64, 100))
    ]
    assert torch.equal(torch.cat(pieces), whole)
    assert len(case(name).values(model.sample(conditions[:0], u[:0]))) == 0
    other = u.clone()
    other[0] = 1 - other[0]
    changed = case(name).values(model.sample(conditions, other))
    assert torch.equal(changed[1:], whole[1:])


@pytest.mark.parametrize("name", CASES)
def test_samples_are_finite_and_as_their_noise_says(name: str) -> None:
    model, conditions = trained(name), case(name).conditions[:50]
    u = noise(model, 50)
    first = case(name).values(model.sample(conditions, u))
    assert first.isfinite().all()
    assert torch.equal(first, case(name).values(model.sample(conditions, u)))
    assert not torch.equal(first, case(name).values(model.sample(conditions, 1 - u)))


@pytest.mark.parametrize("name", CASES)
def test_a_model_is_restored_as_it_was_saved(name: str, tmp_path: Path) -> None:
    model = trained(name)
    save(tmp_path, model, {"name": name})
    again = load(tmp_path).model
    assert again.fingerprint == model.fingerprint
    u, conditions = noise(model, 20), case(name).conditions[:20]
    one, other = (case(name).values(some.sample(conditions, u)) for some in (model, again))
    assert torch.equal(one, other)


@pytest.mark.parametrize("name", CASES)
def test_the_training_rows_are_inside_the_domain(name: str) -> None:
    assert trained(name).inside(case(name).conditions).all()


@pytest.mark.parametrize("name", CASES)
def test_an_unknown_option_is_refused_by_name(name: str) -> None:
    with pytest.raises(InputError, match="unknown option lasers"):
        case(name).prepare(lasers=3)


@pytest.mark.parametrize("transform", ["spline", "affine"])
@pytest.mark.parametrize("name", DENSE)
def test_the_density_of_free_columns_integrates_to_the_probability_of_their_pattern(
    name: str, transform: str
) -> None:
    """In double precision, on a grid over two columns of one condition; the third has whole numbers."""
    network = case(name).prepare(transform=transform).double()
    steps = torch.linspace(-40, 40, 101, dtype=torch.float64) + 0.0137  # no atom, no tie
    x, y = (part.reshape(-1) for part in torch.meshgrid(steps, steps + 1e-5, indexing="ij"))
    total = 0.0
    for n in range(-6, 12):  # all but 2e-4
        features = Table(("x", "y", "n"), torch.stack([x, y, torch.full_like(x, n)], 1))
        conditions = Table(("kind", "p"), torch.tensor([[1.0, 2.0]]).double().expand(len(x), 2))
        with torch.no_grad():
            middle = network.log_prob(conditions, features).exp().sum()
        total += float(middle) * float(steps[1] - steps[0]) ** 2
    free = network.vectors.patterns.codes.index((-1, -1, -1))
    with torch.no_grad():
        given = network.vectors.conditions(torch.tensor([[1.0, 2.0]]).double())
        probability = torch.softmax(network.vectors.pattern(given), 1)[0, free]
    assert total == pytest.approx(float(probability), rel=0.02)


@pytest.mark.parametrize("transform", ["spline", "affine"])
@pytest.mark.parametrize("name", DENSE)
def test_the_log_density_is_that_of_the_maps_jacobian(name: str, transform: str) -> None:
    """Autograd through sampling, in double precision: density of the noise over the volume of the map."""
    network = case(name).prepare(transform=transform)
    with torch.no_grad():  # away from the identity
        for number, parameter in enumerate(network.couplings.parameters()):
            torch.manual_seed(number)
            parameter.add_(0.1 * torch.randn_like(parameter))
    network = network.double()
    conditions = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    free = network.vectors.patterns.codes.index((-1, -1, -1))
    given = network.vectors.conditions(conditions)
    context = torch.cat(
        [given, torch.nn.functional.one_hot(torch.tensor([free]), len(network.vectors.free))], 1
    )
    present = network.vectors.free[[free]].double()

    def to_row(z: Tensor) -> Tensor:
        x = z[None]
        for coupling in reversed(network.couplings):
            x = coupling.inverse(x, present, context)
        one = torch.ones_like(context[:, :1])
        real: Tensor = network.vectors.standard.inverse(torch.cat([context, one], 1), x)[0]
        return real

    z = torch.tensor([0.3, -0.8, 0.5], dtype=torch.float64)
    row = to_row(z).detach()
    _, log_volume = torch.linalg.slogdet(torch.autograd.functional.jacobian(to_row, z))
    log_noise = -0.5 * (z.square().sum() + 3 * math.log(2 * math.pi))
    whole = torch.floor(row[2])
    features = Table(("x", "y", "n"), torch.stack([row[0], row[1], whole])[None])
    uniform = torch.tensor([[0.5, 0.5, float(row[2] - whole)]], dtype=torch.float64)
    log_pattern = torch.log_softmax(network.vectors.pattern(given), 1)[0, free]
    found = network.log_prob(Table(("kind", "p"), conditions), features, uniform)[0]
    expected = log_pattern + log_noise - log_volume
    assert float(found.detach()) == pytest.approx(float(expected.detach()), abs=1e-6)


@pytest.mark.parametrize("name", OF_TABLES)
def test_ties_atoms_whole_numbers_and_computed_columns_are_exact(name: str) -> None:
    model, rows = trained(name), case(name).rows
    made = model.sample(rows.conditions, noise(model, len(rows)))
    x, y, n, r = (made.column(column) for column in ("x", "y", "n", "r"))
    assert torch.equal(n, n.round())
    assert torch.equal(r, torch.stack([x, y]).square().sum(0).sqrt())
    assert 0 < int((x == 0).sum()) < len(rows)
    assert 0 < int(((x == y) & (x != 0)).sum()) < len(rows)
