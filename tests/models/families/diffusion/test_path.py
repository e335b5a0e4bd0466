"""The path from noise to data, its losses and samplers, against Gaussian data, where all is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from monsoon.models.families.diffusion.path import (
    END,
    SAMPLERS,
    Direction,
    ddim,
    euler,
    heun,
    matching_loss,
    noise_at,
    noise_loss,
    on_path,
    velocity_at,
)

MEAN, SIGMA = 0.7, 0.4


def gaussian(x: Tensor, angle: float | Tensor) -> Tensor:
    """The mean direction for data of mean MEAN and spread SIGMA: a regression of two Gaussians."""
    angle = torch.as_tensor(angle, dtype=x.dtype)
    sine, cosine = torch.sin(angle), torch.cos(angle)
    variance = (sine * SIGMA) ** 2 + cosine**2
    slope = sine * cosine * (SIGMA**2 - 1) / variance
    return cosine * MEAN + slope * (x - sine * MEAN)


def drawn(rows: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    data = MEAN + SIGMA * torch.randn(rows, 1, generator=generator, dtype=torch.float64)
    noise = torch.randn(rows, 1, generator=generator, dtype=torch.float64)
    return data, noise, END * torch.rand(rows, 1, generator=generator, dtype=torch.float64)


def test_the_direction_is_the_derivative_of_the_point_and_contains_noise_and_velocity() -> None:
    data, noise, angle = drawn(100)
    point, direction = on_path(data, noise, angle)
    later, _ = on_path(data, noise, angle + 1e-6)
    torch.testing.assert_close((later - point) / 1e-6, direction, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(noise_at(point, direction, angle), noise)
    torch.testing.assert_close(velocity_at(point, direction, angle), data - noise)


def test_the_matching_loss_at_uniform_angles_is_that_of_velocities_at_uniform_times() -> None:
    """Of the paper: the mean over t of |v(t x + (1 - t) e) - (x - e)|^2; for any network."""

    def network(point: Tensor, angle: Tensor) -> Tensor:
        return 0.3 * torch.sin(3 * point) + 0.2 * angle

    data, noise, angle = drawn(400_000)
    point, direction = on_path(data, noise, angle)
    ours = matching_loss(network(point, angle), direction, angle).mean() * END
    time = angle / END
    y = time * data + (1 - time) * noise
    of_time = torch.atan2(time, 1 - time)
    scale = torch.sqrt(time**2 + (1 - time) ** 2)
    velocity = velocity_at(y / scale, network(y / scale, of_time), of_time)
    assert float(ours) == pytest.approx(float((velocity - (data - noise)).square().mean()), rel=0.01)


@pytest.mark.parametrize("loss", [matching_loss, noise_loss])
def test_a_loss_is_least_where_the_direction_is_that_of_gaussians(
    loss: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> None:
    data, noise, angle = drawn(400_000)
    point, direction = on_path(data, noise, angle)
    best = gaussian(point, angle)
    scale, shift = (torch.zeros((), dtype=torch.float64, requires_grad=True) for _ in range(2))
    value = loss(best + scale * point + shift, direction, angle).mean()
    for slope in torch.autograd.grad(value, [scale, shift]):
        assert abs(float(slope)) < 0.01
    assert float(loss(best, direction, angle).mean()) < float(loss(best + 0.1, direction, angle).mean())


def test_the_noise_loss_is_the_squared_error_of_the_noise() -> None:
    data, noise, angle = drawn(50)
    point, direction = on_path(data, noise, angle)
    guessed = noise_at(point, direction + 0.3, angle)
    torch.testing.assert_close(noise_loss(direction + 0.3, direction, angle), (guessed - noise).square())


@pytest.mark.parametrize(("sampler", "order"), [(euler, 1), (ddim, 1), (heun, 2)])
def test_samplers_reach_the_map_of_gaussians_at_their_order(
    sampler: Callable[[Direction, Tensor, int], Tensor], order: int
) -> None:
    """The exact map is x = MEAN + SIGMA e."""
    noise = torch.linspace(-3, 3, 31, dtype=torch.float64)[:, None]
    exact = MEAN + SIGMA * noise
    errors = [float((sampler(gaussian, noise, steps) - exact).abs().max()) for steps in (100, 200)]
    assert errors[1] < 0.02
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_never_ask_at_the_data_itself(name: str) -> None:
    asked: list[float] = []

    def direction(x: Tensor, angle: float) -> Tensor:
        asked.append(angle)
        return torch.zeros_like(x)

    SAMPLERS[name](direction, torch.zeros(1, 1), 3)
    assert len(asked) == (5 if name == "heun" else 3)
    assert max(asked) < END


def test_one_step_of_ddim_is_exact_for_a_point() -> None:
    noise = torch.tensor([[0.3], [-1.2]])
    x = ddim(lambda x, angle: torch.full_like(x, 2.0), noise, 1)  # at pure noise the direction is the data
    torch.testing.assert_close(x, torch.full_like(x, 2.0))
