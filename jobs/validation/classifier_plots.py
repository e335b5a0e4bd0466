"""Figures of the classifiers: ROC curves, weights with their tails, power."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from monsoon.engine.records import Array
from monsoon.jobs.plots.overlay import FLOOR, look, named
from monsoon.jobs.plots.style import BLACK, GREY, plain, single
from monsoon.models.metrics.classification import Classification
from monsoon.models.metrics.findings import Findings

NAME = 36  # letters of a generator's name that a legend has room for


def roc(findings: Findings, classifier: str) -> Figure:
    """Draw ROC curves: the share of generated showers that a classifier finds against that of false alarms.

    Parameters
    ----------
    findings
        Of one group of species.
    classifier
        Its name, such as `high-level`.
    """
    figure, axes = single(5.4, 4.6)
    looks = look(list(named(findings.contest)))
    for name, found in _classifications(findings, classifier).items():
        false, true = _curve(found, name, findings)
        label = f"{plain(name, NAME)}: {found.auc:.3f} ± {found.error:.3f}"
        axes.plot(false, true, color=looks[name][0], linewidth=1.6, label=label)
    axes.plot([0, 1], [0, 1], color=BLACK, linewidth=0.8, linestyle=":")
    axes.set(xlabel="Geant4 called generated", ylabel="generated called generated", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="lower right", title="area under the curve", title_fontsize=11, fontsize=10)
    return figure


def weights(findings: Findings, classifier: str) -> Figure:
    """Draw the distribution of the weights that would make the generated sample Geant4's, tails included.

    Parameters
    ----------
    findings
        Of one group of species.
    classifier
        Its name, such as `high-level`.
    """
    figure, axes = single(5.4, 4.6)
    looks = look(list(named(findings.contest)))
    everything = np.concatenate([one.log_weight for one in _classifications(findings, classifier).values()])
    half = max(float(np.abs(everything).max()), 0.1) * 1.02
    edges = np.linspace(-half, half, 51)
    for name, found in _classifications(findings, classifier).items():
        count = np.histogram(found.log_weight, edges)[0]
        density = count / len(found.log_weight)
        colour = looks[name][0]
        axes.stairs(np.where(count > 0, density, np.nan), edges, baseline=None, color=colour, linewidth=1.6,
                    label=plain(name, NAME))  # fmt: skip
        error = np.sqrt(count) / len(found.log_weight)
        axes.stairs(density + error, edges, baseline=np.maximum(density - error, 0.1 * density), fill=True,
                    color=colour, alpha=0.16, linewidth=0)  # fmt: skip
    axes.axvline(0, color=GREY, linewidth=0.8, linestyle=":")
    axes.set(
        xlabel="ln(Geant4 / generated density)", ylabel="fraction of generated showers / bin", yscale="log"
    )
    axes.set_ylim(top=3.0)
    axes.legend(loc="upper left", fontsize=10)
    return figure


def powers(findings: Findings) -> Figure:
    """Draw every classifier's area for every known flaw, with its floor as a band.

    Parameters
    ----------
    findings
        Of one group of species.
    """
    classifiers = list(findings.power)
    figure, axes = single(9.5, 0.42 * sum(map(len, findings.power.values())) + 1.4)
    labels, place = [], 0.0
    for classifier in classifiers:
        floor = findings.floor[classifier]
        flaws = findings.power[classifier]
        top, bottom = place + 0.5, place - len(flaws) + 0.5
        low, high = floor.auc - floor.error, floor.auc + floor.error
        axes.fill_betweenx([bottom, top], low, high, color=GREY, alpha=0.3, linewidth=0)
        for flaw, found in flaws.items():
            seen = flaw in findings.seen(classifier)
            axes.errorbar(found.auc, place, xerr=found.error, fmt="o", color=BLACK, markersize=5,
                          markerfacecolor=BLACK if seen else "white")  # fmt: skip
            labels.append((place, f"{classifier}: {flaw}"))
            place -= 1
        axes.axhline(bottom, color="#dde2e7", linewidth=0.8)
    axes.set_yticks([y for y, _ in labels], [text for _, text in labels], fontsize=10)
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.set(xlabel="area under the curve", xlim=(0.4, 1.0), ylim=(place + 0.4, 0.6))
    width, _ = figure.get_size_inches()
    figure.subplots_adjust(left=3.4 / width)
    return figure


def weight_tails(found: Classification) -> tuple[float, float, float]:
    """Return how far the weights of a generated sample reach, and what weighting leaves of it.

    Parameters
    ----------
    found
        What a classifier found; `log_weight` is ln(Geant4 / generated density) of each shower.

    Returns
    -------
    tuple of float
        The least and the greatest weight, and Kish's effective sample size as a share of the sample:
        (sum w)^2 / (N sum w^2).

    References
    ----------
    Kish, Survey Sampling, Wiley (1965).
    """
    weight = np.exp(found.log_weight)
    return (
        float(weight.min()),
        float(weight.max()),
        float(weight.sum() ** 2 / (weight**2).sum() / len(weight)),
    )


def _classifications(findings: Findings, classifier: str) -> dict[str, Classification]:
    return {
        FLOOR: findings.floor[classifier],
        **{who: by_name[classifier] for who, by_name in findings.classifications.items()},
    }


def _curve(found: Classification, name: str, findings: Findings) -> tuple[Array, Array]:
    """False and true positive rates, float64 [P] each, weighted."""
    contest = findings.contest
    ours = contest.floor if name == FLOOR else contest.generated[name]
    score = np.concatenate([-found.log_weight, -found.log_weight_reference])
    order = np.argsort(-score, kind="stable")
    of_ours = np.concatenate([ours.summary.weight, np.zeros(len(contest))])[order]
    of_theirs = np.concatenate([np.zeros(len(ours)), contest.reference.summary.weight])[order]
    true, false = np.cumsum(of_ours) / of_ours.sum(), np.cumsum(of_theirs) / of_theirs.sum()
    return np.concatenate([[0.0], false]), np.concatenate([[0.0], true])
