"""Bad inputs for every reader: each is refused in one line with exit code 2, and nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.cli import UNUSABLE, main
from monsoon.models.training.state import StateFolder
from tests.fuzz.corpus.commands import COMMANDS, NEEDS
from tests.fuzz.corpus.every import CORPUS
from tests.fuzz.reader import Reader
from tests.fuzz.readers.every import READERS
from tests.fuzz.readers.networks import STEPS, states_of

ALL = [(name, called) for name, cases in CORPUS.items() for called in cases]
Prepared = Callable[[str], Path]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """The folder of a reader's good inputs, made once."""
    folders: dict[object, Path] = {}

    def of(name: str) -> Path:
        key = _maker(READERS[name])
        if key not in folders:
            folders[key] = tmp_path_factory.mktemp(name)
            READERS[name].prepare(folders[key])
        return folders[key]

    return of


def _maker(reader: Reader) -> object:
    """Readers with one maker of good inputs share what it makes."""
    return reader.prepare


def bad_input(name: str, called: str, prepared: Prepared, folder: Path) -> Path:
    """One input of the corpus."""
    reader = READERS[name]
    good = reader.good(prepared(name))[0].read_bytes()
    content = CORPUS[name][called].make(good)
    assert content != good
    path = folder / f"bad{reader.suffix}"
    path.write_bytes(content)
    return path


def listing(folder: Path) -> set[str]:
    return {os.fspath(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.timeout(60)  # an input that is taken as good may begin a long job
@pytest.mark.parametrize(("name", "called"), [pair for pair in ALL if pair[0] in COMMANDS])
def test_a_bad_input_is_refused_in_one_line_with_exit_code_2_and_leaves_nothing_behind(
    name: str,
    called: str,
    prepared: Prepared,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path = bad_input(name, called, prepared, tmp_path)
    words = COMMANDS[name](path, prepared(NEEDS.get(name, name)), tmp_path)
    before = listing(tmp_path)
    assert main(words) == UNUSABLE
    said = capfd.readouterr().err
    lines = [line for line in said.splitlines() if line.startswith("monsoon: ")]
    assert len(lines) == 1, said
    assert CORPUS[name][called].named in lines[0]
    assert "Traceback" not in said
    assert listing(tmp_path) == before


@pytest.mark.parametrize("called", CORPUS["state-json"])
def test_a_bad_state_of_a_training_is_refused_in_one_line(
    called: str, prepared: Prepared, tmp_path: Path
) -> None:
    path = bad_input("state-json", called, prepared, tmp_path)
    states = states_of(prepared("state-json"), tmp_path)
    (states / f"step-{STEPS[-1]:012d}.json").write_bytes(path.read_bytes())
    with pytest.raises(InputError, match=CORPUS["state-json"][called].named):
        StateFolder(states).read(STEPS[-1])
    assert StateFolder(states).newest() == STEPS[0]  # the one before it does


def test_the_corpus_has_two_hundred_distinct_inputs(prepared: Prepared, tmp_path: Path) -> None:
    inputs = {
        (name, bad_input(name, called, prepared, tmp_path).read_bytes())
        for name, called in ALL
        if name not in ("lhe", "record", "manifest")  # what takes long to make
    }
    assert len(inputs) >= 200
