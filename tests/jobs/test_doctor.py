"""`doctor` says what would keep a campaign from running, each thing in a line, and leaves nothing behind."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from packaging.requirements import Requirement

from monsoon.engine.config import Campaign
from monsoon.engine.incidents.parquet import write_incidents
from monsoon.engine.ledger.commits import CAMPAIGN, EVENTS
from monsoon.engine.records import Incidents
from monsoon.jobs.checks import private
from monsoon.jobs.checks.check import GIB, Check, Subject
from monsoon.jobs.checks.machine import unmet
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.doctor import LOOKS, doctor

# what another machine that runs these tests may be short of, and runs campaigns with
OF_THE_MACHINE = {"open files", "memory", "shared memory", "Ray's disk"}
COLLISIONS = Path(__file__).parent / "former_release" / "incidents.parquet"  # 30 of them
NOWHERE = "/proc/monsoon"  # no file can be made there, by root neither


def words(pool: Path, folder: Path, *more: str) -> list[str]:
    return ["run3", "model=library", "mu=1", f"incidents={pool}", "events=4", f"output={folder}/out", *more]


def found(pool: Path, folder: Path, **more: Any) -> dict[str, Check]:
    """The checks that failed or warn, by name. No file or folder is made, and none is changed."""
    asked = {"incidents": str(pool), "mu": 1.0, "model": "library", "events": 4, "workers": 1}
    campaign = Campaign(**{**asked, "output": f"{folder}/out", **more})
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    diagnosis = doctor(campaign, say=lambda line: None)
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert {path for path in after if path.is_file()} == {path for path in before if path.is_file()}
    assert set(after) == set(before)
    bad = [check for check in diagnosis.checks if check.state != "ok"]
    assert all(check.remedy for check in bad), bad
    assert diagnosis.could_run == (not any(check.state == "fail" for check in bad))
    return {check.name: check for check in bad if check.name not in OF_THE_MACHINE or check.state == "fail"}


def only(checks: dict[str, Check], name: str) -> str:
    """The line of the one check that failed."""
    assert [check.name for check in checks.values() if check.state == "fail"] == [name]
    assert str(checks[name]).startswith(f"fail  {name}: ")
    return str(checks[name])


def test_a_good_campaign_is_ok_in_every_line_and_its_output_is_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)  # tests before may have left theirs running
    assert main(["doctor", *words(COLLISIONS, tmp_path / "a" / "b")]) == DONE
    *lines, verdict = capsys.readouterr().out.splitlines()
    assert verdict.startswith("verdict: this campaign could run")
    names = {line[6:].partition(": ")[0] for line in lines if line.startswith("ok  ")}
    assert names | OF_THE_MACHINE >= {"python", *LOOKS} - {"cluster", "shards"}
    assert not any(line.startswith("fail") for line in lines)
    assert not list(tmp_path.iterdir())


def test_json_has_the_same_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", *words(tmp_path / "none.parquet", tmp_path)]) == UNUSABLE
    said = json.loads(capsys.readouterr().out)
    assert said["could_run"] is False
    (bad,) = [check for check in said["checks"] if check["state"] == "fail"]
    assert bad["name"] == "incidents"
    assert "none.parquet" in bad["found"]
    assert bad["remedy"]
    assert {"python", "output", "campaign"} <= {check["name"] for check in said["checks"]}


def test_incidents_that_are_missing_or_too_few(tmp_path: Path) -> None:
    checks = found(tmp_path / "none.parquet", tmp_path)
    assert checks["incidents"].state == "fail"
    assert "the campaign asks for 0 .. 999" in only(
        found(COLLISIONS, tmp_path, mu=None, events=1000), "incidents"
    )


def test_hard_processes_as_pile_up_are_warned_of_as_a_run_does(
    make_incidents: Callable[..., Incidents], tmp_path: Path
) -> None:
    file = tmp_path / "hard.parquet"
    settings = {"cards": ["HardQCD:all = on"]}
    once = {"collisions": np.ones(2, np.int32), "collision": np.zeros(6, np.int32)}
    collisions = replace(make_incidents([3, 3]), **once)
    write_incidents(file, [collisions], source="pythia", settings=settings, detector="lhcb-ecal")
    check = found(file, tmp_path)["incidents"]
    assert (check.state, "a hard process" in check.found) == ("warn", True), check
    assert check.remedy.startswith("give it as signal=")


def test_a_model_that_there_is_not_leaves_the_other_checks_to_be_made(tmp_path: Path) -> None:
    checks = found(COLLISIONS, tmp_path, model="librarian")
    assert "did you mean library?" in only(checks, "model")
    assert {name for name, check in checks.items() if check.state == "warn"} == {"incidents", "plan", "space"}


def test_pythia_cards_that_there_are_not(tmp_path: Path) -> None:
    for key in ("pythia", "signal"):
        checks = found(tmp_path, tmp_path, incidents=None, **{key: ("SoftQCD:elsatic = on",)})
        assert "SoftQCD:elsatic" in only(checks, "incidents")


@pytest.mark.parametrize("inside", ["", "/out"])
def test_an_output_that_cannot_be_written(inside: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for output in (f"{NOWHERE}{inside}", f"{tmp_path}/file{inside or '/x'}"):
        assert output in str(found(COLLISIONS, tmp_path, output=output)["output"])


def test_a_disk_that_is_too_small(tmp_path: Path) -> None:
    line = only(found(COLLISIONS, tmp_path, events=10**12, shard_events=10**6), "space")
    assert "PB planned" in line
    assert "ask for fewer events" in line


def test_an_output_of_another_campaign_or_of_strangers(small: Any, tmp_path: Path) -> None:
    small.run(tmp_path / "out", events=10)
    assert "started with identity" in only(found(COLLISIONS, tmp_path), "campaign")  # its shards can be read
    (tmp_path / "other" / "out").mkdir(parents=True)
    (tmp_path / "other" / "out" / "thesis.tex").touch()
    assert "holds thesis.tex" in only(found(COLLISIONS, tmp_path / "other"), "campaign")


def test_a_campaign_file_that_is_damaged(small: Any, tmp_path: Path) -> None:
    small.run(tmp_path / "out", events=10)
    (tmp_path / "out" / CAMPAIGN).write_text("{")
    checks = found(COLLISIONS, tmp_path)
    assert "restore it" in str(checks["campaign"])
    assert "model" not in checks


def test_shards_that_are_damaged(small: Any, tmp_path: Path) -> None:
    small.run(tmp_path / "out", events=20)
    for path in (tmp_path / "out" / EVENTS).iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    checks = found(COLLISIONS, tmp_path)
    assert "not those that were committed" in checks["shards"].found
    assert "repair=true" in checks["shards"].remedy


def test_more_workers_than_cores_or_memory(tmp_path: Path) -> None:
    def room(**kinds: Any) -> list[str]:
        campaign = Campaign(mu=1, model="library", output=str(tmp_path), **kinds)
        return [str(check) for check in private.room(Subject(campaign))]

    cores, _ = room(workers=4000)
    assert cores.startswith("fail  cores: workers: 4000 of 1 CPUs")
    assert "ask for at most" in cores
    many = int(private.memory_bytes()[0] / GIB / private.WORKER_GIB["library"]) + 1
    cores, memory = room(workers=many, cpus_per_worker=1e-4)
    assert cores.startswith("ok  ")
    assert memory.startswith("fail  memory")
    assert "ask for workers=" in memory


@pytest.mark.parametrize(
    ("folder", "problem"), [("x" * 90, "of at most 107"), (NOWHERE, "cannot be written")]
)
def test_a_folder_for_ray_that_is_too_deep_or_cannot_be_written(
    folder: str, problem: str, tmp_path: Path
) -> None:
    (check,) = [one for one in private.folder_checks(f"{tmp_path / folder}") if one.state == "fail"]
    assert problem in check.found
    assert "set RAY_TMPDIR" in check.remedy
    assert not list(tmp_path.iterdir())


def test_a_cluster_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as closed:  # bound, and nobody listens
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        checks = found(COLLISIONS, tmp_path, ray_address=address)
    assert f"ray_address {address}: does not answer" in only(checks, "cluster")


@pytest.mark.services
@pytest.mark.usefixtures("cluster")
def test_nodes_of_a_cluster_are_asked_before_anything_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", *words(COLLISIONS, tmp_path / "a"), "workers=5"]) == UNUSABLE
    said = capsys.readouterr().out
    assert "ok    cluster: connected: 1 nodes, 4 CPUs" in said
    assert "fail  room: workers: 5 of 1 CPUs" in said
    assert "ok    node " in said
    assert "same versions, and sees the same output and inputs" in said
    assert "to mend" in said.splitlines()[-1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("requirement", "problem"),
    [("monsoonish>=1", "is not installed"), ("numpy<1", "<1 is required"), ("numpy>=2.0", None)],
)
def test_packages_that_are_missing_or_of_another_version(requirement: str, problem: str | None) -> None:
    found = unmet(Requirement(requirement))
    assert found == problem if problem is None or found is None else problem in found


PROGRAM = """
import resource
from monsoon.engine.config import Campaign
from monsoon.jobs.checks.check import Subject
from monsoon.jobs.checks.machine import open_files

subject = Subject(Campaign(mu=1, output="out"))
for limit in (1000, 50):
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    print(*open_files(subject), sep="\\n")
"""


def test_a_process_that_may_open_few_files() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    few, too_few = done.stdout.splitlines()
    assert few.startswith("warn  open files: up to 1000")
    assert too_few.startswith("fail  open files: up to 50")
    assert "ulimit -Hn" in too_few
