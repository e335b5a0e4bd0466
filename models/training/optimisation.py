"""One optimiser: its own loss by its own parameters, the workers' mean gradient, clipped, stepped."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import Parameter

from monsoon.models.training.recipe import Recipe

KINDS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class Optimisation:
    """Gradients travel as one flat buffer, so that workers exchange one message a step and optimiser.

    Explicit gradients instead of torch's DistributedDataParallel: its hooks sum whatever backward() leaves in
    the parameters, but here several losses share a graph, and each may touch its own parameters alone.
    """

    def __init__(self, name: str, parameters: Sequence[Parameter], recipe: Recipe) -> None:
        self.name, self.parameters, self._recipe = name, list(parameters), recipe
        self._optimiser = KINDS[recipe.optimiser](
            self.parameters, lr=recipe.peak(name), betas=recipe.betas, weight_decay=recipe.weight_decay
        )

    def gradient(self, loss: Tensor, keep_graph: bool) -> Tensor:
        """d loss / d parameters, float32 [P]; zero for parameters that the loss does not see."""
        parts = torch.autograd.grad(loss, self.parameters, retain_graph=keep_graph, allow_unused=True)
        return torch.cat(
            [
                torch.zeros_like(p).reshape(-1) if part is None else part.reshape(-1)
                for part, p in zip(parts, self.parameters, strict=True)
            ]
        )

    def step(self, gradient: Tensor, norm: float, step: int) -> float:
        """Move the parameters; `norm` is that of `gradient`. Returns the learning rate used."""
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
        """The optimiser's memory, flat: `0/exp_avg`, `0/step`, ..."""
        return {
            f"{number}/{key}": value
            for number, p in enumerate(self.parameters)
            for key, value in self._optimiser.state[p].items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """What `tensors` gave."""
        for name, value in tensors.items():
            number, _, key = name.partition("/")
            p = self.parameters[int(number)]
            # torch keeps the number of steps on the CPU whatever the device
            self._optimiser.state[p][key] = value.clone() if key == "step" else value.to(p, copy=True)
