"""The tutorials run as they stand, in one process with one Ray; with fewer events, so that it is quick.

That of a cluster runs in a shell, which starts the cluster and ends it.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

import monsoon
from monsoon.jobs.cli import DONE, VERDICT_FAILED, main
from tests.services.test_ray_job import ENVIRONMENT, free_port

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
    "sweep-on-a-cluster": ("out/sweep/results.png", "out/sweep/results.parquet", "out/sweep/best.json"),
}
IN_A_SHELL = "sweep-on-a-cluster"


def test_every_tutorial_is_tried() -> None:
    assert {path.stem for path in TUTORIALS} == LEFT.keys()


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(
    "path", [path for path in TUTORIALS if path.stem != IN_A_SHELL], ids=lambda path: path.stem
)
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


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_a_sweep_is_submitted_stopped_and_resumed_as_the_tutorial_says(tmp_path: Path) -> None:
    pytest.importorskip("ray.dashboard.dashboard", reason="ray[default] is not installed")
    pytest.importorskip("pandas", reason="ray.tune needs pandas: pip install 'monsoon-hep[tune]'")
    (page,) = (path for path in TUTORIALS if path.stem == IN_A_SHELL)
    program = ["set -eEx", "trap 'kill $(jobs -p); wait' EXIT"]
    for kind, text in re.findall(r"```(sh|python)\n(.*?)```", page.read_text(), re.DOTALL):
        program.append(text if kind == "sh" else f"python <<'END'\n{text}END")
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as short:  # socket paths must be short
        said = in_shell(shell_program("\n".join(program), short), tmp_path)
    assert all((tmp_path / name).stat().st_size for name in LEFT[IN_A_SHELL])
    before = [
        int(found) for found in re.findall(r"^[46] trials, (\d) of them ended before$", said, re.MULTILINE)
    ]
    assert before[-1] == 4  # that with more values
    assert re.search(r"^stopped: sweep-", said, re.MULTILINE), said
    assert re.search(r"^sweep-\S+ +STOPPED ", said, re.MULTILINE), said
    best = json.loads((tmp_path / "out/sweep/best.json").read_text())
    assert best["values"]["learning_rate"] > 1e-4, best


def shell_program(program: str, short: str) -> str:
    """The tutorial's, on ports of its own, and beside other Rays, which `ray stop` would end."""
    port, dashboard = free_port(), free_port()
    agent = f"--dashboard-agent-listen-port={free_port()}"
    own = f"--port={port} --dashboard-port={dashboard} {agent} --temp-dir={short}"
    (start,) = re.findall("^ray start --head .*$", program, re.MULTILINE)
    runs = "until grep -q 'runtime started' ray.log; do kill -0 $!; done"
    began = f"{start} {own} --block > ray.log 2>&1 &\n{runs}"
    replaced = program.replace(start, began).replace("127.0.0.1:8265", f"127.0.0.1:{dashboard}")
    return re.sub("^ray stop$", "", replaced, flags=re.MULTILINE)


def in_shell(program: str, folder: Path) -> str:
    """What a program says, which must end well."""
    done = subprocess.run(
        ["bash", "-c", program], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )
    log = folder / "ray.log"
    assert done.returncode == 0, done.stdout + done.stderr + (log.read_text() if log.exists() else "")
    return done.stdout
