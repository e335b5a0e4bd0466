"""The training core: repeats, resumes, adds up over workers and micro-batches, and weighs its rows."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import Parameter

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.errors import InputError
from monsoon.models.training.optimisation import Optimisation
from monsoon.models.training.progress import Started, Stepped, Validated
from monsoon.models.training.recipe import Recipe
from monsoon.models.training.state import StateFolder
from tests.models.toys import Gaussian, losses, points, rows, train

ROOT = Path(__file__).parents[3]
RECIPE = Recipe(
    steps=40, batch=96, learning_rate=0.02, schedule="cosine", ema=0.9, validate_every=8, checkpoint_every=10
)
CHILD = """
import os, signal, sys, json
import torch
from monsoon.models.training.progress import Stepped
from monsoon.models.training.loop import Training
from monsoon.models.training.state import StateFolder
from tests.models.training.test_loop import RECIPE
from tests.models.toys import Gaussian, InMemory, losses, rows

def run(folder, kill_after=None):
    told = []
    source = InMemory(rows(500), rows(300, 5000), RECIPE)
    for event in Training(Gaussian(), RECIPE, source, StateFolder(folder)).run():
        told.append(event)
        if isinstance(event, Stepped) and event.step == kill_after:
            os.kill(os.getpid(), signal.SIGKILL)
    return told
"""


def child(lines: str, *arguments: object) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", CHILD + lines, *map(str, arguments)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def scores(told: list[Any]) -> list[Any]:
    """All of the curve but the time it took."""
    return [replace(event.record, seconds=0.0) for event in told if isinstance(event, Validated)]


class Mean(nn.Module):
    """One number a pixel, the mean of the rows: its least squares are the weighted mean."""

    def __init__(self, voxels: int = 2) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(voxels))

    def optimisers(self) -> dict[str, list[Parameter]]:
        return {"mean": [self.mean]}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        return {"mean": (batch.weight * self.validation_loss(batch)).sum()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        return ((batch.rows.showers.energy_mev - self.mean) ** 2).sum(1)

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        return {}


class Rivals(nn.Module):
    """Two losses over one graph, as a critic and a generator have."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(0.5)), nn.Parameter(torch.tensor(2.0))

    def optimisers(self) -> dict[str, list[Parameter]]:
        return {"a": [self.a], "b": [self.b]}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        shared = self.a * self.b * batch.rows.showers.energy_mev[:, 0]
        return {
            "a": (batch.weight * (shared - 1) ** 2).sum(),
            "b": -(batch.weight * (shared + self.b) ** 2).sum(),
        }

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        return (self.a * self.b * batch.rows.showers.energy_mev[:, 0] - 1) ** 2

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        return {}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Any], dict[str, Tensor]]:
    """An uninterrupted training of one worker, and its weights."""
    network = Gaussian()
    told, _ = train(network, rows(500), rows(300, 5000), RECIPE, tmp_path_factory.mktemp("whole"))
    return told, network.state_dict()


def test_the_same_seed_repeats_every_number_and_another_does_not(
    whole: tuple[list[Any], dict[str, Tensor]], tmp_path: Path
) -> None:
    told, _ = train(Gaussian(), rows(500), rows(300, 5000), RECIPE, tmp_path / "same")
    assert losses(told) == losses(whole[0])
    assert scores(told) == scores(whole[0])
    other, _ = train(Gaussian(), rows(500), rows(300, 5000), replace(RECIPE, seed=2), tmp_path / "other")
    assert losses(other) != losses(whole[0])


@pytest.mark.slow
def test_a_killed_training_goes_on_as_if_never_stopped(
    whole: tuple[list[Any], dict[str, Tensor]], tmp_path: Path
) -> None:
    with child("run(sys.argv[1], kill_after=27)", tmp_path) as process:
        _, errors = process.communicate()
    assert process.returncode == -signal.SIGKILL, errors
    network = Gaussian()
    told, end = train(network, rows(500), rows(300, 5000), RECIPE, tmp_path)
    assert told[0] == Started(20, 40, 1)
    assert losses(told) == losses(whole[0])[20:]
    assert [replace(r, seconds=0.0) for r in end.curve] == scores(whole[0])
    assert all(torch.equal(value, whole[1][name]) for name, value in network.state_dict().items())
    again, last = train(Gaussian(), rows(500), rows(300, 5000), RECIPE, tmp_path)  # nothing is left to do
    assert not losses(again)
    assert last.best == end.best


@pytest.mark.slow
def test_two_workers_agree_with_one(whole: tuple[list[Any], dict[str, Tensor]], tmp_path: Path) -> None:
    """To rounding: sums over workers have another order. Both halves tell the same."""
    lines = """
rank, folder, meeting = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
told = run(folder)
torch.distributed.barrier()
torch.distributed.destroy_process_group()
threads = (open(f"/proc/self/task/{number}/comm").read().strip() for number in os.listdir("/proc/self/task"))
left = [name for name in threads if "gloo" in name]  # they abort a Python that ends, now and then
print(json.dumps([losses(told), told[-1].best.score.mean, left]))
"""
    children = [child(lines, rank, tmp_path / "states", tmp_path / "meeting") for rank in range(2)]
    said = [process.communicate() for process in children]
    assert [process.returncode for process in children] == [0, 0], said
    first, second = (json.loads(out) for out, _ in said)
    assert first == second
    assert not first[2]
    alone = losses(whole[0])
    assert [step for step, _, _ in first[0]] == [step for step, _, _ in alone]
    for (_, loss, norm), (_, loss_alone, norm_alone) in zip(first[0], alone, strict=True):
        assert loss == pytest.approx(loss_alone, rel=1e-5)
        assert norm == pytest.approx(norm_alone, rel=1e-4)
    assert first[1] == pytest.approx(scores(whole[0])[-1].score.mean, rel=1e-5)


@pytest.mark.parametrize("parts", [3, 5])
def test_micro_batches_add_up_to_the_whole(
    whole: tuple[list[Any], dict[str, Tensor]], tmp_path: Path, parts: int
) -> None:
    recipe = replace(RECIPE, accumulate=parts)
    told, _ = train(Gaussian(), rows(500), rows(300, 5000), recipe, tmp_path)
    for (_, loss, norm), (_, loss_whole, norm_whole) in zip(losses(told), losses(whole[0]), strict=True):
        assert loss == pytest.approx(loss_whole, rel=1e-5)
        assert norm == pytest.approx(norm_whole, rel=1e-4)


def test_each_optimiser_follows_its_own_loss_alone(tmp_path: Path) -> None:
    values = torch.tensor([[1.0], [2.0], [4.0]])
    network, recipe = Rivals(), Recipe(steps=1, batch=3, learning_rate={"a": 0.1, "b": 0.01})
    told, _ = train(network, points(values), points(values), recipe, tmp_path)
    (step,) = (event for event in told if isinstance(event, Stepped))
    x, a, b = values[:, 0].double(), 0.5, 2.0
    of_a = (2 * (a * b * x - 1) * b * x).mean()  # d loss_a / d a
    of_b = -(2 * (a * b * x + b) * (a * x + 1)).mean()  # d loss_b / d b
    assert step.norms["a"] == pytest.approx(float(of_a.abs()), rel=1e-5)
    assert step.norms["b"] == pytest.approx(float(of_b.abs()), rel=1e-5)
    assert step.rates == {"a": 0.1, "b": 0.01}
    # Adam's first step is one learning rate against the gradient's sign
    assert float(network.a.detach()) == pytest.approx(0.5 - 0.1, rel=1e-5)
    assert float(network.b.detach()) == pytest.approx(2.0 + 0.01, rel=1e-5)


def test_integer_weights_are_repeated_rows(tmp_path: Path) -> None:
    recipe, some = replace(RECIPE, batch=1000), rows(60)
    times = torch.arange(60) % 4
    weighted = replace(some, weight=times.float())
    repeated = some[torch.arange(60).repeat_interleave(times)]
    assert len(repeated) == 90
    first, _ = train(Gaussian(), weighted, weighted, recipe, tmp_path / "weighted")
    second, _ = train(Gaussian(), repeated, repeated, recipe, tmp_path / "repeated")
    plain, _ = train(Gaussian(), some, some, recipe, tmp_path / "plain")
    for one, other in zip(losses(first), losses(second), strict=True):
        assert one[1] == pytest.approx(other[1], rel=1e-5)
        assert one[2] == pytest.approx(other[2], rel=1e-4)
    for one, other in zip(scores(first), scores(second), strict=True):
        assert one.score.mean == pytest.approx(other.score.mean, rel=1e-5)
    assert abs(losses(plain)[0][1]["density"] / losses(first)[0][1]["density"] - 1) > 1e-3


def test_signed_weights_take_contamination_out(tmp_path: Path) -> None:
    """1000 rows around 2 with 1000 strangers around -3 among them, and 1000 more strangers of weight -1."""
    generator = torch.Generator().manual_seed(1)
    pure = torch.randn(1000, 2, generator=generator) + 2.0
    strangers = torch.randn(2000, 2, generator=generator) - 3.0
    weight = torch.cat([torch.ones(2000), -torch.ones(1000)])
    showers = points(torch.cat([pure, strangers]), weight)
    recipe = Recipe(steps=120, batch=3000, learning_rate=0.2, schedule="cosine", validate_every=60)
    network, unweighted = Mean(), Mean()
    train(network, showers, showers, recipe, tmp_path / "signed")
    train(unweighted, points(showers.showers.energy_mev), showers, recipe, tmp_path / "unsigned")
    error = (3 / 1000) ** 0.5  # of a sum of 3000 unit variances over 1000
    assert (network.mean - 2.0).abs().max() < 4 * error
    assert (unweighted.mean - 2.0).abs().min() > 3.0


def test_weights_that_sum_to_nothing_are_refused(tmp_path: Path) -> None:
    showers = points(torch.ones(4, 2), torch.tensor([1.0, 1.0, -1.0, -1.0]))
    with pytest.raises(InputError, match="step 1: the weights of a batch sum to 0"):
        train(Mean(), showers, points(torch.ones(4, 2)), Recipe(steps=2, batch=4), tmp_path)


def test_gradients_are_clipped_before_they_are_used() -> None:
    p = nn.Parameter(torch.zeros(4))
    optimisation = Optimisation("p", [p], Recipe(steps=1, clip=0.5))
    gradient = optimisation.gradient((p * torch.arange(4.0)).sum(), keep_graph=False)
    optimisation.step(gradient, float(gradient.norm()), 0)
    used = optimisation.tensors()["0/exp_avg"] / 0.1  # 1 - beta_1
    assert float(used.norm()) == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"schedule": "constant"}, {0: 1.0, 99: 1.0}),
        ({"schedule": "constant", "warm_up": 10}, {0: 0.1, 4: 0.5, 9: 1.0, 99: 1.0}),
        ({"schedule": "cosine"}, {0: 1.0, 50: 0.5, 100: 0.0}),
        ({"schedule": "cosine", "warm_up": 20}, {9: 0.5, 20: 1.0, 60: 0.5, 100: 0.0}),
        ({"schedule": "one-cycle"}, {0: 0.04, 15: 0.52, 30: 1.0, 65: 0.5, 100: 0.0}),
    ],
)
def test_learning_rates_follow_their_schedule(settings: dict[str, Any], expected: dict[int, float]) -> None:
    recipe = Recipe(steps=100, learning_rate=0.3, **settings)
    for step, fraction in expected.items():
        assert recipe.rate("any", step) == pytest.approx(0.3 * fraction, abs=1e-9)


def test_averaged_weights_are_what_is_scored_and_kept(tmp_path: Path) -> None:
    showers = points(torch.full((8, 2), 5.0))
    recipe = Recipe(steps=30, batch=8, learning_rate=0.1, ema=0.9, validate_every=30)
    network = Mean()
    _, end = train(network, showers, showers, recipe, tmp_path)
    now = mean = torch.zeros(2)
    adam = torch.optim.Adam([p := nn.Parameter(torch.zeros(2))], lr=0.1)
    for step in range(30):
        p.grad = 2 * (p.detach() - 5.0)
        adam.step()
        decay = min(0.9, (1 + step) / (10 + step))
        now = p.detach()
        mean = decay * mean + (1 - decay) * now
    torch.testing.assert_close(network.mean.detach(), mean)
    assert (mean - now).abs().min() > 0.1
    assert end.best
    assert end.best.score.mean == pytest.approx(float(((5.0 - mean) ** 2).sum()), rel=1e-5)


def test_buffers_are_kept_as_they_are_infinite_ones_too(tmp_path: Path) -> None:
    network = Mean()
    network.register_buffer("edges", torch.tensor([0.0, torch.inf]))
    recipe = Recipe(steps=3, batch=8, ema=0.9, validate_every=3)
    train(network, points(torch.ones(8, 2)), points(torch.ones(8, 2)), recipe, tmp_path)
    assert network.get_buffer("edges").tolist() == [0.0, torch.inf]


def test_half_precision_trains_to_nearly_the_same(
    whole: tuple[list[Any], dict[str, Tensor]], tmp_path: Path
) -> None:
    recipe = replace(RECIPE, precision="bfloat16")
    told, _ = train(Gaussian(), rows(500), rows(300, 5000), recipe, tmp_path)
    assert losses(told) != losses(whole[0])
    assert scores(told)[-1].score.mean == pytest.approx(scores(whole[0])[-1].score.mean, rel=0.02)


def test_training_ends_where_patience_does(tmp_path: Path) -> None:
    showers = points(torch.full((8, 2), 1.0))
    recipe = Recipe(steps=1000, batch=8, learning_rate=0.5, validate_every=5, patience=3)
    network = Mean()
    _, end = train(network, showers, showers, recipe, tmp_path)
    assert end.best
    assert end.step == end.best.step + 15
    assert end.step < 1000
    best = min(r.score.mean for r in end.curve[1:])
    assert float(((1.0 - network.mean.detach()) ** 2).sum()) == pytest.approx(best, rel=1e-5)
    assert losses(train(Mean(), showers, showers, recipe, tmp_path)[0]) == []


def test_two_states_and_the_best_are_kept_and_nothing_pickled(tmp_path: Path) -> None:
    _, end = train(Gaussian(), rows(500), rows(300, 5000), RECIPE, tmp_path)
    assert StateFolder(tmp_path).steps() == [30, 40]
    assert end.best
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    assert len(list(tmp_path.glob("best-*.json"))) <= 2
    assert (tmp_path / f"best-{end.best.step:012d}.safetensors").exists()


@pytest.mark.parametrize("damage", ["flipped", "cut", "json", "absent"])
def test_a_damaged_state_is_passed_over_and_two_are_refused(
    whole: tuple[list[Any], dict[str, Tensor]], tmp_path: Path, damage: str
) -> None:
    train(Gaussian(), rows(500), rows(300, 5000), RECIPE, tmp_path)
    spoil(tmp_path / "step-000000000040.safetensors", damage)
    told, _ = train(Gaussian(), rows(500), rows(300, 5000), RECIPE, tmp_path)
    assert losses(told) == losses(whole[0])[30:]
    for step in (30, 40):
        spoil(tmp_path / f"step-{step:012d}.safetensors", damage)
    with pytest.raises(InputError, match="every state of the training is damaged"):
        train(Gaussian(), rows(500), rows(300, 5000), RECIPE, tmp_path)


def spoil(path: Path, damage: str) -> None:
    if damage == "absent":
        path.unlink()
    elif damage == "json":
        record = path.with_suffix(".json")
        record.write_text(record.read_text().replace('"seconds": ', '"seconds": 1'))
    else:
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(bytes(data) if damage == "flipped" else bytes(data)[:-100])


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"steps": 0}, "steps: 0 is not positive"),
        ({"learning_rate": -1.0}, "learning_rate: -1.0 is not positive"),
        ({"ema": 1.0}, "ema: 1.0 is not in"),
        ({"warm_up": 10}, "warm_up: 10 is not in"),
        ({"batch": 2, "accumulate": 3}, "accumulate: 3 micro-batches"),
        ({"clip": 0.0}, "clip: 0.0 is not positive"),
    ],
)
def test_recipes_that_cannot_be_are_refused(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError, match=line):
        Recipe(**{"steps": 10, **settings})


def test_a_learning_rate_is_asked_for_each_optimiser(tmp_path: Path) -> None:
    values = points(torch.ones(3, 1))
    with pytest.raises(InputError, match="learning_rate: none for b"):
        train(Rivals(), values, values, Recipe(steps=1, learning_rate={"a": 0.1}), tmp_path)
