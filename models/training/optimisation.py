"""One optimiser: its own loss by its own parameters, the workers' mean gradient, clipped, stepped."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from monsoon.models.training.recipe import Recipe

KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class Optimisation:
    """One optimiser of a training, and the parameters that it moves.

    Gradients travel as one flat buffer, so that workers exchange one message a step and optimiser.

    They are computed explicitly, not by torch's DistributedDataParallel: its hooks sum all that backward()
    leaves in the parameters. Here several losses share a graph, and each must move its own parameters alone.

    Parameters
    ----------
    name
        Of the optimiser, as in `Trainable.optimisers`.
    parameters
        With P numbers altogether.
    recipe
        Kind of optimiser, learning rate, clipping.
    """

    def __init__(self, name: str, parameters: Sequence[Parameter], recipe: Recipe) -> None:
        self.name, self.parameters, self._recipe = name, list(parameters), recipe
        self._optimiser = KINDS[recipe.optimiser](
            self.parameters, lr=recipe.peak(name), betas=recipe.betas, weight_decay=recipe.weight_decay
        )

    def gradient(self, loss: Tensor, keep_graph: bool) -> Tensor:
        """d loss / d parameters, float32 [P]; zero for parameters that the loss does not depend on.

        Parameters
        ----------
        loss
            A scalar.
        keep_graph
            Whether another loss of the same graph comes after this one.
        """
        parts = torch.autograd.grad(loss, self.parameters, retain_graph=keep_graph, allow_unused=True)
        return torch.cat(
            [
                torch.zeros_like(p).reshape(-1) if part is None else part.reshape(-1)
                for part, p in zip(parts, self.parameters, strict=True)
            ]
        )

    def step(self, gradient: Tensor, norm: float, step: int) -> float:
        """Move the parameters.

        Parameters
        ----------
        gradient
            float32 [P].
        norm
            Of the gradient, before clipping.
        step
            Number of the step, from 0.

        Returns
        -------
        float
            The learning rate that was used.
        """
        if self._recipe.clip is not None and norm > self._recipe.clip:
            gradient = gradient * (self._recipe.clip / norm)
        rate = self._recipe.rate(self.name, step)
        self._optimiser.param_groups[0]["lr"] = rate
        parts = torch.split(gradient, [p.numel() for p in self.parameters])
        for p, part in zip(self.parameters, parts, strict=True):
            p.grad = part.view_as(p)
        self._optimiser.step()
        self._optimiser.zero_grad()
        return rate

    def tensors(self) -> dict[str, Tensor]:
        """The optimiser's state, flat: `0/exp_avg`, `0/step`, ..."""
        return {
            f"{number}/{key}": value
            for number, p in enumerate(self.parameters)
            for key, value in self._optimiser.state[p].items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore the state that `tensors` returned."""
        for name, value in tensors.items():
            number, _, key = name.partition("/")
            p = self.parameters[int(number)]
            # torch keeps the number of steps on the CPU for every device
            self._optimiser.state[p][key] = value.clone() if key == "step" else value.to(p, copy=True)
