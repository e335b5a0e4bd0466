"""Reports of validation that models keep in their cards: which particles each of them speaks for.

A card has one for each group of species, `GROUP validation`: the outcome, the fingerprints of the generators
that were validated, and the domain of the reference's showers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from monsoon.models.domain.ranges import Domain, describe
from monsoon.models.errors import UNUSABLE, InputError
from monsoon.models.records import Conditions
from monsoon.models.species import EGAMMA
from monsoon.models.store.card_files import LIBRARY as LIBRARY_NAME
from monsoon.models.store.card_files import card_of
from monsoon.models.store.checkpoint import CHECKPOINTS
from monsoon.models.store.shipped import LIBRARY, parts
from monsoon.models.store.suite import Suite

PASSED = "pass"
# A sample does not reach the ends of what it was drawn from: so much beyond counts as validated
BEYOND_ENERGY, BEYOND_COSINE = 1.02, 0.002


def validated_domains(model: str, suite: Suite) -> list[list[Domain]]:
    """What each generator of a suite was validated on, with the verdict that it passes.

    Parameters
    ----------
    model
        The words that the suite was loaded from.
    suite
        Its generators.

    Returns
    -------
    list of list of Domain
        For each generator one for each group of its species.

    Raises
    ------
    InputError
        Where a generator has no report, or one that does not pass, was quick, or is of another model.
    """
    return [
        [_domain_in(path, group, generator.fingerprint) for group in _groups(generator.species)]
        for path, generator in zip(parts(model), suite.models, strict=True)
    ]


def covered(suite: Suite, domains: Sequence[Sequence[Domain]], conditions: Conditions) -> Tensor:
    """Whether each condition was validated, and is in its generator's training domain; bool [N].

    A particle without a generator is not covered; one with a stand-in is where that is.
    """
    routing = suite.route(conditions)
    found = torch.zeros(len(conditions), dtype=torch.bool)
    for rows, of_generator in zip(routing.rows, domains, strict=True):
        for domain in of_generator:
            found[rows] |= domain.inside(routing.conditions[rows])
    return found & routing.inside


def not_covered(conditions: Conditions, row: int) -> InputError:
    """The error where the condition in this row is beyond the reports."""
    return InputError(
        f"{describe(conditions, row)} is beyond what the model's report covers; leave such particles out, "
        "validate on showers of them (monsoon validate --into-card), or leave require_report out"
    )


def _groups(species: Sequence[int]) -> list[str]:
    """The groups of species that `monsoon validate` judges, of which some are there."""
    return sorted({"egamma" if abs(pdg) in EGAMMA else "hadrons" for pdg in species})


def _domain_in(path: Path, group: str, fingerprint: str) -> Domain:
    name = path.name if path.parent == CHECKPOINTS else str(path)
    if path in LIBRARY:
        name = LIBRARY_NAME
    try:
        report = card_of(name).get("metrics", {}).get(f"{group} validation")
    except InputError:
        report = None  # a shower file, which has no card
    problem = _problem(report, fingerprint)
    if problem or report is None:
        remedy = f"monsoon validate --model {name} --reference FILE --into-card"
        if not path.is_dir() and path not in LIBRARY:
            remedy = "train a model of it (monsoon train), which has a card, and validate that"
        raise InputError(
            f"require_report: model {path.name} has {problem} for {group}; {remedy}, name another model, or "
            "leave require_report out"
        )
    try:
        domain = Domain.from_json(report["domain"])
    except UNUSABLE as error:
        raise InputError(
            f"{path}: the report's domain in its card cannot be used ({error}); validate it again"
        ) from error
    energy = domain.energy_mev * torch.tensor([1 / BEYOND_ENERGY, BEYOND_ENERGY])
    return replace(domain, energy_mev=energy, cosine=domain.cosine - BEYOND_COSINE)


def _problem(report: Any, fingerprint: str) -> str:
    """What is wrong with a report; empty where nothing is."""
    if not isinstance(report, Mapping) or "outcome" not in report:
        return "no report"
    if report["outcome"] != PASSED:
        return f"no passing report (its verdict is: {report['outcome']})"
    if report.get("quick"):
        return "a quick report alone"
    if not {"generators", "domain"} <= report.keys():
        return "a report of a former release, which does not say what it covers,"
    if fingerprint not in report["generators"]:
        return "a report of another model (its fingerprint is not that of the model as loaded)"
    return ""
