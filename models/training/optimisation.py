"""One optimiser: the gradient of its loss with respect to its parameters, clipping, and the update."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from monsoon.models.training.recipe import Recipe

KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class Optimisation:
    """One optimiser of a training, and the parameters that it updates.

    Gradients are sent as one flat buffer, so that workers exchange one message per step and optimiser.

    They are computed explicitly, not by torch's DistributedDataParallel, whose hooks sum everything that
    backward() leaves in the parameters. Here several losses may share a graph, and each updates only its own
    parameters.

    Parameters
    ----------
    name : str
        Name of the optimiser, as in `Trainable.optimisers`.
    parameters : sequence of Parameter
        The parameters, with P numbers in all.
    recipe : Recipe
        Gives the kind of optimiser, the learning rate and the clipping.
    """

    def __init__(self, name: str, parameters: Sequence[Parameter], recipe: Recipe) -> None:
        self.name, self.parameters, self._recipe = name, list(parameters), recipe
        self._optimiser = KINDS[recipe.optimiser](
            self.parameters, lr=recipe.peak(name), betas=recipe.betas, weight_decay=recipe.weight_decay
        )

    def gradient(self, loss: Tensor, keep_graph: bool) -> Tensor:
        """Compute d loss / d parameters.

        Parameters
        ----------
        loss : Tensor []
            The loss.
        keep_graph : bool
            Whether another loss of the same graph follows.

        Returns
        -------
        float32 Tensor [P]
            0 for parameters that the loss does not depend on.
        """
        parts = torch.autograd.grad(loss, self.parameters, retain_graph=keep_graph, allow_unused=True)
        return torch.cat(
            [
                torch.zeros_like(p).reshape(-1) if part is None else part.reshape(-1)
                for part, p in zip(parts, self.parameters, strict=True)
            ]
        )

    def step(self, gradient: Tensor, norm: float, step: int) -> float:
        """Update the parameters.

        Parameters
        ----------
        gradient : float32 Tensor [P]
            The mean gradient over all workers.
        norm : float
            Its norm, before clipping.
        step : int
            Number of the step, from 0.

        Returns
        -------
        float
            The learning rate of this step.
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
        """The optimiser's state as a flat dictionary: `0/exp_avg`, `0/step`, ..."""
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
            # torch keeps the number of steps on the CPU, whatever the device
            self._optimiser.state[p][key] = value.clone() if key == "step" else value.to(p, copy=True)
