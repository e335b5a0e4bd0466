"""Pure functions that find failures of a training in its records.

Divergence ends a training at once. Mode collapse fails it at the end, when its weights would be kept. All
other findings are reported, once each, with the step and the numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from monsoon.models.training.history import Record

SETTLED = 0.1  # fraction of the steps before which only divergence is reported
IN_A_ROW = 2  # consecutive records that must agree
EXPLODED = 10.0  # allowed rise above the untrained score, in units of that score or of its spread
VANISHED = 1e-3  # fraction of the largest mean norm of the generator's gradient so far
SATURATED = 0.98  # fraction of rows that the critic classifies correctly, real and generated
NARROW = 0.2  # generated over real spread
UNCOVERED = 0.3  # fraction of real rows near a generated one; 0.97 for two samples of one distribution
PRECISE = 0.5  # fraction of generated rows near a real one; with fewer, they are displaced, not collapsed
INACTIVE_NATS = 0.01  # a latent with less information is ignored by the decoder
SIGNIFICANT = 3.0  # standard errors
NEIGHBOURS = 5


@dataclass(frozen=True)
class Finding:
    """A problem of a training.

    Attributes
    ----------
    name : str
        Its kind.
    step : int
        Steps after which it was found.
    line : str
        A description of one line.
    numbers : dict of float
        The numbers that show it.
    fatal : bool
        Whether the training must end.
    """

    name: str
    step: int
    line: str
    numbers: dict[str, float]
    fatal: bool = False

    @property
    def text(self) -> str:
        """The finding in one line, with its name and step."""
        return f"{self.name} at step {self.step}: {self.line}"

    def as_json(self) -> dict[str, Any]:
        """The content as plain types, for JSON."""
        return asdict(self)


def diagnose(curve: Sequence[Record], steps: int) -> list[Finding]:
    """Find all present problems of a training.

    Parameters
    ----------
    curve : sequence of Record
        The records so far.
    steps : int
        Steps of the whole training.

    Returns
    -------
    list of Finding
        Empty if there is none.
    """
    if not curve:
        return []
    trained = curve[1:]
    settled = [record for record in trained if record.step >= SETTLED * steps]
    found = [divergence(curve)]
    if len(settled) >= IN_A_ROW:
        found += [check(trained) for check in CHECKS]
    return [finding for finding in found if finding]


def unfit(curve: Sequence[Record], best: Record | None, steps: int) -> Finding | None:
    """Check whether the best weights may be kept.

    Parameters
    ----------
    curve : sequence of Record
        All records.
    best : Record or None
        The record with the best score; None if no score was finite.
    steps : int
        Steps of the whole training.

    Returns
    -------
    Finding or None
        Why they must not be kept; None if they may.
    """
    if best is None:
        return Finding("divergence", curve[-1].step, "no validation had a finite score", {}, fatal=True)
    until = [record for record in curve if record.step <= best.step]
    for finding in diagnose(until, steps):
        if finding.fatal or finding.name == "mode collapse":
            return finding
    return None


def not_finite(step: int, losses: Mapping[str, float], norms: Mapping[str, float]) -> Finding | None:
    """Divergence: a loss or a gradient of one step is NaN or infinite.

    Parameters
    ----------
    step : int
        Steps so far.
    losses, norms : mapping of str to float
        Losses and gradient norms of the step, by optimiser.

    Returns
    -------
    Finding or None
        None if all are finite.
    """
    for what, values in (("loss", losses), ("gradient", norms)):
        for name, value in values.items():
            if not math.isfinite(value):
                line = f"the {what} of {name} is {value} at step {step}"
                return Finding("divergence", step, line, {f"{what}.{name}": value}, fatal=True)
    return None


def divergence(curve: Sequence[Record]) -> Finding | None:
    """Divergence: the score is NaN, infinite or far above that of the untrained network.

    Parameters
    ----------
    curve : sequence of Record
        The records so far, at least one.

    Returns
    -------
    Finding or None
        None if the score is normal. The same holds for all checks below.
    """
    first, last = curve[0].score, curve[-1].score
    step = curve[-1].step
    if not math.isfinite(last.mean):
        return Finding(
            "divergence", step, f"the validation score is {last.mean}", {"score": last.mean}, fatal=True
        )
    limit = first.mean + EXPLODED * max(abs(first.mean), first.spread, 1.0)
    recent = curve[-IN_A_ROW:]
    if len(recent) == IN_A_ROW and all(record.score.mean > limit for record in recent):
        line = f"the validation score is {last.mean:.4g}; untrained it was {first.mean:.4g}"
        return Finding("divergence", step, line, {"score": last.mean, "untrained": first.mean}, fatal=True)
    return None


def mode_collapse(curve: Sequence[Record]) -> Finding | None:
    """Mode collapse: generated showers vary far less than real ones, or whole kinds of them are missing."""
    narrow = _least(curve, "spread.", NARROW)
    if narrow:
        name, value, step = narrow
        line = f"the spread of {name.removeprefix('spread.')} is {value:.3g} of the real one"
        return Finding("mode collapse", step, line, {name: value})
    missing = _least(curve, "coverage", UNCOVERED)
    precision = curve[-1].signals.get("precision", 0.0)
    if missing and precision > PRECISE:
        _, value, step = missing
        line = f"{value:.1%} of real rows are near a generated one, {precision:.1%} the other way"
        return Finding("mode collapse", step, line, {"coverage": value, "precision": precision})
    return None


def vanishing_generator_gradient(curve: Sequence[Record]) -> Finding | None:
    """The gradient of the optimiser `generator` is a tiny fraction of its largest value so far."""
    norms = [record.norms["generator"] for record in curve if "generator" in record.norms]
    if len(norms) < IN_A_ROW or not all(norm < VANISHED * max(norms) for norm in norms[-IN_A_ROW:]):
        return None
    line = f"the generator's gradient has a norm of {norms[-1]:.3g}; it was {max(norms):.3g}"
    return Finding(
        "vanishing generator gradient", curve[-1].step, line, {"norm": norms[-1], "largest": max(norms)}
    )


def critic_saturation(curve: Sequence[Record]) -> Finding | None:
    """The critic separates nearly all generated rows from real ones, so that the generator stops learning."""
    recent = [record.signals for record in curve[-IN_A_ROW:]]
    both = ("critic_real", "critic_fake")
    if not all(signals.get(name, 0.0) > SATURATED for signals in recent for name in both):
        return None
    numbers = {name: recent[-1][name] for name in both}
    real, fake = numbers.values()
    line = f"the critic is right about {real:.1%} of real and {fake:.1%} of generated rows"
    return Finding("critic saturation", curve[-1].step, line, numbers)


def posterior_collapse(curve: Sequence[Record]) -> Finding | None:
    """Most latents follow the prior for every shower: the decoder ignores them."""
    nats = [
        [value for name, value in record.signals.items() if name.startswith("kl_nats.")]
        for record in curve[-IN_A_ROW:]
    ]
    if not all(values and 2 * sum(v < INACTIVE_NATS for v in values) > len(values) for values in nats):
        return None
    inactive, latents = sum(v < INACTIVE_NATS for v in nats[-1]), len(nats[-1])
    line = f"{inactive} of {latents} latents carry less than {INACTIVE_NATS:g} nats"
    return Finding("posterior collapse", curve[-1].step, line, {"inactive": inactive, "latents": latents})


def overfitting(curve: Sequence[Record]) -> Finding | None:
    """The score has risen from its best on validation rows, while it kept falling on training rows."""
    best, now = min(curve, key=lambda record: record.score.mean), curve[-1]

    def over(record: Record) -> bool:
        risen = record.score.mean - best.score.mean
        fallen = record.fit and best.fit and record.fit.mean < best.fit.mean
        return bool(fallen) and risen > SIGNIFICANT * record.score.error

    if not best.fit or not now.fit or not all(over(record) for record in curve[-IN_A_ROW:]):
        return None
    numbers = {"score": now.score.mean, "best": best.score.mean, "fit": now.fit.mean, "best_step": best.step}
    line = (
        f"the validation score rose from {best.score.mean:.4g} at step {best.step} to {now.score.mean:.4g}, "
        f"that on training rows fell from {best.fit.mean:.4g} to {now.fit.mean:.4g}"
    )
    return Finding("overfitting", now.step, line, numbers)


CHECKS: tuple[Callable[[Sequence[Record]], Finding | None], ...] = (
    mode_collapse,
    vanishing_generator_gradient,
    critic_saturation,
    posterior_collapse,
    overfitting,
)


def neighbourhood(generated: Tensor, real: Tensor) -> dict[str, float]:
    """Coverage and precision of generated rows.

    A ball around each real row reaches to its fifth real neighbour. Coverage is the fraction of balls with a
    generated row inside, precision the fraction of generated rows inside a ball. Memory grows as N^2, so use
    at most a few thousand rows.

    Parameters
    ----------
    generated, real : Tensor [N, K]
        K observables of each row, in comparable units.

    Returns
    -------
    dict of float
        `coverage` and `precision`.

    References
    ----------
    Coverage: M. F. Naeem et al., arXiv:2002.09797. Precision: T. Kynkäänniemi et al., arXiv:1904.06991.
    """
    radius = torch.cdist(real, real).kthvalue(NEIGHBOURS + 1, 1).values  # the nearest is the row itself
    inside = torch.cdist(real, generated) <= radius[:, None]  # [real, generated]
    return {
        "coverage": float(inside.any(1).double().mean()),
        "precision": float(inside.any(0).double().mean()),
    }


def _least(curve: Sequence[Record], prefix: str, limit: float) -> tuple[str, float, int] | None:
    """The smallest signal with this prefix that was below the limit in each of the last records."""
    recent = [record.signals for record in curve[-IN_A_ROW:]]
    names = [
        name
        for name in recent[-1]
        if name.startswith(prefix) and all(s.get(name, limit) < limit for s in recent)
    ]
    if not names:
        return None
    name = min(names, key=recent[-1].__getitem__)
    return name, recent[-1][name], curve[-1].step
