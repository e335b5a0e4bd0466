"""Readers of what a person writes: YAML files and `key=value` words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import yaml
from hypothesis import strategies as st

from monsoon.engine.config import Campaign, load_campaign, parse_overrides, validate
from monsoon.engine.detector.detector import SHIPPED, Detector
from monsoon.jobs.incidents import SOURCES
from monsoon.jobs.training_config import RECIPE_KEYS, RECIPES, TrainConfig, load_training
from monsoon.jobs.validation.requirements import SHIPPED as REQUIREMENTS
from monsoon.jobs.validation.requirements import read_requirements
from tests.fuzz.mutation.octets import mutated_text
from tests.fuzz.mutation.trees import LEAVES, RAW, TREES, YAML_ONLY, drawn, mutated_yaml
from tests.fuzz.reader import Reader, check, check_finite

CAMPAIGN = """\
# a campaign with most of its keys
preset: run3
seed: 7
mu: 2.5
pythia: ["SoftQCD:inelastic = on", "Random:setSeed = on"]
signal: null
threshold_mev: 1.0e3
model: library
outside: nearest
formats: [parquet, root]
contributions: true
first_event: 10
shard_events: 100
output: out/events
events: 2_000
pools:
  - {workers: 2, cpus: 1}
  - workers: 1
    gpus: 0
deadline_s: 60
repair: false
log: run.log
"""
ODD = ("run #3", "1e3", "[", "]", "{", ": ", "- ", "#", "*a", "")
WORDS = {
    "campaign": """\
seed=1
mu=2.5
events=10
output=o
formats=[root, parquet]
pools=[{workers: 2}]
only=3
log=run #3""",
    "gun": """\
pdg=[22, 211]
energy_mev=[1e3, 1e5]
particles=3
theta_rad=[0.01, 0.2]
events=5
output=o
seed=3""",
    "pythia": "collisions=10\ncards=[HardQCD:all = on]\nmothers=true\noutput=o\nworkers=2\npolarity=-1",
    "hepmc": "input=a.hepmc\nweight=Default\noutput=o\nthreshold_mev=0\ndetector=lhcb-ecal",
    "overlay": "input=a.parquet\noutput=o\nmu=5.2\nevents=10\nfirst_event=3\nsignal=b.parquet",
    "train": """\
steps=300
warm_up=10
learning_rate={a: 1e-3}
betas=[0.9, 0.99]
options={hidden: 8}
output=o
workers=[1, 2]""",
}


def read_campaign(path: Path, folder: Path, scratch: Path) -> None:
    """Also what is done with a campaign before anything is made."""
    campaign = load_campaign(str(path), ["output=o"])
    check(campaign.events > 0 and campaign.kinds, "a campaign of nothing")
    campaign.anchored()
    check(campaign.layout()["formats"], "no format")


def read_words(path: Path, folder: Path, scratch: Path) -> None:
    """The first line says whose words they are."""
    verb, *words = path.read_bytes().decode("utf-8", "surrogateescape").split("\n")
    if verb == "train":
        load_training("flow-egamma", words)
    elif verb in SOURCES:
        config = SOURCES[verb][0]
        validate(config, parse_overrides(words, config), f"incidents {verb}")
    else:
        campaign = load_campaign("run3", words)
        check(campaign.output, "no output")


def read_training(path: Path, folder: Path, scratch: Path) -> None:
    """Its recipe has been checked."""
    training = load_training(str(path), ["output=o"])
    check(training.recipe.steps > 0 and training.recipe.batch > 0, "a training of nothing")
    check_finite(
        "learning rate",
        training.recipe.rate("any", 0) if not isinstance(training.recipe.learning_rate, dict) else 0,
    )


def read_file_of_requirements(path: Path, folder: Path, scratch: Path) -> None:
    """They can be said and stored."""
    for requirement in read_requirements(path):
        check(requirement.tolerance.words and requirement.region.bins and requirement.plain(), "says nothing")
        check_finite("sigmas", requirement.tolerance.sigmas)
        check_finite("at_most", requirement.tolerance.at_most or 0)


def read_detector(path: Path, folder: Path, scratch: Path) -> None:
    """With all that is tabulated for the simulation."""
    detector = Detector.load(str(path))
    check_finite("cell_centres_mm", detector.cell_centres_mm)
    check_finite("mev_per_count", detector.mev_per_count)
    check((detector.mev_per_count > 0).all(), "a count without energy")
    tables = detector.electronics
    check((tables.gain.numpy() >= 0).all(), "a negative gain")
    check_finite("full scale", np.array(list(detector.full_scale_mev.values())))
    check(detector.description.label, "no name")


def _mutated_words(content: bytes, random: Random) -> bytes:
    """Another value for some word, or a line of text that hypothesis drew."""
    verb, *words = content.decode().split("\n")
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(words))
        key = words[at].partition("=")[0] if random.random() < 0.8 else random.choice(_keys(verb))
        kind = random.random()
        if kind < 0.1:
            words[at] = drawn(st.text(max_size=30), random)
        elif kind < 0.3:
            words[at] = f"{key}={random.choice(YAML_ONLY)}"
        elif kind < 0.5:
            words[at] = f"{key}={random.choice((*RAW.values(), *ODD))}"
        elif kind < 0.6:
            words[at] = f"{key}={drawn(TREES, random)}"
        elif kind < 0.9:
            words[at] = f"{key}={random.choice(LEAVES)}"
        else:
            words.insert(at, words[at])
    text = "\n".join([verb, *(word.replace("\n", " ") for word in words)]).encode("utf-8", "replace")
    return mutated_text(text, random) if random.random() < 0.1 else text


def _keys(verb: str) -> list[str]:
    if verb == "train":
        return [*TrainConfig.model_fields, *RECIPE_KEYS]
    return list(SOURCES[verb][0].model_fields if verb in SOURCES else Campaign.model_fields)


def _prepare_words(folder: Path) -> None:
    for verb, words in WORDS.items():
        (folder / f"good-{verb}.txt").write_text(f"{verb}\n{words}")


def _prepare(**texts: Callable[[], str]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        for name, text in texts.items():
            (folder / f"good-{name}.yaml").write_text(text())

    return prepare


def _training() -> str:
    known: dict[str, Any] = yaml.safe_load((RECIPES / "flow-sample.yaml").read_text())
    return yaml.safe_dump({**known, "learning_rate": {"any": 1e-3}, "betas": [0.9, 0.99], "workers": [1, 2]})


CONFIGS = {
    "campaign-yaml": Reader(".yaml", _prepare(campaign=lambda: CAMPAIGN), mutated_yaml, read_campaign),
    "words": Reader(".txt", _prepare_words, _mutated_words, read_words),
    "training-yaml": Reader(
        ".yaml",
        _prepare(shipped=(RECIPES / "flow-egamma.yaml").read_text, small=_training),
        mutated_yaml,
        read_training,
    ),
    "requirements-yaml": Reader(
        ".yaml", _prepare(shipped=REQUIREMENTS.read_text), mutated_yaml, read_file_of_requirements
    ),
    "detector-yaml": Reader(
        ".yaml", _prepare(shipped=(SHIPPED / "lhcb-ecal.yaml").read_text), mutated_yaml, read_detector
    ),
}
