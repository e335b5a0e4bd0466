"""`monsoon help VERB` says of every key what it is; the only source is where the key is defined."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from pydantic import BaseModel

from monsoon.engine.config import Campaign
from monsoon.jobs.cli import DONE, UNUSABLE, app, main
from monsoon.jobs.help import REQUIRED, Key, keys_of, options_of
from monsoon.jobs.incidents import SOURCES
from monsoon.jobs.requests.config import Request
from monsoon.jobs.studies.command import STUDIES, study_of
from monsoon.jobs.sweeps.config import Sweep
from monsoon.jobs.training_config import RECIPE_KEYS, TrainConfig
from monsoon.models.families.table import FAMILIES
from tests.cluster.test_pages import accept

STUDY_CONFIGS = {f"study {name}": study_of(name)[0] for name in STUDIES}
INCIDENTS_CONFIGS = (config for config, _ in SOURCES.values())
CONFIGS = (Campaign, TrainConfig, Sweep, Request, *INCIDENTS_CONFIGS, *STUDY_CONFIGS.values())
COMMANDS = {(info.name or info.callback.__name__): info.callback for info in app.registered_commands}
UNITS = {"mev": "MeV", "gev": "GeV", "rad": "rad", "mm": "mm", "ns": "ns", "s": "s"}
WITH_KEYS = {
    "generate": Campaign,
    "plan": Campaign,
    "train": TrainConfig,
    "sweep": Sweep,
    "request": Request,
    **{f"incidents {name}": config for name, (config, _) in SOURCES.items()},
    **STUDY_CONFIGS,
}


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.__name__)
def test_every_key_has_a_meaning_and_its_unit(config: type[BaseModel]) -> None:
    keys = keys_of(config)
    for key in keys:
        assert len(key.meaning) > 10, f"{config.__name__}.{key.name} needs a docstring below it"
        assert key.meaning.endswith("."), key
        assert key.type, key
        suffix = key.name.rpartition("_")[2]
        if suffix in UNITS and suffix != key.name:
            assert key.unit == UNITS[suffix], key
    names = {key.name for key in keys}
    assert names >= set(config.model_fields) - {"recipe"}


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_argument_and_option_has_a_meaning(verb: str) -> None:
    for key in options_of(COMMANDS[verb]):
        assert key.meaning, f"{verb} {key.name}"


def test_keys_say_type_default_and_what_is_required() -> None:
    campaign = {key.name: key for key in keys_of(Campaign)}
    assert campaign["output"].default == REQUIRED
    assert campaign["threshold_mev"] == Key(
        "threshold_mev",
        "number >= 0",
        "MeV",
        "1000",
        "Kinetic energy on the face below which a particle is only counted.",
    )
    assert campaign["polarity"].type == "-1 or 1"
    assert campaign["seed"].type == "integer >= 0, < 2^64"
    assert campaign["formats"].default == "[parquet]"
    assert campaign["pools.N.cpus"].default == "1"
    training = {key.name: key for key in keys_of(TrainConfig)}
    assert set(RECIPE_KEYS) <= set(training)
    assert training["betas"].type == "[number, number]"


@pytest.mark.parametrize("verb", WITH_KEYS)
def test_help_lists_every_key_in_a_plain_line_where_nobody_looks(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", *verb.split()]) == DONE
    lines = capsys.readouterr().out.splitlines()
    starts = [line.split("  ")[0] for line in lines]
    for key in keys_of(WITH_KEYS[verb]):
        assert starts.count(key.name) == 1
        assert lines[starts.index(key.name)].endswith(key.meaning)


@pytest.mark.parametrize("verb", ["sample", "validate", "merge", "status"])
def test_help_lists_the_options_of_commands_without_a_config(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", verb]) == DONE
    said = capsys.readouterr().out
    for key in options_of(COMMANDS[verb]):
        assert f"\n{key.name} " in said


@pytest.mark.parametrize(
    ("verb", "choices"),
    [
        ("incidents", SOURCES),
        ("train", ("flow-egamma", "transported-hadrons", *FAMILIES)),
        ("generate", ("best", "library", "flow-egamma", "siw")),
        ("validate", ("best", "flow-rich")),
    ],
)
def test_help_lists_what_there_is_to_choose_from(
    verb: str, choices: Sequence[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", verb]) == DONE
    last = capsys.readouterr().out.rpartition("\n\n")[2]
    assert set(choices) <= set(re.split(r"[\s,]+", last))


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (["help", "incidents", "muons"], "no such source; there are pythia, hepmc"),
        (
            ["generate", "run3", "--events", "10"],
            "keys are given as events=VALUE, see `monsoon help generate`",
        ),
        (["train", "flow-egamma", "--steps=3"], "keys are given as steps=VALUE, see `monsoon help train`"),
        (["sample", "--modle", "best"], "No such option: --modle; see `monsoon help sample`"),
        (["sampel"], "see `monsoon --help`"),
    ],
)
def test_words_that_are_not_understood_are_one_line_with_the_way_to_help(
    words: list[str], remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == UNUSABLE
    said = capsys.readouterr()
    assert remedy in said.err
    assert said.err.count("\n") == 1
    assert not said.out


def test_without_a_command_the_help_is_printed_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == UNUSABLE
    said = capsys.readouterr()
    assert "generate" in said.out
    assert not said.err


@pytest.mark.parametrize("verb", COMMANDS)
def test_the_options_page_has_an_example_that_is_accepted(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert main([verb, "--help"]) == DONE
    said = capsys.readouterr().out
    (example,) = re.findall(r"Example: monsoon (.*?)(?: > .*)? *\n", said)
    words = shlex.split(example)
    assert words[0] == verb
    accept(words)
    if verb in WITH_KEYS:
        assert f"monsoon help {verb}" in said


def test_a_terminal_gets_a_table_that_fits_it() -> None:
    words = [sys.executable, "-m", "monsoon", "help", "generate"]
    parent, child = pty.openpty()
    environment = {**os.environ, "COLUMNS": "90", "TERM": "xterm"}
    with subprocess.Popen(words, stdout=child, cwd=Path(__file__).parent, env=environment) as process:
        os.close(child)
        said = b""
        while True:
            try:
                said += (piece := os.read(parent, 4096))
            except OSError:  # the other end is closed
                break
            if not piece:
                break
    os.close(parent)
    assert process.returncode == DONE
    assert b"\x1b[1mpool_collisions" in said
