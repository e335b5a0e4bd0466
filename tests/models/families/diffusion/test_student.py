"""Students arrive where their teacher does, in a step, and need it in training alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from monsoon.models.data.batches import Batch
from monsoon.models.data.tables.files import TableSet
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError
from monsoon.models.families.diffusion.denoiser import Denoiser, Diffusion, FlowMatching
from monsoon.models.families.diffusion.path import END
from monsoon.models.families.diffusion.student import Student
from monsoon.models.kernels.splitmix import GAMMA, mixed
from monsoon.models.records import Table
from monsoon.models.store.checkpoint import load, save

pytestmark = pytest.mark.slow

SCHEMA = Schema((Column("x"),), (Column("c"),))
SMALL = {"width": 32, "blocks": 1, "known": 16, "knots": 2, "seed": 1}


def rows(count: int) -> TableSet:
    """Two peaks at -1 and 2, whose shares follow from the condition."""
    generator = torch.Generator().manual_seed(1)
    c = torch.rand(count, 1, generator=generator).double()
    high = torch.rand(count, 1, generator=generator) < c
    x = torch.where(high, 2.0, -1.0) + 0.3 * torch.randn(count, 1, generator=generator).double()
    return TableSet(Table(("c",), c), Table(("x",), x), torch.ones(count))


def trained(model: Denoiser, steps: int) -> Any:
    sample = rows(8000)
    optimisers = {name: torch.optim.Adam(parts, 5e-3) for name, parts in model.optimisers().items()}
    for step in range(steps):
        chosen = torch.randint(len(sample), (256,), generator=torch.Generator().manual_seed(step))
        batch = Batch.of(sample[chosen], mixed(chosen * GAMMA + step))
        for name, loss in model.training_step(batch, step).items():
            optimisers[name].zero_grad()
            (loss / len(batch)).backward()
            optimisers[name].step()
    return model.requires_grad_(False).eval()


@pytest.fixture(scope="module")
def teacher() -> Any:
    return trained(FlowMatching.prepare(SMALL, rows(8000), SCHEMA), 400)


def made(model: Any) -> Tensor:
    noise = torch.rand(4000, model.noise_dimensions, generator=torch.Generator().manual_seed(3))
    values: Tensor = model.sample(rows(4000).conditions, noise).values[:, 0]
    return values


def test_flow_matching_and_diffusion_learn_two_peaks(teacher: Any) -> None:
    real = rows(4000).features.values[:, 0]
    diffusion = trained(Diffusion.prepare({**SMALL, "steps": 20}, rows(8000), SCHEMA), 400)
    for model in (teacher, diffusion):
        x = made(model)
        assert float((x > 0.5).double().mean()) == pytest.approx(
            float((real > 0.5).double().mean()), abs=0.04
        )
        assert float(((x > 0) & (x < 1)).double().mean()) < 0.1  # of a Gaussian of the same width: 0.27
        assert float(x.std()) == pytest.approx(float(real.std()), rel=0.06)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_student_arrives_where_its_teacher_does(teacher: Any, steps: int) -> None:
    student = trained(Student.prepare({"teacher": teacher, "steps": steps}, rows(8000), SCHEMA), 300)
    far = made(teacher)
    near = (made(student) - far).abs().mean()
    assert float(near) < 0.12
    hurried = teacher.in_steps(steps)
    assert float(near) < 0.7 * float((made(hurried) - far).abs().mean())


def test_the_way_of_a_part_is_the_teachers(teacher: Any) -> None:
    """Parts one after the other, at the teacher's own points, are the teacher's sample with as many steps."""
    student = Student.prepare({"teacher": teacher, "steps": 2, "substeps": 4}, rows(800), SCHEMA)
    context, present = torch.randn(20, teacher.vectors.context), torch.ones(20, 1)
    noise = torch.rand(20, 1)
    x = torch.special.ndtri(noise)
    for part in range(2):
        x = x + END / 2 * student._way(x, part, context, present)
    torch.testing.assert_close(x, teacher.draw(context, present, noise), atol=1e-5, rtol=1e-5)


def test_a_student_is_stored_without_its_teacher_and_knows_it(teacher: Any, tmp_path: Path) -> None:
    student = Student.prepare({"teacher": teacher}, rows(800), SCHEMA)
    assert student.state_dict().keys() == teacher.state_dict().keys()
    other = FlowMatching.prepare({**SMALL, "seed": 2}, rows(800), SCHEMA)
    with pytest.raises(InputError, match="not the model that this training began with"):
        student.learn_from(other)
    save(tmp_path, student.requires_grad_(False), {"name": "student"})
    assert torch.equal(made(load(tmp_path).model), made(student))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 5}, "steps 5 is more than"),
        ({"steps": 0}, "steps 0 is not"),
        ({"sampler": "heun"}, "unknown option sampler"),
        ({"teacher": "somewhere"}, "a student needs a teacher"),
    ],
)
def test_options_of_a_student_that_cannot_be_used_are_refused(
    teacher: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Student.prepare({"teacher": teacher, **options}, rows(100), SCHEMA)
    with pytest.raises(InputError, match="a student has learned 2"):
        Student.prepare({"teacher": teacher}, rows(100), SCHEMA).in_steps(1)


@pytest.mark.parametrize(
    ("name", "known"), [("sampler", "heun, euler, ddim"), ("precision", "float32 or bfloat16")]
)
def test_settings_that_there_are_not_are_refused(name: str, known: str) -> None:
    with pytest.raises(InputError, match=f"{name} 'guess' is not {known}"):
        FlowMatching.prepare({**SMALL, name: "guess"}, rows(100), SCHEMA)


def test_numbers_that_are_not_present_neither_count_nor_are_seen(teacher: Any) -> None:
    """Columns x and y are tied in every row: the second has no number of its own."""
    sample = rows(200)
    both = torch.cat([sample.features.values, sample.features.values], 1)
    tied = TableSet(sample.conditions, Table(("x", "y"), both), sample.weight)
    model = FlowMatching.prepare(SMALL, tied, Schema((Column("x"), Column("y")), (Column("c"),)))
    batch = Batch.of(tied, mixed(torch.arange(200) * GAMMA))
    encoded = model.vectors.encode(batch)
    assert not encoded.present[:, 1].any()
    first = model.validation(encoded, batch[:])
    encoded.x[:, 1] = 7.0
    assert torch.equal(model.validation(encoded, batch[:]), first)
