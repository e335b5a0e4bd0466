"""What is compared: Geant4 reference, generated showers of its conditions, and the floor; equally many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from monsoon.engine.campaign import fetch_models
from monsoon.engine.errors import InputError
from monsoon.engine.noise import Purpose, uniform
from monsoon.engine.storage import fetch
from monsoon.models.data.shower_files import ShowerSet, read_showers
from monsoon.models.files import sha256_of
from monsoon.models.geometry.planar import Grid
from monsoon.models.metrics.contest import GROUPS, Contest, Sample
from monsoon.models.records import Conditions, Showers, Status
from monsoon.models.species import EGAMMA
from monsoon.models.store.suite import Suite, load_suite

BLOCK = 4096  # conditions that a generator is asked at a time; showers do not depend on it
FEWEST = 200  # showers of a group in each sample: fewer can tell nothing
CLOSE = 1e-4  # conditions that differ by less, relatively, are one condition stored twice


@dataclass(frozen=True)
class Candidate:
    """One that is judged: a model that is asked, or a file of what it gave."""

    name: str
    suite: Suite | None
    showers: ShowerSet | None
    origin: Mapping[str, str]  # what it is, for the record

    def of(self, reference: ShowerSet, rows: Tensor, seed: int) -> ShowerSet:
        """Its showers for these rows of the reference file."""
        wanted = reference[rows]
        if self.showers is not None:
            return ShowerSet(wanted.conditions, self.showers[rows].showers, wanted.weight)
        assert self.suite is not None
        energy = [
            self._asked(wanted.conditions[first : first + BLOCK], rows[first : first + BLOCK], seed)
            for first in range(0, len(rows), BLOCK)
        ]
        return ShowerSet(wanted.conditions, Showers(torch.cat(energy)), wanted.weight)

    def _asked(self, conditions: Conditions, rows: Tensor, seed: int) -> Tensor:
        # noise keyed as in `monsoon sample`: a file it wrote is judged as the model itself
        assert self.suite is not None
        row = rows.numpy()
        noise = uniform(seed, row, np.zeros_like(row), Purpose.SHOWER, self.suite.noise_dimensions)
        return self.suite.sample(conditions, torch.from_numpy(noise)).energy_mev


def read_file(path: str, grid: Grid) -> tuple[ShowerSet, dict[str, str]]:
    """Showers of a file and its name, checksum and size for the record. Raises InputError."""
    here = fetch(path)
    showers = read_showers(here)
    voxels = showers.showers.energy_mev.shape[1]
    if voxels != grid.voxels:
        raise InputError(f"{path}: showers have {voxels} voxels; give {grid.rows} x {grid.columns} pixels")
    if not (showers.weight >= 0).all():
        raise InputError(
            f"{path}: weights row {int((showers.weight < 0).int().argmax())} is negative; drop it"
        )
    return showers, {"file": str(path), "sha256": sha256_of(here), "rows": str(len(showers))}


def model_generator(name: str) -> Candidate:
    """Raises InputError where there is no such model."""
    suite = load_suite(fetch_models(name))
    label = name if len(name) < 40 else Path(name.split(",")[0]).stem
    return Candidate(label, suite, None, {"model": name, "fingerprint": suite.fingerprint})


def file_generator(path: str, reference: ShowerSet, grid: Grid) -> Candidate:
    """Raises InputError where the file's conditions are not the reference's, row by row."""
    showers, origin = read_file(path, grid)
    if len(showers) != len(reference):
        raise InputError(
            f"{path}: {len(showers)} showers for a reference of {len(reference)}; make one for each of its "
            "rows (`monsoon sample --conditions REFERENCE`)"
        )
    ours, theirs = showers.conditions, reference.conditions
    same = ours.pdg == theirs.pdg
    for a, b in ((ours.energy_mev[:, None], theirs.energy_mev[:, None]), (ours.direction, theirs.direction)):
        same &= torch.isclose(a, b, rtol=CLOSE, atol=CLOSE).all(1)
    same &= torch.isclose(ours.offset_mm, theirs.offset_mm, rtol=CLOSE, atol=CLOSE).all(1)
    if not same.all():
        raise InputError(
            f"{path}: row {int((~same).int().argmax())} has another condition than the reference's; make it "
            "with `monsoon sample --conditions REFERENCE`"
        )
    return Candidate(Path(path).stem, None, showers, origin)


def contests(
    generators: list[Candidate],
    reference: ShowerSet,
    floor: ShowerSet | None,
    seed: int,
    limit: int | None,
    grid: Grid,
) -> list[Contest]:
    """One for each group of species that the reference has enough showers of. Raises InputError for none."""
    found = []
    for group in GROUPS:
        rows = _rows_of(group, reference)
        others = _rows_of(group, floor) if floor is not None else None
        order = torch.from_numpy(np.random.default_rng([seed, GROUPS.index(group)]).permutation(len(rows)))
        rows = rows[order]
        if others is None:
            half = min(len(rows) // 2, limit or len(rows))
            rows, other = rows[:half], reference[rows[half : 2 * half].sort().values]
        else:
            assert floor is not None
            order = torch.from_numpy(np.random.default_rng([seed, 7]).permutation(len(others)))
            size = min(len(rows), len(others), limit or len(rows))
            rows, other = rows[:size], floor[others[order[:size]].sort().values]
        rows = rows.sort().values
        if len(rows) < FEWEST:
            continue
        found.append(_contest(group, generators, reference, rows, other, seed, others is None, grid))
    if not found:
        raise InputError(
            f"the reference: no group of species has {FEWEST} showers for each of reference and floor; give "
            "more showers, or a floor file of the same species"
        )
    for generator in generators:
        reasons = {c.group: c.absent[generator.name] for c in found if generator.name in c.absent}
        if len(reasons) == len(found):
            raise InputError(f"{generator.name}: {'; '.join(reasons.values())}; give another reference")
    return found


def _contest(
    group: str,
    generators: list[Candidate],
    reference: ShowerSet,
    rows: Tensor,
    floor: ShowerSet,
    seed: int,
    halved: bool,
    grid: Grid,
) -> Contest:
    chosen = reference[rows]
    generated, absent, outside = {}, {}, {}
    for generator in generators:
        if generator.suite:
            status = generator.suite.status(chosen.conditions)
            outside[generator.name] = int((~generator.suite.inside(chosen.conditions)).sum())
            unknown = torch.unique(chosen.conditions.pdg[status == Status.NO_GENERATOR]).tolist()
        else:
            unknown = []
        if unknown:
            absent[generator.name] = f"no generator for species {', '.join(map(str, unknown))}"
        else:
            generated[generator.name] = Sample(generator.of(reference, rows, seed), grid)
    return Contest(
        group, grid, seed, Sample(chosen, grid), Sample(floor, grid), generated, absent, outside, halved
    )


def _rows_of(group: str, showers: ShowerSet) -> Tensor:
    """Rows of one of GROUPS; positrons count as electrons."""
    electromagnetic = torch.isin(showers.conditions.pdg.abs(), torch.tensor(EGAMMA, dtype=torch.int32))
    return torch.nonzero(electromagnetic == (group == "egamma"))[:, 0]
