"""A stdout that is closed, full or no longer read does not stop the work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monsoon.jobs.cli import DONE, UNUSABLE

pytestmark = pytest.mark.slow

GUN = "incidents gun pdg=22 energy_mev=5000 theta_rad=0.1 events=1 output=x.parquet"


def shell(redirected: str, folder: Path, words: str = GUN) -> subprocess.CompletedProcess[str]:
    """A command of Monsoon's as a shell starts it; its stderr is kept, its lines are not buffered."""
    command = f'"{sys.executable}" -u -m monsoon {words} {redirected}'
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("redirected", [">&-", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full", "| true"])
def test_the_work_is_done_where_nobody_can_or_will_read(redirected: str, tmp_path: Path) -> None:
    done = shell(redirected, tmp_path)
    assert done.returncode == DONE, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "x.parquet").read_bytes()[-4:] == b"PAR1"
    assert os.listdir(tmp_path) == ["x.parquet"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_stdout_is_told_after_the_work(tmp_path: Path) -> None:
    done = shell(">/dev/full", tmp_path)
    assert done.returncode == UNUSABLE
    lines = [line for line in done.stderr.splitlines() if line.startswith("monsoon: ")]
    assert lines == [
        "monsoon: stdout: No space left on device; the work is done but its output is lost: free some space"
    ]
    assert (tmp_path / "x.parquet").read_bytes()[-4:] == b"PAR1"


def test_a_command_that_only_speaks_ends_well_where_its_reader_goes(tmp_path: Path) -> None:
    done = shell("| head -1", tmp_path, "help generate")
    assert done.returncode == DONE
    assert done.stderr == ""
    assert done.stdout.startswith("Run a campaign")


def test_refusals_keep_their_exit_code_where_nobody_reads_them(tmp_path: Path) -> None:
    assert shell(">&- 2>&-", tmp_path, "generate no.yaml").returncode == UNUSABLE
    assert shell("2>/dev/full", tmp_path, "generate no.yaml").returncode == UNUSABLE
