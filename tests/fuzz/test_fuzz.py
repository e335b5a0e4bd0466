"""The fuzzer: it makes the same inputs again, and notices whatever a reader must not do."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from monsoon.engine.errors import InputError
from tests.fuzz import planted, run
from tests.fuzz.attempt import FOUND, READ, REFUSED, attempt, mutated
from tests.fuzz.reader import Broken, Reader
from tests.fuzz.readers.every import READERS
from tests.fuzz.run import Hand

LIGHT = ("hepmc3", "hepmc2", "table", "words", "campaign-yaml", "state-json", "state-weights")


def raising(error: BaseException) -> Callable[[Path, Path, Path], NoReturn]:
    def read(path: Path, folder: Path, scratch: Path) -> NoReturn:
        raise error

    return read


def refused_for(cause: BaseException) -> InputError:
    error = InputError("a: too large; give less")
    error.__cause__ = cause
    return error


def warning(path: Path, folder: Path, scratch: Path) -> None:
    warnings.warn("overflow encountered in cast", RuntimeWarning, stacklevel=1)


@pytest.mark.parametrize(
    ("read", "came"),
    [
        (lambda path, folder, scratch: None, READ),
        (raising(InputError("a: not what it should be; write it again")), REFUSED),
        (raising(InputError("")), FOUND),
        (raising(InputError("a" * 10_000)), REFUSED),  # it is shortened when it is said
        (raising(ValueError("bad")), FOUND),
        (raising(KeyError("x")), FOUND),
        (raising(RecursionError()), FOUND),
        (raising(MemoryError()), FOUND),
        (raising(refused_for(MemoryError())), FOUND),
        (raising(Broken("a count does not add up")), FOUND),
        (warning, FOUND),
    ],
)
def test_an_input_is_read_or_refused_in_one_line_or_a_finding(
    read: Callable[[Path, Path, Path], None], came: str, tmp_path: Path
) -> None:
    reader = Reader(".txt", lambda folder: None, lambda content, random: content, read)
    assert attempt(reader, tmp_path / "x", tmp_path, tmp_path).came == came


@pytest.mark.parametrize("name", LIGHT)
def test_a_case_is_the_same_input_for_the_same_seed_and_another_for_another(
    name: str, tmp_path: Path
) -> None:
    reader = READERS[name]
    reader.prepare(tmp_path)
    inputs = {
        (seed, case): mutated(reader, name, tmp_path, seed, case) for seed in (1, 2) for case in range(6)
    }
    assert all(mutated(reader, name, tmp_path, *key) == content for key, content in inputs.items())
    assert len(set(inputs.values())) > 8


def ended(hand: Hand) -> str:
    """The kind of finding that a worker's end is."""
    try:
        run.until(hand)
        hand.give("words", 0)
        deadline = time.monotonic() + 60
        answer = None
        while answer is None and time.monotonic() < deadline:
            answer = hand.overdue() or (hand.answer() if hand.connection.poll(0.1) else None)
        assert answer is not None
        assert "what it did last" in answer[0].detail
        return answer[0].kind
    finally:
        hand.end()


@pytest.mark.slow
def test_a_crash_and_a_hang_are_findings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ended(Hand(1, [], tmp_path, tmp_path / "a", planted.crashes)) == "crash with -11 in words"
    monkeypatch.setattr(run, "LONGEST_S", 0.5)
    assert ended(Hand(1, [], tmp_path, tmp_path / "b", planted.hangs)) == "hang in words"


@pytest.mark.slow
def test_the_command_reads_some_inputs_and_says_how_many(tmp_path: Path) -> None:
    words = ["--minutes", "2", "--cases", "30", "--seed", "1", "--keep", str(tmp_path)]
    readers = ["--reader", "table", "--reader", "state-json"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.run", *words, *readers],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "seed 1: 30 inputs, 0 findings of 0 kinds" in done.stdout
    assert not list(tmp_path.iterdir())
