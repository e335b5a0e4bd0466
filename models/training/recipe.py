"""The recipe of a training: the settings that a user chooses, and the resulting learning rate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from monsoon.models.errors import InputError

ONE_CYCLE_START = 1 / 25  # fraction of the peak, as in the paper
ONE_CYCLE_RISE = 0.3  # fraction of all steps, unless warm_up is given


@dataclass(frozen=True)
class Recipe:
    """All settings of a training other than the network and the data.

    `monsoon help train` prints the docstring below each key.

    Raises
    ------
    InputError
        With the field, if a number is out of range.

    References
    ----------
    One-cycle schedule: L. N. Smith and N. Topin, arXiv:1708.07120.

    Examples
    --------
    >>> recipe = Recipe(steps=100, learning_rate=0.01, schedule="cosine", warm_up=10)
    >>> [round(recipe.rate("any", step), 4) for step in (0, 9, 55)]
    [0.001, 0.01, 0.005]
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"use_attribute_docstrings": True}  # to be read by jobs

    steps: int
    """Updates of the weights."""
    batch: int = 512
    """Rows of one step, over all workers and micro-batches."""
    learning_rate: float | dict[str, float] = 1e-3
    """One for all optimisers, or one for each by name; the peak where there is a schedule."""
    optimiser: Literal["adam", "adamw"] = "adam"
    """Rule that updates the weights."""
    betas: tuple[float, float] = (0.9, 0.999)
    """Decays of Adam's averages of the gradient and of its square."""
    weight_decay: float = 0.0
    """Decay of the weights per unit of learning rate."""
    schedule: Literal["constant", "cosine", "one-cycle"] = "constant"
    """After the warm-up: constant; cosine to zero; one-cycle: up and down (arXiv:1708.07120)."""
    warm_up: int = 0
    """Steps over which the learning rate rises from zero (one-cycle: to its peak)."""
    clip: float | None = None
    """Largest norm of an optimiser's gradient; absent: not clipped."""
    ema: float = 0.0
    """Decay of the weights' running average, which is validated and kept; 0: the weights themselves."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Number format of the network's arithmetic."""
    accumulate: int = 1
    """Micro-batches that a step is split into, where the whole does not fit the memory."""
    seed: int = 1
    """Number that all random draws of the training follow from."""
    validate_every: int = 100
    """Steps between two scores; each is a candidate for the best."""
    checkpoint_every: int = 100
    """Steps between two states to resume from."""
    patience: int | None = None
    """Validations without a better score after which training ends; absent: it does not end early."""
    threads: int = 1
    """Threads of the CPU; another number may change the last bits."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for name in ("steps", "batch", "accumulate", "validate_every", "checkpoint_every", "threads"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}: {getattr(self, name)} is not positive; give at least 1")
        rates = (
            self.learning_rate.values() if isinstance(self.learning_rate, Mapping) else [self.learning_rate]
        )
        if not all(0 < rate < math.inf for rate in rates):
            raise InputError(f"learning_rate: {self.learning_rate} is not positive")
        if self.clip is not None and not self.clip > 0:
            raise InputError(f"clip: {self.clip} is not positive; leave it out for none")
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience: {self.patience} is not positive; leave it out for none")
        if not 0 <= self.ema < 1:
            raise InputError(f"ema: {self.ema} is not in [0, 1); 0.999 averages over about 1000 steps")
        if not 0 <= self.warm_up < self.steps:
            raise InputError(
                f"warm_up: {self.warm_up} is not in [0, steps); there are {self.steps} steps; "
                "give fewer steps of warm-up, 0 for none"
            )
        if self.batch < self.accumulate:
            raise InputError(f"accumulate: {self.accumulate} micro-batches need a batch of as many rows")

    def peak(self, optimiser: str) -> float:
        """Largest learning rate of one optimiser, by its name.

        Raises
        ------
        InputError
            If the recipe has none for it.
        """
        if not isinstance(self.learning_rate, Mapping):
            return self.learning_rate
        if optimiser not in self.learning_rate:
            raise InputError(
                f"learning_rate: none for {optimiser}; give one number, or one for each optimiser"
            )
        return self.learning_rate[optimiser]

    def rate(self, optimiser: str, step: int) -> float:
        """Learning rate of one optimiser at one step.

        Parameters
        ----------
        optimiser : str
            Its name.
        step : int
            Number of the step, from 0.

        Raises
        ------
        InputError
            If the recipe has none for it.
        """
        return self.peak(optimiser) * self._fraction(step)

    def _fraction(self, step: int) -> float:
        rise = self.warm_up
        if self.schedule == "one-cycle":
            rise = rise or int(ONE_CYCLE_RISE * self.steps)
            if step < rise:
                return ONE_CYCLE_START + (1 - ONE_CYCLE_START) * _half_wave(step / rise)
        elif step < rise:
            return (step + 1) / rise
        if self.schedule == "constant":
            return 1.0
        return 1 - _half_wave((step - rise) / (self.steps - rise))


def _half_wave(x: float) -> float:
    """Half a cosine wave from 0 at x = 0 to 1 at x = 1."""
    return (1 - math.cos(math.pi * x)) / 2
