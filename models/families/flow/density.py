"""The density of showers that a flow has: that of its sampler, part by part."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from monsoon.models.families.flow.encoding import Encoding
from monsoon.models.families.flow.hits import Hits
from monsoon.models.families.flow.regions import Regions
from monsoon.models.families.flow.splits import Splits
from monsoon.models.records import Conditions


@dataclass(frozen=True)
class Density:
    """p(shower | condition) of a flow's parts; see `Flow.log_prob`.

    The sampler draws the visible energy v, the hit voxels, the shares s of P regions that are hit, and at
    each of M nodes the log ratio y of two energies. There are P + M hit voxels; with all Jacobians

        p(energies) = p(v) v q(s) product of p(y) / product of energies

    with q of `Regions.log_prob`: each logarithm of an energy is moved by a density of its own but that of v,
    which is per MeV already.
    """

    encoding: Encoding
    hits: Hits
    regions: Regions
    splits: Splits

    def log_prob(self, conditions: Conditions, image_mev: Tensor) -> Tensor:
        """In nats, [N, 1] of N images [N, V]; in the precision of the networks."""
        told, energy = self.encoding, self.encoding.energy
        kind = energy.low.dtype
        numbers = (conditions.energy_mev, conditions.direction, conditions.offset_mm)
        c = Conditions(conditions.pdg, *(part.to(kind) for part in numbers))
        image = image_mev.to(kind)
        known, simple = told.known(c)
        visible = image.sum(1, dtype=torch.float64).to(kind)
        classes = energy.classes(visible)
        coordinate = energy.coordinate(simple, c.energy_mev, visible, classes)
        context = told.context(known, classes, coordinate, visible)
        hit = image > 0
        hits = self.log_hits(hit, context)
        context = torch.cat([context, told.counts(hit)], 1)
        shares, present = told.shares(image)
        quadratics = told.quadratics(known, classes, coordinate)
        regions = self.regions.log_prob(quadratics, shares, present.to(kind), context)
        context = torch.cat([context, told.scaled(shares, present)], 1)
        jacobian = visible.clamp(min=1e-30).log() - torch.where(hit, image, 1.0).log().sum(1)
        inside = hits + regions + self.splits.log_prob(image, context) + jacobian
        of_energy = energy.log_prob(known, simple, c.energy_mev, visible)
        return (of_energy + torch.where(visible > 0, inside, 0.0))[:, None]

    def log_hits(self, hit: Tensor, context: Tensor) -> Tensor:
        """Of showers that have energy, [N]: where no voxel is drawn the impact's is hit."""
        valid = torch.ones_like(hit)
        found = -self.hits.loss(hit, context, valid, None)
        impact = self.encoding.sectors.impact
        alone = torch.nonzero(hit[:, impact] & (hit.sum(1) == 1))[:, 0]
        none = -self.hits.loss(torch.zeros_like(hit[alone]), context[alone], valid[alone], None)
        return found.index_copy(0, alone, torch.logaddexp(found[alone], none))
