"""The path from noise to data that these families share, losses on it, and ways along it. Pure functions.

A vector x of data and Gaussian noise e lie on a quarter of a circle, of angle a from 0 to pi/2:

    point      x_a = sin(a) x + cos(a) e
    direction  u_a = dx_a / da = cos(a) x - sin(a) e

A network predicts the mean direction U(x_a, a) = E[u_a | x_a]. It determines the other parametrisations: of
denoising diffusion with the cosine schedule, whose noise is e = cos(a) x_a - sin(a) u_a; and of flow matching
on straight paths y_t = t x + (1 - t) e with tan(a) = t / (1 - t), whose points are those of the circle times
s = 1 / (sin(a) + cos(a)) and whose velocity is x - e. Data of unit size stays of unit size at every angle,
and for a standard Gaussian U is 0.

References
----------
Denoising diffusion, arXiv:2006.11239; its deterministic sampler, arXiv:2010.02502; flow matching,
arXiv:2210.02747; the angle, arXiv:2202.00512.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

Direction = Callable[[Tensor, float], Tensor]
"""The mean direction [N, D] at points [N, D] of one angle."""

END = math.pi / 2


def on_path(x: Tensor, noise: Tensor, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Points and directions, [N, D] each, of data and noise [N, D] at angles [N, 1]."""
    sine, cosine = torch.sin(angle), torch.cos(angle)
    return sine * x + cosine * noise, cosine * x - sine * noise


def noise_at(point: Tensor, direction: Tensor, angle: Tensor) -> Tensor:
    """The noise [N, D] that a point and a direction contain."""
    return torch.cos(angle) * point - torch.sin(angle) * direction


def velocity_at(point: Tensor, direction: Tensor, angle: Tensor) -> Tensor:
    """The velocity x - e of the straight path, [N, D]."""
    sine, cosine = torch.sin(angle), torch.cos(angle)
    return (sine - cosine) * point + (sine + cosine) * direction


def matching_loss(predicted: Tensor, direction: Tensor, angle: Tensor) -> Tensor:
    """Flow matching: squared errors [N, D] that are right where angles are uniform.

    The error of the velocity is (sin(a) + cos(a)) times that of the direction, and uniform times t are angles
    of density 1 / (sin(a) + cos(a))^2: the factors cancel, up to pi/2.
    """
    return (predicted - direction).square()


def noise_loss(predicted: Tensor, direction: Tensor, angle: Tensor) -> Tensor:
    """Denoising diffusion: squared errors [N, D] of the predicted noise."""
    return (torch.sin(angle) * (predicted - direction)).square()


def euler(direction: Direction, x: Tensor, steps: int) -> Tensor:
    """Follow the mean direction by Euler's method.

    Parameters
    ----------
    direction
        Evaluated once a step.
    x
        Noise, [N, D].
    steps
        Of equal angle.
    """
    for a, b in pairwise(angles(steps)):
        x = x + (b - a) * direction(x, a)
    return x


def heun(direction: Direction, x: Tensor, steps: int, begin: float = 0.0, end: float = END) -> Tensor:
    """Follow the mean direction by Heun's method, of second order; the last step is Euler's.

    Data may have edges, where the direction has no limit: it is not asked for at the end.

    Parameters
    ----------
    direction
        Evaluated twice a step, and once in a step that ends at the data.
    x
        Points at the first angle, [N, D].
    steps
        Of equal angle.
    begin, end
        The first and the last angle.
    """
    for a, b in pairwise(angles(steps, begin, end)):
        first = direction(x, a)
        if b < END:
            first = 0.5 * (first + direction(x + (b - a) * first, b))
        x = x + (b - a) * first
    return x


def ddim(direction: Direction, x: Tensor, steps: int) -> Tensor:
    """Denoise in steps: predict data and noise, and put them together at the next angle, arXiv:2010.02502.

    Parameters
    ----------
    direction
        Evaluated once a step.
    x
        Noise, [N, D].
    steps
        Of equal angle.
    """
    for a, b in pairwise(angles(steps)):
        x = math.cos(b - a) * x + math.sin(b - a) * direction(x, a)
    return x


def angles(steps: int, begin: float = 0.0, end: float = END) -> list[float]:
    """Angles of equal distance, `steps` + 1 of them; the last one is `end` exactly."""
    return [begin + (end - begin) * step / steps for step in range(steps)] + [end]


SAMPLERS: dict[str, Callable[[Direction, Tensor, int], Tensor]] = {"heun": heun, "euler": euler, "ddim": ddim}
