"""The tutorials run as they stand, in one process with one Ray; with fewer events, so that it is quick."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import monsoon
from monsoon.jobs.cli import DONE, VERDICT_FAILED, main

TUTORIALS = sorted((Path(monsoon.__file__).parent / "jobs" / "tutorials").glob("*.md"))
SMALLER = (
    ("events=1000", "events=6"),
    ("events=100", "events=6"),
    ("collisions=1000", "collisions=20"),
    ("run3 ", "run3 model=library shard_events=3 workers=1 "),
    ("model=library shard_events=3 workers=1 model=", "model="),
    ("output=out/mine", "output=out/mine steps=20 batch=64 warm_up=2 validate_every=10 checkpoint_every=10"),
    ("--out out/judged", "--out out/judged --quick --limit 200"),
)
LEFT = {
    "first-campaign": ("event.html", "out/first/report.html", "out/first/manifest.json"),
    "own-showers": ("out/judged/report.html", "sampled.h5"),
    "own-detector": ("event.html", "out/gun/cells.parquet"),
}


def test_every_tutorial_is_tried() -> None:
    assert {path.stem for path in TUTORIALS} == LEFT.keys()


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_from_top_to_bottom(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = 0
    for kind, text in re.findall(r"```(sh|python)\n(.*?)```", path.read_text(), re.DOTALL):
        if kind == "python":
            exec(compile(text, path.name, "exec"), {})
            continue
        for line in text.splitlines():
            for long, short in SMALLER:
                line = line.replace(long, short)
            program, *words = shlex.split(line)
            assert program == "monsoon"
            code = main(words)
            wanted = (DONE, VERDICT_FAILED) if words[0] == "validate" else (DONE,)
            assert code in wanted, f"{line}\n{capsys.readouterr().err}"
            ran += 1
    assert ran > 2
    assert all((tmp_path / name).stat().st_size for name in LEFT[path.stem])
