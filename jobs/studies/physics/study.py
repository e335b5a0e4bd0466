"""`monsoon study physics`: what the use of a generator would do to physics results.

Both sides go through one path: the same incidents, the same noise, the same reconstruction; only the showers
differ. One side's are held-out Geant4 showers at exactly the conditions that the models are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from monsoon.engine.detector.placing import Placing
from monsoon.engine.incidents.of_showers import ShowerStock
from monsoon.engine.loading import fetch_models
from monsoon.engine.reconstruction.corrections import Corrections
from monsoon.engine.reconstruction.neighbours import Cells
from monsoon.engine.records import Array, Incidents
from monsoon.jobs.studies.physics import measured, samples
from monsoon.jobs.studies.physics.config import PhysicsConfig
from monsoon.jobs.studies.physics.figures import (
    Estimate,
    Quantity,
    all_columns,
    estimated,
    floor_of,
    folds_drawn,
    replicas,
)
from monsoon.jobs.studies.physics.held_out import FOLDS, Geant4, read, unsaturated
from monsoon.jobs.studies.physics.measured import SHAPES, Columns
from monsoon.jobs.studies.physics.samples import Sample
from monsoon.jobs.studies.pieces import Result, results_of
from monsoon.models.files import sha256_of
from monsoon.models.geometry.planar import Planar
from monsoon.models.store.suite import Suite, load_suite

GEANT4 = "Geant4"
PI0_MEV, ETA_MEV = 134.98, 547.86
ISOLATED, OVERLAPPING, MERGED = (4.0, 12.0), (2.0, 3.5), (0.25, 1.2)  # distances in cells
SMEARED = 0.008  # relative, of an electron's momentum as a tracker measures it
LOWEST_ELECTRON_GEV = 5.0  # of electrons whose E/p is looked at; seeds of softer ones may be missed
HIGH = ("z", "h")


@dataclass(frozen=True)
class Piece:
    """One sample by one side's showers."""

    side: str
    sample: str


@dataclass(frozen=True)
class Compared:
    """A number of all sides.

    Attributes
    ----------
    quantity : Quantity
        The number.
    reference : Estimate
        By Geant4.
    models, differences : dict
        By the models, and less Geant4's.
    floor : float
        Half the difference of Geant4's halves.
    """

    quantity: Quantity
    reference: Estimate
    models: dict[str, Estimate]
    differences: dict[str, Estimate]
    floor: float


def sample_names(config: PhysicsConfig) -> tuple[str, ...]:
    """The samples of the study."""
    names = (
        "photons",
        "electrons",
        "pi0-isolated",
        "pi0-overlapping",
        "eta-isolated",
        "separation",
        "events",
    )
    return (*names, *(HIGH if config.high else ()))


def columns_of(config: PhysicsConfig, local: bool) -> dict[str, dict[str, Columns]]:
    """Columns by sample and side; what is finished is kept and not made again."""
    sides = (GEANT4, *config.models)
    names = sample_names(config)
    pieces = {f"{i:02d}-{name}": Piece(side, name) for i, side in enumerate(sides) for name in names}
    files = {path: sha256_of(Path(path)) for path in (*config.reference, *config.high, *config.calibration)}
    suites = {f"model {name}": _suite(config, name).fingerprint for name in config.models}
    kept = results_of(config, pieces, made, config, local, {**files, **suites})
    found: dict[str, dict[str, Columns]] = {name: {} for name in names}
    for key, piece in pieces.items():
        found[piece.sample][piece.side] = {
            name: np.array(values, np.float64) for name, values in kept[key].items()
        }
    return {**found, "separation": scored(found["separation"])}


def made(config: PhysicsConfig, piece: Piece) -> Result:
    """Compose a sample of one side's showers and reconstruct it; lists by column."""
    job = _job(config)
    cells, name = job.cells, piece.sample
    sample = job.sample(name)

    def composed(one: Sample) -> measured.Found:
        suite = job.geant4(name).suite if piece.side == GEANT4 else _suite(config, piece.side)
        return measured.compose(one, suite, job.placing, cells, config.seed)

    if name == "events":
        columns = measured.of_events(composed(sample), cells)
    elif name == "separation":
        parts = [measured.of_shapes(composed(one), cells) for one in (job.sample("alike"), sample)]
        label = np.repeat([1.0, 0.0], [len(part["fold"]) for part in parts])
        columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]} | {"photon": label}
    elif name in ("photons", "electrons"):
        columns = measured.of_singles(composed(sample), cells, job.corrections(name))
        if name == "electrons":
            smeared = 1 + SMEARED * np.random.default_rng(config.seed).standard_normal(len(sample.fold))
            low = columns["energy_gev"] < LOWEST_ELECTRON_GEV
            columns = {key: column[~low] for key, column in columns.items()}
            columns["e_over_p"] = columns["ratio"] / smeared[~low]
    else:
        of = job.corrections("electrons" if name == "z" else "photons")
        columns = measured.of_pairs(composed(sample), cells, of)
    return {key: np.asarray(column, np.float64).tolist() for key, column in columns.items()}


def scored(sides: dict[str, Columns]) -> dict[str, Columns]:
    """Columns of shapes with the score of a classifier of photons against pi0, and Geant4's cut on it.

    Trees of boosting learn from Geant4's showers: those of even folds judge odd ones, and the reverse. The
    cut keeps 90 % of Geant4's photons.
    """
    features = {side: np.stack([column[name] for name in SHAPES], 1) for side, column in sides.items()}
    score = {side: np.full(len(column["fold"]), np.nan) for side, column in sides.items()}
    for parity in (0, 1):
        own = sides[GEANT4]
        rows = (own["fold"] % 2 != parity) & np.isfinite(features[GEANT4][:, 0])
        trees = HistGradientBoostingClassifier(max_iter=80, max_leaf_nodes=12, random_state=0)
        trees.fit(features[GEANT4][rows], own["photon"][rows])
        for side, column in sides.items():
            judged = (column["fold"] % 2 == parity) & np.isfinite(features[side][:, 0])
            score[side][judged] = trees.predict_proba(features[side][judged])[:, 1]
    cut = np.nanquantile(score[GEANT4][sides[GEANT4]["photon"] > 0], 0.1)
    return {
        side: {**column, "score": score[side], "cut": np.full(len(score[side]), cut)}
        for side, column in sides.items()
    }


def results(config: PhysicsConfig, columns: dict[str, dict[str, Columns]]) -> list[Compared]:
    """Every number of every side."""
    draws = folds_drawn(FOLDS, config.replicas, config.seed)
    found = []
    for quantity in all_columns({name: {} for name in columns}):
        of_sides = columns[quantity.sample]
        resampled = {side: replicas(quantity, column, draws) for side, column in of_sides.items()}
        sides = {side: estimated(quantity, of_sides[side], drawn) for side, drawn in resampled.items()}
        reference, models = sides[GEANT4], {model: sides[model] for model in config.models}
        differences = {
            model: Estimate(
                sides[model].value - reference.value, float(np.nanstd(resampled[model] - resampled[GEANT4]))
            )
            for model in config.models
        }
        floor = floor_of(quantity, of_sides[GEANT4])
        found.append(Compared(quantity, reference, models, differences, floor))
    return found


def figures_of(config: PhysicsConfig, found: list[Compared], about: dict[str, float]) -> dict[str, Any]:
    """All numbers, by name."""
    numbers = [
        {
            "quantity": one.quantity.name,
            "unit": one.quantity.unit,
            "geant4": vars(one.reference),
            "floor": one.floor,
            "models": {
                model: {
                    "value": vars(one.models[model]),
                    "difference": vars(one.differences[model]),
                    "would_bias": bias(one, model),
                }
                for model in one.models
            },
        }
        for one in found
    ]
    return {
        "config": config.model_dump(mode="json"),
        "pile_up": about,
        "folds": FOLDS,
        "numbers": numbers,
    }


def bias(one: Compared, model: str) -> str:
    """What the difference would do to a result."""
    difference = one.differences[model].value
    if not np.isfinite(difference) or not np.isfinite(one.reference.value):
        return "not measured"
    return one.quantity.bias(one.reference.value, difference)


class _Job:
    """What the pieces of one configuration share; each part is made when it is first needed."""

    def __init__(self, config: PhysicsConfig) -> None:
        self.config = config
        self.detector = unsaturated(config.detector)
        self.cells = Cells(self.detector)
        self.placing = Placing(Planar(), self.detector)
        self._held_out: dict[str, Geant4] = {}
        self._samples: dict[str, Sample] = {}
        self._corrections: dict[str, Corrections] = {}
        self._pool: tuple[Incidents, dict[str, float]] | None = None

    def geant4(self, sample: str) -> Geant4:
        """Of the showers that a sample is made of; those above 100 GeV and the pile-up's for Z and H."""
        key = "high" if sample in HIGH else "usual"
        if key not in self._held_out:
            paths = (*self.config.reference, *(self.config.high if key == "high" else ()))
            self._held_out[key] = Geant4.of(read(paths), FOLDS)
        return self._held_out[key]

    def pool(self) -> tuple[Incidents, dict[str, float]]:
        """Collisions for the pile-up, and what was said of them."""
        if self._pool is None:
            stock = self.geant4("events").stock
            self._pool = samples.pool(stock, self.detector, self.config.collisions, self.config.seed)
        return self._pool

    def sample(self, name: str) -> Sample:
        """The events of this name."""
        if name not in self._samples:
            self._samples[name] = self._made(name)
        return self._samples[name]

    def _made(self, name: str) -> Sample:
        config, cells = self.config, self.cells
        rng = np.random.default_rng([config.seed, *name.encode()])
        if name == "events":
            return samples.pile_up(self.pool()[0], FOLDS, config.mu, config.seed, config.events)
        if name in HIGH:
            stock = ShowerStock(read(config.high).conditions, Planar(), FOLDS)
            pdg, mass = (11, samples.Z_MEV) if name == "z" else (22, samples.HIGGS_MEV)
            signal = samples.resonances(stock, cells, pdg, mass, config.events, rng)
            return samples.on_pile_up(signal, self.pool()[0], FOLDS, config.mu, config.seed)
        stock = self.geant4(name).stock
        if name == "photons":
            return samples.singles(stock, cells, 22, config.singles, rng)
        if name == "electrons":
            return samples.singles(stock, cells, 11, config.singles // 2, rng)
        if name == "alike":
            return samples.alike(self.sample("separation"), stock, cells, rng)
        mass = ETA_MEV if name.startswith("eta") else PI0_MEV
        apart = {"isolated": ISOLATED, "overlapping": OVERLAPPING, "separation": MERGED}[name.split("-")[-1]]
        most = samples.HIGHEST_MEV if name == "separation" else 2 * samples.HIGHEST_MEV
        return samples.pairs(stock, cells, mass, apart, config.pairs, rng, most)

    def corrections(self, species: str) -> Corrections:
        """Of clusters of photons or electrons."""
        if species not in self._corrections:
            other = Geant4.of(read(self.config.calibration), 1)
            rng = np.random.default_rng([self.config.seed, 7])
            pdg = 22 if species == "photons" else 11
            sample = samples.singles(other.stock, self.cells, pdg, self.config.calibrated, rng)
            found = measured.compose(sample, other.suite, self.placing, self.cells, self.config.seed)
            self._corrections[species] = measured.calibrated(found, self.cells)
        return self._corrections[species]


@lru_cache(maxsize=1)
def _job(config: PhysicsConfig) -> _Job:
    return _Job(config)


@lru_cache(maxsize=4)
def _suite(config: PhysicsConfig, name: str) -> Suite:
    return load_suite(fetch_models(name), fetch_models(config.outside))


def pile_up_said(config: PhysicsConfig) -> dict[str, float]:
    """How well the pile-up's particles found showers."""
    return _job(config).pool()[1]


def roc(columns: Columns, points: int = 60) -> tuple[Array, Array]:
    """Efficiencies of photons and of pi0 for cuts on the score, [points] each."""
    there = np.isfinite(columns["score"])
    score, photon = columns["score"][there], columns["photon"][there] > 0
    cuts = np.quantile(score, np.linspace(0, 1, points))
    return np.array([(score[photon] > c).mean() for c in cuts]), np.array(
        [(score[~photon] > c).mean() for c in cuts]
    )
