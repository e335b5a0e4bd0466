"""`monsoon study decomposition`: events composed of N showers against events that are simulated as a whole.

N Geant4 showers are N / k whole events of k particles, which can be resampled; or a library, of which any k
showers make an event. Both are compared with events of other showers. Superposition is exact in both, as it
is in the simulation that made the showers: deposits in the material add up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from monsoon.engine.compose import compose
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.of_showers import incidents_of
from monsoon.engine.records import Array, Incidents
from monsoon.jobs.studies.pieces import Result, StudyConfig, results_of
from monsoon.jobs.studies.pool import DEFAULT, ShowerPool
from monsoon.models.data.shower_files import ShowerSet
from monsoon.models.families.library import Library
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.records import Conditions
from monsoon.models.studies.repeats import birthday, intraclass, share_with_repeats
from monsoon.models.studies.worth import BLOCKS, edges_of, shares_in_blocks

OBSERVABLES = ("response", "hits", "hottest_share")
QUANTILES = 10
CENTRE_PIXELS = (60, 12)  # of the window that events are put in, in pixels from the beam: in the inner zone
SPREAD = {"dense": 4, "sparse": 24}  # half the window's side, in pixels
TOGETHER = 256  # events composed at a time


class DecompositionConfig(StudyConfig):
    """The study of composed events against whole ones."""

    showers: Annotated[tuple[str, ...], Field(min_length=1)] = DEFAULT
    """Shower files of photons and electrons, or names of shipped samples."""
    particles: Annotated[int, Field(ge=2)] = 8
    """Particles of an event."""
    sizes: Annotated[tuple[int, ...], Field(min_length=1)] = (80, 160, 320, 640)
    """Showers that are simulated, N."""
    repetitions: Annotated[int, Field(ge=2)] = 10
    """Disjoint sets of showers at each size."""
    events: Annotated[int, Field(ge=100)] = 3000
    """Events that are composed of each set."""
    detector: str = "lhcb-ecal"
    """Detector in whose inner zone the events are, by name or file."""


@dataclass(frozen=True)
class Shared:
    """What all pieces share."""

    config: DecompositionConfig
    grid: Geometry
    edges: dict[str, Array]


@dataclass(frozen=True)
class Piece:
    """N showers, and what for."""

    showers: ShowerSet
    seed: int
    failures: bool = False
    truth: bool = False


def decomposition_results(config: DecompositionConfig, local: bool) -> dict[str, Any]:
    """Shares in bins of truth, whole and composed events, [.., B, K] by observable; and where it fails."""
    pool = ShowerPool(config.showers, config.seed)
    training = {
        size: [pool.deal(size, f"{size} showers") for _ in range(config.repetitions)] for size in config.sizes
    }
    edges_of_showers = pool.deal(min(pool.left // 5, 4000), "the edges of bins")
    each = pool.left // BLOCKS
    blocks = [pool.deal(each, "the truth") for _ in range(BLOCKS)]
    if each < 4 * config.particles:
        raise InputError(
            f"showers: {each * BLOCKS} are left for the truth, which are too few; give more files, or "
            f"smaller sizes"
        )
    of_edges = observed(
        config, pool.grid, edges_of_showers, _drawn(config, edges_of_showers, config.seed), config.seed
    )
    shared = Shared(
        config, pool.grid, {name: edges_of(values, QUANTILES) for name, values in of_edges.items()}
    )
    pieces = {
        f"truth-{number}": Piece(block, 1000 + number, truth=True) for number, block in enumerate(blocks)
    }
    for size, sets in training.items():
        pieces |= {f"showers-{size}-{n}": Piece(some, 10_000 * n + size) for n, some in enumerate(sets)}
    pieces["failures"] = Piece(blocks[0], 5, failures=True)
    found = results_of(config, pieces, made, shared, local, pool.sums)
    return {
        "truth": {
            name: np.array([found[f"truth-{b}"]["composed"][name][0] for b in range(BLOCKS)])
            for name in OBSERVABLES
        },
        "sizes": {
            size: {
                way: {
                    name: np.array(
                        [found[f"showers-{size}-{n}"][way][name] for n in range(config.repetitions)]
                    )
                    for name in OBSERVABLES
                }
                for way in ("whole", "composed")
            }
            | {"repeats": [found[f"showers-{size}-{n}"]["repeats"] for n in range(config.repetitions)]}
            for size in config.sizes
        },
        "failures": found["failures"],
        "truth_showers": each * BLOCKS,
        "birthday": {size: birthday(size, config.particles) for size in config.sizes},
    }


def made(shared: Shared, piece: Piece) -> Result:
    """One piece: shares in bins by observable, or the failures."""
    config, k = shared.config, shared.config.particles
    if piece.failures:
        return failures(shared, piece)

    def shares(picks: Array, blocks: int, seed: int) -> dict[str, Any]:
        values = observed(config, shared.grid, piece.showers, picks, seed)
        return {
            name: shares_in_blocks(values[name], edges, blocks).tolist()
            for name, edges in shared.edges.items()
        }

    composed = _drawn(config, piece.showers, piece.seed)
    if piece.truth:
        return {"composed": shares(composed, 1, piece.seed)}
    n = len(piece.showers) // k * k
    return {
        "whole": shares(np.arange(n).reshape(-1, k), 1, piece.seed + 1),
        "composed": shares(composed, BLOCKS, piece.seed),
        "repeats": _library_repeats(config, shared.grid, piece.showers, piece.seed),
    }


def observed(
    config: DecompositionConfig,
    grid: Geometry,
    showers: ShowerSet,
    picks: Array,
    seed: int,
    spread: int = SPREAD["sparse"],
) -> dict[str, Array]:
    """Observables of events composed of these showers, float64 [E] each.

    Parameters
    ----------
    config, grid
        Of the study, and the showers' voxels.
    showers
        N showers.
    picks
        Rows of the showers, int64 [E, k].
    seed
        Of places and noise.
    spread
        Half the side of the window that the particles are in, in pixels.
    """
    placing = Placing(grid, Detector.load(config.detector))
    found: list[Array] = []
    for start in range(0, len(picks), TOGETHER):
        some = picks[start : start + TOGETHER]
        rows = torch.from_numpy(some.reshape(-1))
        incidents = _incidents(showers.conditions[rows], placing, some.shape[1], start, seed, spread)
        events = compose(incidents, showers[rows].showers, placing, seed, np.zeros(len(rows), np.uint8))
        number = np.repeat(np.arange(len(some)), np.diff(events.hit_offsets))
        total = np.bincount(number, events.hit_energy_mev, len(some))
        hottest = np.zeros(len(some))
        np.maximum.at(hottest, number, events.hit_energy_mev.astype(np.float64))
        true = incidents.energy_mev.astype(np.float64).reshape(some.shape).sum(1)
        found.append(np.stack([total / true, np.diff(events.hit_offsets), hottest / np.maximum(total, 1e-9)]))
    return dict(zip(OBSERVABLES, np.concatenate(found, 1), strict=True))


def failures(shared: Shared, piece: Piece) -> Result:
    """What composition from a library may get wrong, each by the number that shows it."""
    config, showers = shared.config, piece.showers
    rng = np.random.default_rng([config.seed, 3])
    picks = _drawn(config, showers, piece.seed)
    overlaps = {}
    for where, spread in SPREAD.items():
        once = observed(config, shared.grid, showers, picks, piece.seed, spread)
        alone = observed(config, shared.grid, showers, picks.reshape(-1, 1), piece.seed, spread)
        energy = showers.conditions.energy_mev.double().numpy()[picks]
        added = (alone["response"].reshape(picks.shape) * energy).sum(1) / energy.sum(1)
        lost = added / once["response"] - 1
        overlaps[where] = [float(lost.mean()), float(lost.std(ddof=1) / np.sqrt(len(lost)))]
    library = Library(showers, grid=shared.grid)
    asked = showers.conditions[torch.from_numpy(rng.integers(0, len(showers), config.events))]
    response = []
    for _ in range(2):
        noise = torch.from_numpy(rng.random((len(asked), 1), np.float32))
        response.append(library.sample(asked, noise).total_mev().numpy() / asked.energy_mev.double().numpy())
    same = intraclass(*_less_trend(asked, *response))
    energies = np.sort(showers.conditions.energy_mev.double().numpy())
    at = rng.integers(0, len(energies), config.events)
    near = np.clip(
        at[:, None] + rng.integers(-50, 51, (config.events, config.particles)), 0, len(energies) - 1
    )
    together = np.log(energies[near].sum(1))
    permuted = np.log(np.stack([rng.permutation(column) for column in energies[near].T], 1).sum(1))
    ratio = [
        float(permuted[part].std() / together[part].std()) for part in np.array_split(np.arange(len(at)), 20)
    ]
    return {
        "overlaps": overlaps,
        "same_condition": list(same),
        "permuted_spread": [float(permuted.std() / together.std()), float(np.std(ratio) / np.sqrt(20))],
        "library": len(showers),
    }


def _less_trend(asked: Conditions, *responses: Array) -> list[Array]:
    """Responses less their trend in ln E, over the energy's own resolution."""
    log_energy = asked.energy_mev.double().log().numpy()
    x = np.stack([np.ones_like(log_energy), log_energy, log_energy**2], 1)
    trend = np.linalg.lstsq(np.concatenate([x] * len(responses)), np.concatenate(responses))[0]
    return [(response - x @ trend) * np.exp(log_energy / 2) for response in responses]


def _drawn(config: DecompositionConfig, showers: ShowerSet, seed: int) -> Array:
    """k different showers for each event at random, int64 [events, k]."""
    k = config.particles
    rng = np.random.default_rng([config.seed, seed])
    starts = range(0, config.events, TOGETHER)
    keys = (rng.random((min(TOGETHER, config.events - start), len(showers))) for start in starts)
    return np.concatenate([np.argpartition(some, k, 1)[:, :k] for some in keys])


def _library_repeats(config: DecompositionConfig, grid: Geometry, showers: ShowerSet, seed: int) -> float:
    """Share of events of random conditions in which a library of the showers gives one of them twice."""
    rng = np.random.default_rng([config.seed, seed, 1])
    library = Library(showers, grid=grid)
    rows = rng.integers(0, len(showers), (config.events, config.particles))
    noise = torch.from_numpy(rng.random((rows.size, 1), np.float32))
    shower, _ = library.near.choose(showers.conditions[torch.from_numpy(rows.reshape(-1))], noise)
    return share_with_repeats(shower.numpy().reshape(rows.shape))


def _incidents(
    conditions: Conditions, placing: Placing, k: int, first: int, seed: int, spread: int
) -> Incidents:
    """Events of k particles each, on pixels of a window at random."""
    rng = np.random.default_rng([seed, first, 2])
    description = placing.detector.description
    pixel = np.array(CENTRE_PIXELS) + rng.integers(-spread, spread + 1, (len(conditions), 2))
    placed = (pixel + 0.5) * description.pixel_mm + conditions.offset_mm.numpy()
    counts = np.full(len(conditions) // k, k)
    return incidents_of(conditions, placed, counts, description.face_z_mm, first)
