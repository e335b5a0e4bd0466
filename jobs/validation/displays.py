"""Single showers side by side: Geant4's and each generator's, of one condition."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from monsoon.jobs.plots.displays import nearest_rows, shower_panels
from monsoon.jobs.plots.overlay import REFERENCE
from monsoon.models.metrics.contest import Contest
from monsoon.models.records import Conditions

# species, incident energy and least visible energy in MeV of the showers that are shown
SHOWN = {
    "egamma": ((22, 5e3, 0.0), (11, 20e3, 0.0), (22, 60e3, 0.0)),
    "hadrons": ((211, 30e3, 1e3), (2212, 10e3, 500.0), (13, 20e3, 0.0)),
}


def rows_shown(contest: Contest) -> list[int]:
    """Choose the reference's rows to show: for each of `SHOWN` the one nearest in energy, if there is one.

    The reference and every sample with its conditions leave the least visible energy there.
    """
    paired = [sample for who, sample in contest.generated.items() if who not in contest.independent]
    conditions = contest.reference.showers.conditions
    visible = torch.stack([s.showers.showers.total_mev() for s in (contest.reference, *paired)])  # [S, N]
    return [
        row
        for pdg, energy_mev, least_mev in SHOWN[contest.group]
        for row in nearest_rows(conditions, pdg, energy_mev, (visible >= least_mev).all(0))[:1]
    ]


def nearest(conditions: Conditions, wanted: Conditions) -> int:
    """Find the row whose condition is nearest to a wanted one, of the same species where there is any.

    A factor of e in energy, a tenth in a direction cosine and 10 mm of offset are equally far.

    Parameters
    ----------
    conditions
        N conditions.
    wanted
        A single one.
    """
    away = (conditions.energy_mev / wanted.energy_mev).log().square()
    away = away + ((conditions.direction - wanted.direction) / 0.1).square().sum(1)
    away = away + ((conditions.offset_mm - wanted.offset_mm) / 10.0).square().sum(1)
    return int(torch.where(conditions.pdg == wanted.pdg, away, away + 1e6).argmin())


def display(contest: Contest, row: int) -> Figure:
    """Draw the showers of one condition, a panel for each sample but the floor, on one scale.

    Parameters
    ----------
    contest
        The samples. An independent one may have no shower of exactly this condition: its nearest is drawn.
    row
        Of the reference.
    """
    wanted = contest.reference.showers.conditions[row : row + 1]
    images = {REFERENCE: contest.reference.showers.showers.energy_mev[row].numpy()}
    for name, sample in contest.generated.items():
        own = nearest(sample.showers.conditions, wanted) if name in contest.independent else row
        images[name] = sample.showers.showers.energy_mev[own].numpy()
    x, y = wanted.offset_mm[0].tolist()
    return shower_panels(images, (x, y), contest.grid)
