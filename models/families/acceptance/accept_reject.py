"""A generator whose showers are accepted or rejected by a classifier that was trained against Geant4.

For each particle a fixed number of candidates is there, made by another generator of noise that follows
from the particle's own. The first whose uniform number is below its weight over the cap is taken; where
none is, one of them is drawn by their weights. Candidates that nobody asks about are not made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from monsoon.models.data.batches import Batch
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.domain.ranges import Domain
from monsoon.models.errors import InputError
from monsoon.models.families.acceptance.frozen import frozen
from monsoon.models.families.acceptance.ratio import Ratio, columns_of
from monsoon.models.families.acceptance.weights import Account, bounded, by_weight, calibrated
from monsoon.models.families.buckets import in_buckets
from monsoon.models.families.fingerprint import fingerprint
from monsoon.models.families.options import check_width, chosen, initialised
from monsoon.models.families.single import SINGLE
from monsoon.models.geometry.geometry import Geometry, same
from monsoon.models.geometry.stored import geometry_of
from monsoon.models.kernels.splitmix import GAMMA, mixed, uniform
from monsoon.models.records import Conditions, Showers

BUCKET = 256  # showers that the classifier is asked about at once
BLOCK = 4096  # particles whose candidates are in memory at once
NOISE_BITS = 23  # of a uniform number
MOST_CANDIDATES = 64
DEFAULTS = {"hidden": 64, "layers": 3, "candidates": 16, "cap": 4.0}
DRAWS = 4  # generated showers for each Geant4 shower when weights are calibrated


@dataclass(frozen=True)
class Drawn:
    """N showers, and how they came about.

    Attributes
    ----------
    showers : Showers
        Those that were taken.
    asked : Tensor
        int64 [N], how many candidates were made before one was accepted.
    last_resort : Tensor
        bool [N], whether none was, so that one was drawn by weight.
    """

    showers: Showers
    asked: Tensor
    last_resort: Tensor


class AcceptReject(nn.Module):
    """Another generator, corrected; see `Generator` and `Trainable`.

    Its weights hold the other generator too, which is not trained.

    Parameters
    ----------
    config
        The whole configuration, as `prepare` makes it: options, and family, configuration and fingerprint of
        the other generator.

    References
    ----------
    Weights of a classifier: K. Cranmer et al., arXiv:1506.02169; of generated samples: S. Diefenbacher et
    al., arXiv:2009.03796.
    """

    halves_validation = True  # its card's closure is of the other half of the validation rows

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self.config = dict(config)
        self.grid = geometry_of(config["grid"])
        self.species = tuple(config["species"])
        self.candidates, self.cap = int(config["candidates"]), float(config["cap"])
        of = config["model"]
        self.model = frozen(SINGLE[of["family"]].restore(of["config"]))
        self.domain: Domain = self.model.domain
        if hasattr(self.model, "arithmetic"):  # it samples by the kernels of the other generator
            self.arithmetic: int = self.model.arithmetic
        self.ratio = Ratio(self.grid, self.species, config["columns"], config["hidden"], config["layers"])
        self.register_buffer("calibration", torch.tensor([1.0, 0.0]))
        self.calibration: Tensor
        # two make the seed of all candidates, one a candidate accepts it, one draws the last resort
        self.noise_dimensions = 2 + self.candidates + 1

    @classmethod
    def prepare(cls, options: Mapping[str, Any], sample: ShowerSet, layout: Geometry) -> AcceptReject:
        """Take a trained generator, whose showers are all accepted alike.

        Parameters
        ----------
        options
            `model`, the trained generator; keys of DEFAULTS, and seed.
        sample
            Geant4 showers.
        layout
            Their voxels.

        Raises
        ------
        InputError
            If an option is unknown or out of range, or there is no generator of such showers.
        """
        given = chosen(options, ["model", *DEFAULTS], "accept-reject")
        model = given.pop("model", None)
        family = next((name for name, kind in SINGLE.items() if type(model) is kind), None)
        if family is None or model is None or not hasattr(model, "grid"):
            raise InputError(
                "options: accept-reject needs a model; give a shipped one, or the folder of a trained one, "
                "that generates showers by itself: no library, no table"
            )
        config = {**DEFAULTS, **given}
        _check(config)
        species = set(torch.unique(sample.conditions.pdg).tolist())
        if not same(model.grid, layout) or not species <= set(model.species):
            raise InputError(
                "options: model generates other voxels or species than these showers have; give a model of "
                "them, or showers of its own in train and validation"
            )
        if (sample.weight < 0).any():
            raise InputError("a classifier needs weights of zero or more; regress signed weights first")
        config |= {
            "grid": layout.as_json(),
            "species": [int(pdg) for pdg in model.species],
            "domain": model.domain.as_json(),
            "columns": columns_of(layout, sample.conditions[:1], sample.showers.energy_mev[:1]).shape[1],
            "model": {"family": family, "config": model.config, "fingerprint": model.fingerprint},
        }
        improved = initialised(lambda: cls(config), options)
        improved.model = frozen(model)
        improved.ratio.fit(sample)
        return improved

    @classmethod
    def restore(cls, config: Mapping[str, Any]) -> AcceptReject:
        """Make one without weights; `load_state_dict` comes next."""
        return cls(config)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that determines a sample."""
        return fingerprint(self, [self.config, BUCKET, NOISE_BITS])

    def inside(self, conditions: Conditions) -> Tensor:
        """Whether each condition lies in the other generator's training domain, bool [N]."""
        inside: Tensor = self.model.inside(conditions)
        return inside

    # training

    def train(self, mode: bool = True) -> AcceptReject:
        """Switch the classifier between training and sampling; the other generator always samples."""
        self.training = mode
        self.ratio.train(mode)
        return self

    def optimisers(self) -> dict[str, list[nn.Parameter]]:
        """One, of the classifier; see `Trainable`."""
        return {"classifier": list(self.ratio.parameters())}

    def training_step(self, batch: Batch[ShowerSet], step: int) -> dict[str, Tensor]:
        """Cross-entropy of the classifier, summed over the weighted rows; see `Trainable`."""
        return {"classifier": (batch.weight * self.validation_loss(batch)).sum()}

    def validation_loss(self, batch: Batch[ShowerSet]) -> Tensor:
        """Cross-entropy of each row and a generated shower of its condition, [N]; ln 2 says nothing."""
        conditions = batch.rows.conditions
        made = self._made(conditions, batch)
        real = self.ratio(conditions, batch.rows.showers.energy_mev)[:, 0]
        return (softplus(-real) + softplus(self.ratio(conditions, made)[:, 0])) / 2

    def signals(self, batch: Batch[ShowerSet]) -> dict[str, float]:
        """Nothing; see `Trainable`."""
        return {}

    @torch.no_grad()
    def conclude(self, batches: Iterator[Batch[ShowerSet]]) -> dict[str, float]:
        """Calibrate the weights on rows that it was not trained on, and account for what they cost.

        Parameters
        ----------
        batches
            Of Geant4 showers.

        Returns
        -------
        dict
            Fields of `Account` but `acceptance` under their names; calibration; `acceptance` (of the
            first candidate), `asked` (candidates a shower) and `last_resort` (share of showers) as they were
            found; `showers`.
        """
        real, made, weight, drawn = [], [], [], []
        for batch in batches:
            conditions = batch.rows.conditions
            weight.append(batch.weight)
            real.append(self.log_odds(conditions, batch.rows.showers.energy_mev))
            odds = [self.log_odds(conditions, self._made(conditions, batch)) for _ in range(DRAWS)]
            made.append(torch.stack(odds))
            drawn.append((conditions, batch.uniform(self.noise_dimensions)))
        odds_made = torch.cat(made, 1)  # [DRAWS, N]
        weights = torch.cat(weight)
        slope, shift = calibrated(torch.cat(real), odds_made.reshape(-1), weights, weights.repeat(DRAWS))
        self.calibration.copy_(torch.tensor([slope, shift]))
        account = Account.of(bounded(slope * odds_made.reshape(-1) + shift, self.cap), self.cap)
        found = [self.draw(*one) for one in drawn]
        asked, last = (torch.cat([getattr(one, key) for one in found]) for key in ("asked", "last_resort"))
        return {
            **asdict(account),
            "slope": slope,
            "shift": shift,
            "asked": float(asked.double().mean()),
            "last_resort": float(last.double().mean()),
            "candidates": self.candidates,
            "cap": self.cap,
            "showers": len(asked),
        }

    def _made(self, conditions: Conditions, batch: Batch[ShowerSet]) -> Tensor:
        """Showers of the other generator by the batch's noise, in full precision, [N, V]."""
        with torch.no_grad(), torch.autocast(batch.seeds.device.type, enabled=False):
            return self._images(conditions, batch.uniform(self.model.noise_dimensions))

    # sampling

    @torch.no_grad()
    def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
        """Sample one shower for each condition; see `Generator`."""
        return self.draw(conditions, noise).showers

    @torch.no_grad()
    def draw(self, conditions: Conditions, noise: Tensor) -> Drawn:
        """What `sample` gives, and how it came about; see `Generator.sample` for the arguments."""
        parts = [
            self._drawn(conditions[first : first + BLOCK], noise[first : first + BLOCK])
            for first in range(0, max(len(noise), 1), BLOCK)
        ]
        return Drawn(
            Showers(torch.cat([part.showers.energy_mev for part in parts])),
            torch.cat([part.asked for part in parts]),
            torch.cat([part.last_resort for part in parts]),
        )

    def _drawn(self, conditions: Conditions, noise: Tensor) -> Drawn:
        seed, of_candidates, of_last = torch.split(noise, [2, self.candidates, 1], 1)
        seeds = _seeds(seed)
        image = noise.new_zeros(len(noise), self.grid.voxels)
        weight = noise.new_zeros(len(noise), self.candidates)
        asked = torch.full_like(seeds, self.candidates)
        waiting = torch.arange(len(noise), device=noise.device)
        for number in range(self.candidates):
            numbers = torch.full_like(waiting, number)
            candidate = self._candidate(conditions[waiting], seeds[waiting], numbers)
            weight[waiting, number] = self.weight(conditions[waiting], candidate)
            taken = of_candidates[waiting, number] * self.cap < weight[waiting, number]
            image[waiting[taken]] = candidate[taken]
            asked[waiting[taken]] = number + 1
            waiting = waiting[~taken]
        left = by_weight(weight[waiting], of_last[waiting, 0])
        image[waiting] = self._candidate(conditions[waiting], seeds[waiting], left)
        last_resort = torch.zeros_like(seeds, dtype=torch.bool)
        last_resort[waiting] = True
        return Drawn(Showers(image), asked, last_resort)

    def weight(self, conditions: Conditions, image: Tensor) -> Tensor:
        """Calibrated and bounded weights, float32 [N], of N showers of visible MeV [N, V]."""
        slope, shift = self.calibration
        return bounded(slope * self.log_odds(conditions, image) + shift, self.cap)

    def log_odds(self, conditions: Conditions, image: Tensor) -> Tensor:
        """What the classifier says before it is calibrated, float32 [N]; in buckets."""
        return in_buckets(BUCKET, 1, self.ratio, conditions, image)[:, 0]

    def _candidate(self, conditions: Conditions, seeds: Tensor, number: Tensor) -> Tensor:
        """One candidate of each particle, by its number, int64 [N]; [N, V]."""
        stream = mixed(seeds + number * GAMMA)[:, None]
        dimension = torch.arange(self.model.noise_dimensions, device=seeds.device)
        return self._images(conditions, uniform(mixed(stream + dimension * GAMMA)))

    def _images(self, conditions: Conditions, noise: Tensor) -> Tensor:
        image: Tensor = self.model.sample(conditions, noise).energy_mev
        return image


def _seeds(noise: Tensor) -> Tensor:
    """int64 [N] of all the bits of two uniform numbers, [N, 2], mixed: neighbouring seeds differ in all."""
    bits = (noise.double() * (1 << NOISE_BITS)).long()
    return mixed((bits[:, 0] << NOISE_BITS) | bits[:, 1])


def _check(config: Mapping[str, Any]) -> None:
    """Refuse values that options cannot have. Raises InputError."""
    check_width("hidden", config["hidden"])
    for name, most in (("candidates", MOST_CANDIDATES), ("layers", 8)):
        value = config[name]
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise InputError(f"options: {name} {value!r} is not a whole number from 1 to {most}")
    cap = config["cap"]
    if not isinstance(cap, int | float) or isinstance(cap, bool) or not 1 < cap <= 1000:
        raise InputError(f"options: cap {cap!r} is not above 1 and at most 1000")
