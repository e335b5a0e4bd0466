"""A metric with its uncertainty, beside the same metric between two Geant4 samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import hypot, inf, isfinite
from typing import Protocol, Self, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]
REPLICAS = 50  # an error is known to 10 %


class Rows(Protocol):
    """A sample whose rows can be chosen: a Summary, a ShowerSet, a Tensor."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Tensor, /) -> Self: ...


S = TypeVar("S", bound=Rows)


@dataclass(frozen=True)
class Measurement:
    """One number about a generated sample; the floor is the same between two equally large Geant4 samples."""

    name: str
    value: float
    error: float
    floor: float
    floor_error: float

    @property
    def sigma(self) -> float:
        """Distance from the floor in units of both errors together; infinite for what is not finite."""
        difference, error = abs(self.value - self.floor), hypot(self.error, self.floor_error)
        if not isfinite(difference + error):
            return inf
        if error > 0:
            return difference / error
        return inf if difference > 0 else 0.0


def bootstrap(
    metric: Callable[[S, S], float | Array], generated: S, reference: S, replicas: int, seed: int
) -> tuple[Array, Array]:
    """A metric of two samples, and its standard error; a number, or an array of them, as the metric gives.

    A replica is a random half of the rows, drawn without replacement. The spread over halves estimates the
    error at the full size, as (1/m - 1/n) = 1/n for m = n/2, and no row appears twice: metrics of nearest
    neighbours would take copies for structure. Both samples are halved alike, so that what rows of one
    condition have in common cancels in the error as it does in the value. The error of a distance which is
    zero but for noise comes out too large, by 1.7 where the noise is Gaussian.

    Raises ValueError where the samples differ in size or have fewer than four rows.
    """
    if len(generated) != len(reference) or len(reference) < 4:
        raise ValueError(f"samples of {len(generated)} and {len(reference)} rows: four or more, equally many")
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(replicas):
        rows = torch.from_numpy(np.sort(rng.permutation(len(reference))[: len(reference) // 2]))
        found.append(np.asarray(metric(generated[rows], reference[rows]), np.float64))
    with np.errstate(invalid="ignore"):  # infinite replicas have no spread: NaN
        error = np.std(found, 0, ddof=1)
    return np.asarray(metric(generated, reference), np.float64), np.asarray(error)


def measured(
    name: str,
    metric: Callable[[S, S], float],
    generated: S,
    reference: S,
    floor: S,
    replicas: int = REPLICAS,
    seed: int = 0,
) -> Measurement:
    """One metric of generated against reference and of floor against reference, with bootstrap errors."""
    value, error = bootstrap(metric, generated, reference, replicas, seed)
    at_floor, floor_error = bootstrap(metric, floor, reference, replicas, seed)
    return Measurement(name, float(value), float(error), float(at_floor), float(floor_error))


def measured_each(
    names: Sequence[str],
    metric: Callable[[S, S], Array],
    generated: S,
    reference: S,
    floor: S,
    replicas: int = REPLICAS,
    seed: int = 0,
) -> list[Measurement]:
    """As `measured`, for a metric that gives one number for each of `names`.

    A number is left out where its floor or an error is not finite, as in an energy bin with few showers; one
    that is not finite for the generated sample alone stays.
    """
    columns = (
        *bootstrap(metric, generated, reference, replicas, seed),
        *bootstrap(metric, floor, reference, replicas, seed),
    )
    rows = zip(names, *(column.tolist() for column in columns), strict=True)
    found = [Measurement(*row) for row in rows]
    return [
        m for m in found if isfinite(m.floor + m.floor_error) and (isfinite(m.error) or not isfinite(m.value))
    ]
