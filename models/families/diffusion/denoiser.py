"""What families that carry noise to data share, and the two that learn it from data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, cast

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.errors import InputError
from monsoon.models.families.diffusion.path import END, SAMPLERS, matching_loss, noise_loss, on_path
from monsoon.models.families.vectors.family import VectorFamily, VectorOptions
from monsoon.models.families.vectors.vectors import Encoded
from monsoon.models.networks.lattice import LatticeNet
from monsoon.models.networks.residual import ResidualNet

HARMONICS = 8  # of the angle, that the network is told


@dataclass(frozen=True)
class DenoiserOptions(VectorOptions):
    """Settings of a network that carries noise to data.

    Attributes
    ----------
    steps : int
        Of the sampler.
    sampler : str
        How the path is followed: heun, euler or ddim.
    width : int
        Of the network: channels of its upper level on a lattice, of the layers elsewhere.
    blocks : int
        Residual blocks of the network, at each of its levels.
    known : int
        Numbers that the network is told of angle and context.
    precision : str
        Of the network's arithmetic in sampling: float32, or bfloat16, which is faster where a machine has it.
    """

    steps: int = 8
    sampler: Literal["heun", "euler", "ddim"] = "heun"
    width: int = 64
    blocks: int = 1
    known: int = 64
    precision: Literal["float32", "bfloat16"] = "float32"

    LEAST: ClassVar[Mapping[str, int]] = {**VectorOptions.LEAST, "steps": 1, "blocks": 1}
    WIDTHS = ("width", "known")

    def __post_init__(self) -> None:
        """Refuse numbers out of range. Raises InputError."""
        super().__post_init__()
        if self.sampler not in SAMPLERS:
            raise InputError(f"options: sampler {self.sampler!r} is not {', '.join(SAMPLERS)}")
        if self.precision not in ("float32", "bfloat16"):
            raise InputError(f"options: precision {self.precision!r} is not float32 or bfloat16")


class Denoiser(VectorFamily):
    """A network that predicts the mean direction from noise to data; see path.py and `VectorFamily`."""

    Options = DenoiserOptions

    def build(self) -> None:
        """Make the network: a U-Net where vectors lie on a lattice."""
        options, vectors = self.options, self.vectors
        self.told = nn.Sequential(
            nn.Linear(vectors.context + 2 * HARMONICS, 2 * options.known),
            nn.SiLU(),
            nn.Linear(2 * options.known, options.known),
            nn.SiLU(),
        )
        shape = options.known, options.width, options.blocks
        self.network = (
            LatticeNet(vectors.lattice, *shape) if vectors.lattice else ResidualNet(vectors.width, *shape)
        )

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The network."""
        return {"direction": [*self.told.parameters(), *self.network.parameters()]}

    def direction(self, point: Tensor, angle: Tensor, context: Tensor, present: Tensor) -> Tensor:
        """The mean direction [N, D] at points [N, D] of angles [N, 1], given contexts [N, F]."""
        waves = angle * torch.arange(1, HARMONICS + 1, device=angle.device)
        known = self.told(torch.cat([context, torch.sin(2 * waves), torch.cos(2 * waves)], 1))
        return cast(Tensor, self.network(point * present, known)) * present

    def draw(self, context: Tensor, present: Tensor, noise: Tensor) -> Tensor:
        """Vectors of contexts; see `VectorFamily`."""

        def direction(x: Tensor, angle: float) -> Tensor:
            return self.direction(x, x.new_full((x.shape[0], 1), angle), context, present)

        begun = torch.special.ndtri(noise) * present
        half = self.options.precision == "bfloat16"
        with torch.autocast(noise.device.type, torch.bfloat16, enabled=half):
            return SAMPLERS[self.options.sampler](direction, begun, self.options.steps)

    def in_steps(self, steps: int) -> Self:
        """The same network with another number of sampling steps: less quality for less time, or more."""
        options = {**self.config["options"], "steps": steps}
        other = self.restore({**self.config, "options": options})
        other.load_state_dict(self.state_dict())
        return other.requires_grad_(False).eval()


class _Learned(Denoiser):
    """A denoiser whose loss is a mean over data, noise and angles."""

    def error(self, predicted: Tensor, direction: Tensor, angle: Tensor) -> Tensor:
        """Squared errors [N, D]."""
        raise NotImplementedError

    def losses(self, encoded: Encoded, weight: Tensor, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """The weighted mean squared error of a number."""
        return {"direction": (weight * self._error(encoded, batch)).sum() / self.vectors.width}

    def validation(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        """Of each row: squared errors, summed, and the loss of what is drawn first; [N]."""
        return encoded.loss + self._error(encoded, batch)

    def _error(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        angle = END * batch.uniform(1)
        point, direction = on_path(encoded.x, batch.normal(self.vectors.width), angle)
        predicted = self.direction(point, angle, encoded.context, encoded.present)
        return (self.error(predicted, direction, angle) * encoded.present).sum(1)


class FlowMatching(_Learned):
    """Conditional flow matching on straight paths, arXiv:2210.02747."""

    label = "flow matching"

    def error(self, predicted: Tensor, direction: Tensor, angle: Tensor) -> Tensor:
        """See `matching_loss`."""
        return matching_loss(predicted, direction, angle)


@dataclass(frozen=True)
class DiffusionOptions(DenoiserOptions):
    """Settings of a denoising diffusion; see `DenoiserOptions`."""

    sampler: Literal["heun", "euler", "ddim"] = "ddim"


class Diffusion(_Learned):
    """Denoising diffusion with the cosine schedule, arXiv:2006.11239."""

    Options = DiffusionOptions
    label = "a diffusion"

    def error(self, predicted: Tensor, direction: Tensor, angle: Tensor) -> Tensor:
        """See `noise_loss`."""
        return noise_loss(predicted, direction, angle)
