"""What a campaign names, loaded: its generators and their replicas, and its detector."""

from __future__ import annotations

import json
import re
from pathlib import Path

from monsoon.engine.config import MOST_REPLICAS, Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.detector.fits import refuse_other_showers
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError
from monsoon.engine.storage import fetch, fetch_folder, split_url
from monsoon.models.files import read_small
from monsoon.models.geometry.geometry import same
from monsoon.models.geometry.stored import read_geometry
from monsoon.models.species import species_of
from monsoon.models.store.checkpoint import TRAINED
from monsoon.models.store.shipped import SHOWER_FILES, is_shipped
from monsoon.models.store.suite import Suite, load_suite

REPLICAS = "replicas.json"  # of a folder of trained replicas: {"replicas": [FOLDER, ...]}
LARGEST = 1 << 20  # bytes of it
MEMBER = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*")  # a folder below


def load(
    model: str, outside: str, detector: str, geometry: str | None = None, species: str | None = None
) -> tuple[Suite, Detector]:
    """The generators and the detector of these names, paths or URLs.

    Geometry and species are of shower files that say nothing of it: see `read_geometry`, `species_of`.

    Raises InputError where one cannot be used, or the generators' showers cannot be placed in the detector.
    """
    suite = _suite(model, outside, geometry, species)
    face = Detector.load(fetch(detector))
    refuse_other_showers(model, Placing(suite.grid, face))
    return suite, face


def load_replicas(campaign: Campaign, suite: Suite) -> tuple[Suite, ...]:
    """The replicas of a campaign's generators, none where it has none.

    Raises InputError where one cannot be used, or makes other species or voxels than the generators.
    """
    if isinstance(campaign.replicas, int):
        try:
            return tuple(suite.bootstrapped(number) for number in range(campaign.replicas))
        except InputError as error:
            raise InputError(f"replicas: {error}") from error
    found = []
    for words in replica_models(campaign.replicas):
        one = _suite(words, campaign.outside, campaign.geometry, campaign.species)
        if one.species != suite.species or not same(one.grid, suite.grid):
            raise InputError(
                f"replicas: {words} makes species {_listed(one)} in {one.grid.label}, model {campaign.model} "
                f"{_listed(suite)} in {suite.grid.label}; name replicas of the same generators"
            )
        found.append(one)
    return tuple(found)


def replica_models(named: str | tuple[str, ...]) -> list[str]:
    """The models of each replica, in the words of `model`.

    Parameters
    ----------
    named
        The models themselves, or words for all of them: folders of replicas, as `monsoon train` makes them,
        joined by commas with what is the same in all replicas.

    Raises
    ------
    InputError
        Where there is no such folder, or two have different numbers of replicas.
    """
    if not isinstance(named, str):
        return list(named)
    columns: list[list[str] | str] = []
    for word in named.split(","):
        columns.append([f"{word}/{name}" for name in members(word)] if _is_ensemble(word) else word)
    counts = {len(column) for column in columns if isinstance(column, list)}
    if len(counts) != 1:
        many = f"folders of {' and of '.join(map(str, sorted(counts)))} replicas" if counts else "no replicas"
        raise InputError(
            f"replicas: {named} has {many}; name the folder of `monsoon train RECIPE replicas=5`, "
            "a list of models, or a number"
        )
    return [
        ",".join(column if isinstance(column, str) else column[number] for column in columns)
        for number in range(counts.pop())
    ]


def replica_count(campaign: Campaign) -> int:
    """How many replicas of its generators a campaign has. Raises InputError as `replica_models` does."""
    named = campaign.replicas
    return named if isinstance(named, int) else len(replica_models(named))


def members(folder: str) -> list[str]:
    """The folders of replicas below a folder or URL. Raises InputError where its list cannot be used."""
    url = f"{folder}/{REPLICAS}"
    try:
        names = json.loads(read_small(Path(fetch(url)), LARGEST))["replicas"]
        listed = isinstance(names, list) and 0 < len(names) <= MOST_REPLICAS
        if not listed or not all(isinstance(name, str) and MEMBER.fullmatch(name) for name in names):
            raise ValueError(f"it names no folders below, at most {MOST_REPLICAS}")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{url}: no list of replicas ({error}); train them again") from error
    return [str(name) for name in names]


def _is_ensemble(word: str) -> bool:
    if is_shipped(word) or word.endswith(SHOWER_FILES):
        return False
    store, name = split_url(f"{word}/{REPLICAS}")
    return store.exists(name)


def fetch_models(words: str) -> str:
    """Words for load_suite, with what is behind URLs on this machine. Raises InputError."""
    return ",".join(
        fetch(word) if word.endswith(SHOWER_FILES) else fetch_folder(word, TRAINED)
        for word in words.split(",")
    )


def _suite(model: str, outside: str, geometry: str | None, species: str | None) -> Suite:
    voxels = None if geometry is None else read_geometry(geometry)
    pdg = None if species is None else species_of(species)
    return load_suite(fetch_models(model), fetch_models(outside), voxels, pdg)


def _listed(suite: Suite) -> str:
    return ", ".join(map(str, suite.species))
