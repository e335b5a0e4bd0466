"""Students: a teacher's way from noise to data in one to four evaluations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from monsoon.models.data.batches import Batch
from monsoon.models.errors import InputError
from monsoon.models.families.diffusion.denoiser import Denoiser, DenoiserOptions
from monsoon.models.families.diffusion.path import END, heun, on_path
from monsoon.models.families.options import chosen
from monsoon.models.families.vectors.vectors import Encoded

MOST_STEPS = 4


@dataclass(frozen=True)
class StudentOptions(DenoiserOptions):
    """Settings of a student.

    Attributes
    ----------
    steps : int
        Of the student, 1 to 4, each one evaluation.
    substeps : int
        Heun steps that the teacher makes for each of them.
    """

    steps: int = 2
    sampler: Any = "euler"
    substeps: int = 4

    LEAST: ClassVar[Mapping[str, int]] = {**DenoiserOptions.LEAST, "substeps": 1}

    def __post_init__(self) -> None:
        """Refuse numbers out of range. Raises InputError."""
        super().__post_init__()
        if self.steps > MOST_STEPS:
            raise InputError(f"options: steps {self.steps} is more than a student's {MOST_STEPS}")
        if self.sampler != "euler":
            raise InputError("options: sampler is euler for a student: a step is one evaluation")


class Student(Denoiser):
    """A network that makes each of a few steps as its teacher makes many; see `Denoiser`.

    The quarter circle from noise to data is cut into `steps` equal angles. At the first of each the student
    learns the mean direction of the teacher's way through it, so that Euler's method arrives where the
    teacher does. It starts as the teacher is, and needs it in training alone.

    References
    ----------
    Regression of the teacher's map, arXiv:2101.02388; from points of the data's path, arXiv:2202.00512.
    """

    Options = StudentOptions
    label = "a student"
    OWN: ClassVar[tuple[str, ...]] = ("steps", "substeps")
    SHARED: ClassVar[tuple[str, ...]] = ("width", "blocks", "known", "precision", "weight_steps")

    def build(self) -> None:
        """Make the network; there is no teacher yet."""
        super().build()
        self._teacher: tuple[Denoiser, ...] = ()  # in a tuple: its weights are none of the student's

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: Any, layout: Any) -> Self:
        """A student with the weights of its teacher; see `VectorFamily`.

        Parameters
        ----------
        options
            `teacher`, a trained `Denoiser`; `steps` and `substeps`.
        sample, layout
            Of the kind that the teacher was trained on.

        Raises
        ------
        InputError
            If an option is unknown or out of range, or the teacher is none.
        """
        given = chosen(options, ["teacher", *cls.OWN], cls.label)
        teacher = given.pop("teacher", None)
        if not isinstance(teacher, Denoiser):
            raise InputError(
                "options: a student needs a teacher; give the folder of a flow-matching or diffusion"
            )
        settings = cls.Options(**given, **{name: getattr(teacher.options, name) for name in cls.SHARED})
        cls.refuse_signed(settings, sample)
        student = cls({**teacher.config, "options": asdict(settings), "teacher": teacher.fingerprint})
        student.load_state_dict(teacher.state_dict())
        student.learn_from(teacher)
        return student

    def learn_from(self, teacher: Any) -> None:
        """Take a teacher. Raises InputError if it is not the one that the student began with."""
        if getattr(teacher, "fingerprint", None) != self.config["teacher"]:
            raise InputError("options: teacher is not the model that this training began with")
        self._teacher = (teacher.requires_grad_(False).eval(),)

    def losses(self, encoded: Encoded, weight: Tensor, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """The weighted mean squared distance of a number from the teacher's."""
        return {"direction": (weight * self._error(encoded, batch)).sum() / self.vectors.width}

    def validation(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        """Of each row: squared distances, summed, and the loss of what is drawn first; [N]."""
        return encoded.loss + self._error(encoded, batch)

    def _error(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        steps, width = self.options.steps, END / self.options.steps
        part = (steps * batch.uniform(1)).floor().clamp(max=steps - 1)
        angle = width * part
        point, _ = on_path(encoded.x, batch.normal(self.vectors.width), angle)
        point = point * encoded.present
        predicted = self.direction(point, angle, encoded.context, encoded.present)
        taught = torch.zeros_like(point)
        for number in range(steps):
            rows = torch.nonzero(part[:, 0] == number)[:, 0]
            if len(rows):
                way = self._way(point[rows], number, encoded.context[rows], encoded.present[rows])
                taught = taught.index_copy(0, rows, way.to(taught.dtype))
        return (predicted - taught).square().sum(1)

    def in_steps(self, steps: int) -> Self:
        """Refused with InputError: a student has learned its own steps."""
        raise InputError(f"steps: {steps}, and a student has learned {self.options.steps}; train another")

    @torch.no_grad()
    def _way(self, point: Tensor, part: int, context: Tensor, present: Tensor) -> Tensor:
        """The mean direction of the teacher's way through one part, [N, D]."""
        teacher, steps = self._teacher[0].to(point.device), int(self.options.steps)
        begin = END * part / steps
        end = END if part == steps - 1 else END * (part + 1) / steps

        def direction(x: Tensor, angle: float) -> Tensor:
            return teacher.direction(x, x.new_full((x.shape[0], 1), angle), context, present)

        return (heun(direction, point, self.options.substeps, begin, end) - point) / (end - begin)
