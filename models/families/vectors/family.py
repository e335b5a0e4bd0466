"""What families that learn vectors share: all but the network and its loss."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self, cast

import torch
from torch import Tensor, nn

from monsoon.models.data.batches import Batch
from monsoon.models.data.tables.schema import Schema
from monsoon.models.errors import InputError
from monsoon.models.families.buckets import in_buckets
from monsoon.models.families.fingerprint import ARITHMETIC, fingerprint
from monsoon.models.families.options import check_width, chosen, initialised
from monsoon.models.families.vectors.regions import RegionVectors
from monsoon.models.families.vectors.showers import ShowerVectors
from monsoon.models.families.vectors.table import TableVectors
from monsoon.models.families.vectors.vectors import Encoded, Vectors
from monsoon.models.networks.modules import mlp

# how a row is a vector: of a table, and, by the option `representation`, of a shower
TABLE, VOXELS = "table", "voxels"
VECTORS: dict[str, type[Any]] = {VOXELS: ShowerVectors, "regions": RegionVectors, TABLE: TableVectors}
REPRESENTATIONS = tuple(kind for kind in VECTORS if kind != TABLE)
BUCKETS = {TABLE: 1024}  # rows sampled at once
BUCKET = 256  # of showers


@dataclass(frozen=True)
class VectorOptions:
    """Settings that all families of vectors have.

    Attributes
    ----------
    weight_steps : int
        Steps in which weights are regressed before the network is trained on what they are on average; for
        samples with negative weights.
    """

    weight_steps: int = 0

    LEAST: ClassVar[Mapping[str, int]] = {"weight_steps": 0}
    WIDTHS: ClassVar[Sequence[str]] = ()
    """Names of inner layers' widths."""

    @property
    def signed(self) -> bool:
        """Whether the loss can use negative weights as they are."""
        return False

    def __post_init__(self) -> None:
        """Refuse numbers out of range. Raises InputError."""
        for name, low in self.LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < low:
                raise InputError(f"options: {name} {value!r} is not a whole number of at least {low}")
        for name in self.WIDTHS:
            check_width(name, getattr(self, name))


class VectorFamily(nn.Module):
    """A family that learns vectors of showers or of tables; see `Trainable`, `Generator`, `TableGenerator`.

    A family gives `Options`, `label`, `build`, `draw`, `losses` and `validation`, and `draws` where a vector
    needs more or fewer uniform numbers than it has dimensions.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it.
    """

    Options: ClassVar[type[VectorOptions]]
    label: ClassVar[str]
    """The family in a message: `a coupling flow`."""
    beyond: ClassVar[str] = "the network is asked for what it has not seen"
    arithmetic: ClassVar[int] = ARITHMETIC

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.options: Any = self.Options(**config["options"])
        kind = TABLE if "schema" in config else config.get("representation", VOXELS)
        self.vectors = cast(Vectors, VECTORS[kind].restore(config))
        self.bucket = BUCKETS.get(kind, BUCKET)
        seen = self.vectors.context + self.vectors.width
        self.weigh = mlp(seen, 128, 1) if self.options.weight_steps else None
        self.draws = self.vectors.width
        self.build()

    def __getattr__(self, name: str) -> Any:
        if name in ("grid", "species", "domain", "schema"):  # what generators of either kind are asked for
            return getattr(self.vectors, name)
        return super().__getattr__(name)

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: Any, layout: Any) -> Self:
        """Make an untrained network for the rows of a sample, with its regressions fitted.

        Parameters
        ----------
        options
            Fields of `Options`, those of the vectors, and seed; of showers `representation`: voxels, or
            regions, whose stages may be those of a trained model.
        sample
            Training rows.
        layout
            A geometry, or a schema.

        Raises
        ------
        InputError
            If an option is unknown or out of range, or weights are negative and nothing is done about it.
        """
        own, kind, option = [field.name for field in fields(cls.Options)], TABLE, []
        if not isinstance(layout, Schema):
            kind, option = options.get("representation", VOXELS), ["representation"]
            if kind not in REPRESENTATIONS:
                raise InputError(f"options: representation {kind!r} is not {' or '.join(REPRESENTATIONS)}")
        vectors = VECTORS[kind]
        given = chosen(options, [*own, *vectors.options, *option], cls.label)
        settings = cls.Options(**{name: value for name, value in given.items() if name in own})
        cls.refuse_signed(settings, sample)
        of_vectors = vectors.options | {name: given[name] for name in vectors.options if name in given}
        config = {"options": asdict(settings), **vectors.prepare(of_vectors, sample, layout)}
        if kind not in (TABLE, VOXELS):  # models of old have none, and stay what they are
            config["representation"] = kind
        family = initialised(lambda: cls(config), options)
        if isinstance(family.vectors, RegionVectors) and given.get("stages") is not None:
            family.vectors.take(given["stages"])
        family.vectors.fit(sample)
        return family

    @classmethod
    def refuse_signed(cls, settings: VectorOptions, sample: Any) -> None:
        """Raise InputError where weights are negative and nothing is done about it."""
        if not settings.weight_steps and not settings.signed and bool((sample.weight < 0).any()):
            raise InputError(
                f"weights: some are negative, and the loss of {cls.label} has no bound with them; set "
                "options weight_steps, so that their mean is regressed first"
            )

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> Self:
        """Make a network without weights; `load_state_dict` comes next."""
        return cls(config)

    @property
    def noise_dimensions(self) -> int:
        """Uniform numbers that a row needs."""
        return self.vectors.noise_dimensions + self.draws

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        return fingerprint(self, [self.config, self.bucket])

    def inside(self, conditions: Any) -> Tensor:
        """Whether each condition lies in the training domain, bool [N]."""
        return self.vectors.inside(conditions)

    # what a family gives

    @abstractmethod
    def build(self) -> None:
        """Make the networks; `self.options` and `self.vectors` are there. May set `draws`."""

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of each of the family's own optimisers."""

    @abstractmethod
    def losses(self, encoded: Encoded, weight: Tensor, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """The weighted losses of `parts`, by optimiser; see `Trainable.training_step`."""

    @abstractmethod
    def validation(self, encoded: Encoded, batch: Batch[Any]) -> Tensor:
        """The score of each row [N] or of the batch [1]; see `Trainable.validation_loss`."""

    @abstractmethod
    def draw(self, context: Tensor, present: Tensor, noise: Tensor) -> Tensor:
        """Vectors [N, D] of contexts [N, F], by uniform noise [N, draws]. Differentiable."""

    # training

    def optimisers(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of each part; see `Trainable`."""
        learned = self.vectors.learned()
        found = {**({self.vectors.name: learned} if learned else {}), **self.parts()}
        return found if self.weigh is None else found | {"weights": list(self.weigh.parameters())}

    def training_step(self, batch: Batch[Any], step: int) -> dict[str, Tensor]:
        """The loss of each part, summed over the weighted rows; see `Trainable`.

        With `weight_steps` the first steps regress the weight of a row on all that is known of it; later
        ones train on the regressed weight in place of the row's own: it has the same mean, and no sign. A
        family's own loss has the row's weight all the same where it can use negative ones.

        References
        ----------
        Negative weights: arXiv:1905.11719.
        """
        encoded, weight, done = self.vectors.encode(batch, step), batch.weight, step
        if self.weigh is not None:
            expected = self.weigh(torch.cat([encoded.context, encoded.x], 1))[:, 0]
            if step < self.options.weight_steps:
                return {"weights": (scale(batch) * (expected - batch.rows.weight).square()).sum()}
            weight = weight.sum() / batch.rows.weight.sum() * expected.detach().clamp(min=0.0)
            done = step - self.options.weight_steps
        first = {self.vectors.name: (weight * encoded.loss).sum()} if encoded.loss.requires_grad else {}
        own = batch.weight if self.options.signed else weight
        return first | self.losses(encoded, own, batch, done)

    def validation_loss(self, batch: Batch[Any]) -> Tensor:
        """The family's score; see `Trainable`."""
        return self.validation(self.vectors.encode(batch), batch)

    def signals(self, batch: Batch[Any]) -> dict[str, float]:
        """Nothing, unless a family has signals; see `Trainable`."""
        return {}

    # sampling

    @torch.no_grad()
    def sample(self, conditions: Any, noise: Tensor) -> Any:
        """Sample one shower or row for each of N conditions, by noise float32 [N, noise_dimensions]."""
        rows = in_buckets(self.bucket, self.vectors.values, self.generated, conditions, noise)
        return self.vectors.completed(rows)

    def generated(self, conditions: Any, noise: Tensor) -> Tensor:
        """Rows [N, values] of N conditions; differentiable in the network's parameters."""
        begun = self.vectors.begin(conditions, noise[:, : self.vectors.noise_dimensions])
        x = self.draw(begun.context, begun.present, noise[:, self.vectors.noise_dimensions :])
        return self.vectors.finish(conditions, begun, x)


def scale(batch: Batch[Any]) -> Tensor:
    """What the training core multiplied the rows' own weights with, []."""
    largest = batch.rows.weight.abs().argmax()
    return batch.weight[largest] / cast(Tensor, batch.rows.weight)[largest]
