"""What may run as a job, and what is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.cli import UNUSABLE, app, main
from monsoon.jobs.submission.verbs import LONG, expect_long

VERBS = {info.name or info.callback.__name__ for info in app.registered_commands}


def test_what_may_run_as_a_job_is_a_verb() -> None:
    assert set(LONG) <= VERBS


@pytest.mark.parametrize("output", ["/shared/out", "s3://bucket/out", "root://host//out"])
def test_outputs_that_a_cluster_sees_are_taken(output: str) -> None:
    for words in (
        ["generate", "run3", f"output={output}"],
        ["sample", "--model", "library", "--conditions", "/a.h5", "--out", output],
        ["validate", "--model=library", "--reference=/a.h5", f"--out={output}"],
    ):
        assert expect_long(words) is LONG[words[0]]


def test_a_training_has_a_folder_that_the_cluster_sees() -> None:
    assert expect_long(["train", "flow-egamma", "--local", "output=/shared/out"]) is LONG["train"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("generate run3 output=out", "output out: is relative"),
        ("generate run3 evnts=3 output=/out", "evnts"),
        ("generate", "its config is missing"),
        ("train flow-egamma seeds=3 output=/out", "seeds"),
        ("sample --model library --conditions /a.h5", "--out: is missing"),
        ("validate --model library --reference /a.h5 --out out", "output out: is relative"),
        ("verify /out", "runs not as a job; there are generate, train"),
        ("", "runs not as a job"),
    ],
)
def test_what_a_cluster_could_not_run_is_refused(words: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        expect_long(words.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("submit generate run3 output=/out", "Missing parameter: cluster"),
        ("submit sample --model library --out /out --cluster http://127.0.0.1:1", "conditions"),
        ("submit generate run3 output=/out --cluster nowhere/api", "not the address of a job server"),
        ("submit generate run3 output=/out --cluster http://127.0.0.1:1", "does not answer"),
        ("jobs --cluster http://127.0.0.1:1", "does not answer"),
    ],
)
def test_a_refusal_is_one_line_with_exit_code_2(
    words: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_API_SERVER_ADDRESS", raising=False)
    pytest.importorskip("aiohttp", reason="ray[default] is not installed")
    assert main(words.split()) == UNUSABLE
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
