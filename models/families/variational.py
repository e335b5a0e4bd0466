"""Terms of variational losses as pure functions; no network, no family. All are in nats.

References
----------
Variational autoencoders, arXiv:1312.6114; beta-VAE, Higgins et al., ICLR 2017; free bits, arXiv:1606.04934;
importance weighting, arXiv:1509.00519.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LOG_TWO_PI = math.log(2 * math.pi)
FAINTEST = -9.0  # spreads that a mean lies below where its density is cut: beyond, float32 has no tail


def gaussian(x: Tensor, mean: Tensor, log_width: Tensor) -> Tensor:
    """The log-density of a Gaussian, number by number, [...]."""
    return -0.5 * (((x - mean) * torch.exp(-log_width)).square() + LOG_TWO_PI) - log_width


def hit_or_empty(hit: Tensor, logit: Tensor) -> Tensor:
    """The Bernoulli log-likelihood of a hit mask, number by number, [...].

    Parameters
    ----------
    hit
        1 or 0.
    logit
        Of the probability of a hit.
    """
    return hit * logit - functional.softplus(logit)


def above(least: Tensor, mean: Tensor, log_width: Tensor) -> Tensor:
    """The log-probability that a Gaussian number lies above `least`, [...].

    Subtracted from `gaussian` it makes the density that of numbers above `least` alone.
    """
    total: Tensor = torch.special.log_ndtr(_height(least, mean, log_width))
    return total


def drawn_above(share: Tensor, least: Tensor, mean: Tensor, log_width: Tensor) -> Tensor:
    """Gaussian numbers that lie above `least`, [...].

    Parameters
    ----------
    share
        Uniform in (0, 1): of the probability above `least`, what lies beyond the number.
    least, mean, log_width
        [...].
    """
    beyond = share * above(least, mean, log_width).exp()
    return torch.maximum(mean - log_width.exp() * torch.special.ndtri(beyond), least)


def _height(least: Tensor, mean: Tensor, log_width: Tensor) -> Tensor:
    """How far the mean lies above `least`, in widths."""
    return ((mean - least) * torch.exp(-log_width)).clamp(min=FAINTEST)


def divergence(mean: Tensor, log_width: Tensor) -> Tensor:
    """The Kullback-Leibler divergence of a Gaussian from the one of mean 0 and width 1, [...]."""
    return 0.5 * (mean.square() + torch.exp(2 * log_width) - 1) - log_width


def freed(nats: Tensor, free: float) -> Tensor:
    """Divergences [...] of which `free` nats cost nothing: below, there is no gradient."""
    return nats.clamp(min=free)


def annealed(step: int, steps: int) -> float:
    """The factor of the divergence in a step: it rises from 0 to 1 in so many steps."""
    return min(1.0, step / steps) if steps else 1.0


def importance_bound(log_weights: Tensor) -> Tensor:
    """The logarithm of the mean of K importance weights: at most ln p(x) on average, and ever nearer with K.

    Parameters
    ----------
    log_weights
        ln p(x, z) - ln q(z | x) of K draws of z, [N, K].

    Returns
    -------
    Tensor
        [N].

    Examples
    --------
    >>> importance_bound(torch.tensor([[1.0, 3.0]]).log())
    tensor([0.6931])
    """
    return torch.logsumexp(log_weights, 1) - math.log(log_weights.shape[1])
