"""`sbatch cluster/slurm/monsoon.sbatch`: over an allocation, past a time limit, cancelled."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import monsoon
from monsoon.engine.ledger.commits import Ledger
from monsoon.engine.ledger.plan import EventRange
from monsoon.engine.storage import open_store
from monsoon.jobs.verify import verify
from tests.services.slurm import Slurm, slurm

SCRIPT = Path(monsoon.__file__).parent / "cluster" / "slurm" / "monsoon.sbatch"
SECONDS = 400.0  # for anything to happen, on a machine that does other things too
PERIOD_S = 35.0  # between looks of Slurm's at the time limits of jobs, and a little more
ENDLESS = 10_000_000  # events: more than there will be time for
pytestmark = pytest.mark.timeout(1500)  # Ray starts several times in a test


@pytest.fixture(scope="module")
def batch() -> Iterator[Slurm]:
    """Made and removed by these tests."""
    with tempfile.TemporaryDirectory(prefix="slurm-", dir="/tmp") as folder, slurm(Path(folder)) as found:
        yield found


def until(happened: Callable[[], bool], said: Callable[[], str]) -> None:
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, said()
        time.sleep(0.5)


def committed(output: Path) -> set[EventRange]:
    return set(Ledger(open_store(output)).ranges()) if (output / "_commits").exists() else set()


def limit_soon(batch: Slurm, job: str) -> None:
    """Let the job's time end soon, but not before Slurm has looked once more: it counts in minutes."""
    hours, minutes, seconds = map(int, batch.job(job)["RunTime"].split(":"))
    ran = 3600 * hours + 60 * minutes + seconds
    batch.say("scontrol", "update", f"JobId={job}", f"TimeLimit={int((ran + PERIOD_S) // 60) + 1}")


def ray_processes(batch: Slurm) -> list[str]:
    """What runs on the nodes beside Slurm's daemons."""
    pids = [pid for node in batch.nodes for pid in node.processes()]
    names = [Path(f"/proc/{pid}/comm") for pid in pids]
    return [name.read_text().strip() for name in names if name.exists() and "slurm" not in name.read_text()]


def test_a_campaign_is_requeued_before_its_time_limit_goes_on_and_is_cancelled(
    batch: Slurm, pool: Path, tmp_path: Path
) -> None:
    """A Ray over both nodes each time, and nothing of it left afterwards."""
    output, log = tmp_path / "out", tmp_path / "job.log"
    options = ["--nodes=2", "--cpus-per-task=1", "--time=30", "--signal=B:USR1@60", f"--output={log}"]
    words = [f"incidents={pool}", "model=library", "mu=1.5", "shard_events=500", "workers=1"]
    said = batch.say(
        "sbatch", *options, str(SCRIPT), "generate", "run3", *words, f"events={ENDLESS}", f"output={output}"
    )
    job = re.findall(r"Submitted batch job (\d+)", said)[0]

    def seen() -> str:
        return f"{batch.job(job)}\n{log.read_text() if log.exists() else ''}"

    until(lambda: len(committed(output)) >= 2, seen)
    folder = Path(f"/tmp/ray-{job}")
    assert folder.stat().st_mode & 0o777 == 0o700
    limit_soon(batch, job)
    until(lambda: batch.job(job)["Restarts"] == "1", seen)
    before = committed(output)
    assert "monsoon: interrupted; run the same command again to continue" in log.read_text()
    until(lambda: batch.job(job)["JobState"] == "PENDING", seen)
    assert (ray_processes(batch), folder.exists()) == ([], False)

    batch.say("scontrol", "update", f"JobId={job}", "TimeLimit=30")
    until(lambda: len(committed(output)) > len(before), seen)
    assert before < committed(output)
    batch.say("scancel", job)
    until(lambda: batch.job(job)["JobState"] == "CANCELLED", seen)
    until(lambda: not ray_processes(batch) and not folder.exists(), lambda: str(ray_processes(batch)))
    assert log.read_text().count("monsoon: interrupted;") >= 2  # at the limit, and when cancelled
    found = verify(str(output), lambda line: None)
    assert (found.corrupt, found.duplicate) == (0, 0)


def test_what_monsoon_refuses_is_not_queued_again_and_has_its_exit_code(batch: Slurm, tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    options = ["--nodes=1", "--cpus-per-task=1", "--time=30", f"--output={log}"]
    said = batch.say("sbatch", *options, str(SCRIPT), "generate", "run3", "evnts=3", f"output={tmp_path}/out")
    job = re.findall(r"Submitted batch job (\d+)", said)[0]
    until(lambda: batch.job(job)["JobState"] == "FAILED", lambda: log.read_text())
    assert batch.job(job)["ExitCode"] == "2:0"
    assert "monsoon: run3: evnts" in log.read_text()
    until(lambda: not ray_processes(batch), lambda: str(ray_processes(batch)))
