"""A job runs where versions and code are those that were submitted, and nowhere else."""

from __future__ import annotations

import json

import pytest

from monsoon.engine.remote.preflight import SAME, code_hash
from monsoon.jobs.cli import DONE, UNUSABLE
from monsoon.jobs.submission.entry import main
from monsoon.jobs.submission.pins import PINS, flaws, pins_of


def test_here_is_what_is_pinned_here() -> None:
    pins = pins_of(SAME)
    assert pins.keys() == {"python", *SAME}
    assert "+" not in "".join(pins.values())  # the build for a GPU is no other version
    assert flaws(pins) == []


def test_other_versions_and_missing_packages_are_named() -> None:
    here = pins_of(["numpy"])["numpy"]
    assert flaws({"numpy": "0.1", "no-such-package": "3"}) == [
        f"numpy is {here} on the cluster and 0.1 where the job was submitted",
        "no-such-package is missing on the cluster and 3 where the job was submitted",
    ]


@pytest.mark.parametrize(
    ("pins", "code", "said"),
    [
        ({"numpy": "0.1"}, code_hash(), "numpy is"),
        ({}, "another", "another Monsoon is imported"),
    ],
)
def test_a_job_that_would_run_otherwise_is_refused_in_one_line(
    pins: dict[str, str],
    code: str,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(PINS, json.dumps({**pins, "code": code}))
    assert main(["models"]) == UNUSABLE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"monsoon: {said}")
    assert "--install LOCK" in line


def test_a_job_whose_pins_hold_is_the_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(PINS, json.dumps({**pins_of(SAME), "code": code_hash()}))
    assert main(["help"]) == DONE
    assert "usage: monsoon help VERB" in capsys.readouterr().out
