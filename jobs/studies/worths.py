"""What samples are worth, as tables and plots show it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from monsoon.models.studies.worth import QuantileError

DOMINATED = "bias-dominated"


@dataclass(frozen=True)
class Worth:
    """A worth in events, its 68 % interval, and whether the error is mostly bias."""

    value: float
    low: float
    high: float
    dominated: bool

    @classmethod
    def of(cls, error: QuantileError) -> Worth:
        """Of a quantile error."""
        return cls(*error.worth(), error.dominated)

    @property
    def interval(self) -> list[float]:
        """Value, low and high."""
        return [self.value, self.low, self.high]

    @property
    def bars(self) -> tuple[float, float]:
        """Lengths of error bars downwards and upwards; infinite where there is no upper end."""
        return self.value - self.low if math.isfinite(self.value) else math.nan, self.high - self.value


def shown(worth: Worth) -> str:
    """As in `1,200 (900 to 1,900)`; without an upper end `above 900`."""
    if not math.isfinite(worth.value):
        return f"above {_number(worth.low)}"
    high = f" to {_number(worth.high)}" if math.isfinite(worth.high) else " or more"
    return f"{_number(worth.value)} ({_number(worth.low)}{high})"


def _number(value: float) -> str:
    digits = max(0, math.floor(math.log10(max(value, 1.0))) - 1)
    return f"{round(value, -digits):,.0f}"
