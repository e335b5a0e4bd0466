"""A pair of kernels, values and first gradients, as one function that torch differentiates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable


class Kernels(NamedTuple):
    """What is computed of contiguous tensors, x [...], parameters [..., 3 K - 1] and the end of the interval.

    Attributes
    ----------
    evaluate : callable
        Value and log slope, [...] each.
    differentiate : callable
        Given the gradients by value and by log slope too: those by x and by the parameters.
    """

    evaluate: Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]
    differentiate: Callable[[Tensor, Tensor, float, Tensor, Tensor], tuple[Tensor, Tensor]]


def spline(x: Tensor, parameters: Tensor, bound: float, kernels: Kernels) -> tuple[Tensor, Tensor]:
    """The reference's `spline(x, parameters, bound)` and its first gradients, by these kernels.

    Parameters
    ----------
    x
        float32 [...].
    parameters
        float32 [..., 3 K - 1].
    bound
        End of the interval.
    kernels
        Of the tensors' device.

    Returns
    -------
    value : Tensor
        float32 [...].
    log_slope : Tensor
        float32 [...].

    Raises
    ------
    ValueError
        If the leading shapes differ: nothing is broadcast.
    RuntimeError
        If second derivatives are asked for.
    """
    if parameters.shape[:-1] != x.shape:
        raise ValueError(f"parameters {list(parameters.shape)} do not fit x {list(x.shape)}")
    value, log_slope = _Spline.apply(x, parameters, bound, kernels)  # type: ignore[no-untyped-call]
    return value, log_slope


class _Spline(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, parameters: Tensor, bound: float, kernels: Kernels
    ) -> tuple[Tensor, Tensor]:
        x, parameters = x.contiguous(), parameters.contiguous()
        ctx.save_for_backward(x, parameters)
        ctx.bound, ctx.kernels = bound, kernels
        return kernels.evaluate(x, parameters, bound)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, for_value: Tensor, for_log_slope: Tensor) -> tuple[Tensor, Tensor, None, None]:
        given = (for_value.contiguous(), for_log_slope.contiguous())
        return *ctx.kernels.differentiate(*ctx.saved_tensors, ctx.bound, *given), None, None
