"""Losses of generator and critic as pure functions of what the critic says; no network, no family.

N rows have weights that are scaled so that a sum over them is a mean. All losses but those of the classifiers
are linear in the weights, so that negative ones may stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

Critic = Callable[[Tensor], Tensor]
"""Vectors [N, D] to one number for each row, [N]; row i of row i."""

LEAST_SQUARED = 1e-12  # below it a distance has no gradient, which would be infinite at 0


def classifier(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """The cross-entropy of a critic whose numbers are logits: -ln s(real) - ln(1 - s(fake)).

    Parameters
    ----------
    real, fake
        What it says of real and of generated rows, [N].
    weight
        [N], of both rows.

    Returns
    -------
    Tensor
        [].

    References
    ----------
    Goodfellow et al., arXiv:1406.2661; conditional: Mirza, Osindero, arXiv:1411.1784.
    """
    return (weight * (functional.softplus(-real) + functional.softplus(fake))).sum()


def saturating(fake: Tensor, weight: Tensor) -> Tensor:
    """The generator's ln(1 - s(fake)): its gradient vanishes where the critic is sure. [] of [N], [N]."""
    return -(weight * functional.softplus(fake)).sum()


def non_saturating(fake: Tensor, weight: Tensor) -> Tensor:
    """The generator's -ln s(fake): its gradient is largest where the critic is sure. [] of [N], [N]."""
    return (weight * functional.softplus(-fake)).sum()


def wasserstein(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """The difference of the means, real less fake: for the best critic the Wasserstein distance.

    The generator reduces it; the critic, whose slope is limited to 1, enlarges it.

    Parameters
    ----------
    real, fake, weight
        As for `classifier`.

    References
    ----------
    Arjovsky, Chintala, Bottou, arXiv:1701.07875.
    """
    return (weight * (real - fake)).sum()


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, place: Tensor, share: Tensor) -> Tensor:
    """The squared deviation of the critic's slope from 1, between real and generated rows.

    Parameters
    ----------
    critic
        Twice differentiable.
    real, fake
        [N, D], without gradients.
    place
        [N, 1] in (0, 1), where between them.
    share
        [N], of each row in the mean; not its weight.

    Returns
    -------
    Tensor
        [].

    References
    ----------
    Gulrajani et al., arXiv:1704.00028.
    """
    between = (fake + place * (real - fake)).requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (share * (length(slope) - 1).square()).sum()


def lipschitz_penalty(critic: Critic, x: Tensor, direction: Tensor, away: Tensor, share: Tensor) -> Tensor:
    """The squared excess of the critic's slope over 1, towards where it changes most.

    The direction in which the critic changes most at a finite distance is found by one power iteration from
    a random one.

    Parameters
    ----------
    critic
        Differentiable.
    x
        Real or generated rows [N, D], without gradients.
    direction
        [N, D], random.
    away
        [N, 1], distance to look at.
    share
        As for `gradient_penalty`.

    Returns
    -------
    Tensor
        [].

    References
    ----------
    Terjek, arXiv:1907.05681.
    """
    here = critic(x)
    step = (away * functional.normalize(direction)).requires_grad_(True)
    change = (critic(x + step) - here.detach()).abs().sum()
    (towards,) = torch.autograd.grad(change, step)
    found = away * functional.normalize(towards)
    slope = (critic(x + found) - here).abs() / away[:, 0]
    return (share * functional.relu(slope - 1).square()).sum()


def cramer(real: Tensor, fake: Tensor, other: Tensor, weight: Tensor) -> Tensor:
    """|x - g| + |x - g'| - |g - g'|: the energy distance at equal condition, but for a constant.

    Its mean over conditions is least where the generated distribution of each condition is the real one. The
    constant, |x - x'|, would need two real rows of a condition.

    Parameters
    ----------
    real, fake, other
        x, and two generated rows g and g' of the same condition, as the critic's features, [N, K].
    weight
        [N], of the three rows.

    Returns
    -------
    Tensor
        [].

    References
    ----------
    Bellemare et al., arXiv:1705.10743.
    """
    of_real = length(real - fake) + length(real - other)
    return (weight * (of_real - length(fake - other))).sum()


def cramer_critic(at: Tensor, other: Tensor) -> Tensor:
    """|x - g'| - |x|: larger for real than for generated rows x, [N] of features [N, K].

    The second term stands for the distance to another real row of the condition, which there is none of.
    """
    return length(at - other) - length(at)


def energy_distance(real: Tensor, fake: Tensor, weight: Tensor) -> Tensor:
    """2 E|x - g| - E|x - x'| - E|g - g'|, without bias: over pairs of different rows, weighted w_i w_j.

    Row i of both samples may have the same condition. Weights may be negative; where they are worth less
    than two rows, the pairs count as those of two.

    Parameters
    ----------
    real, fake
        x and g, [N, K].
    weight
        [N], of row i of both.

    Returns
    -------
    Tensor
        []; its mean over samples is 0 if and only if both have one distribution.

    Examples
    --------
    >>> energy_distance(torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [3.0]]), torch.ones(2))
    tensor(2.)
    """
    share = weight / weight.sum()
    pairs = share[:, None] * share * (1 - torch.eye(len(share), device=share.device))
    apart = 2 * torch.cdist(real, fake) - torch.cdist(real, real) - torch.cdist(fake, fake)
    return (pairs * apart).sum() / (1 - share.square().sum()).clamp(min=0.5)


def length(x: Tensor) -> Tensor:
    """Euclidean length of rows [N, D], [N]; its gradient is 0 where that is 0."""
    full = x.to(torch.promote_types(x.dtype, torch.float32))
    return full.square().sum(1).clamp(min=LEAST_SQUARED).sqrt()
