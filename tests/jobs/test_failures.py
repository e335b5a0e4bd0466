"""Exit codes: failures of the machine, of input and of libraries are 2 and one line; a bug alone is 1."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import zlib
from pathlib import Path

import pyarrow as pa
import pytest
import torch
import yaml
from ray.exceptions import RayError

import monsoon
import monsoon.jobs.status
from monsoon.engine.errors import InputError
from monsoon.jobs.cli import BUG, INTERRUPTED, UNUSABLE, main
from monsoon.jobs.failures import remedy_of

MENDED = {
    "input": (InputError("x.h5: row 3: negative"), "x.h5: row 3: negative"),
    "full disk": (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "/data/x: No space left"),
    "permission": (PermissionError(errno.EACCES, "Permission denied", "/root/x"), "that you have access to"),
    "open files": (OSError(errno.EMFILE, "Too many open files"), "ulimit -n"),
    "other of the system": (OSError("validate_socket_filename failed"), "validate_socket_filename failed"),
    "memory": (MemoryError(), "out of memory"),
    "memory of numpy": (pa.ArrowMemoryError("malloc of size 8"), "out of memory"),
    "memory of a GPU": (torch.OutOfMemoryError("CUDA out of memory.\nTried"), "torch: CUDA out of memory."),
    "depth": (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
    "missing package": (ModuleNotFoundError("No module named 's3fs'", name="s3fs"), "s3fs is not installed"),
    "arrow": (pa.ArrowInvalid("Parquet magic bytes not found"), "pyarrow: Parquet magic bytes"),
    "ray": (RayError("the head is gone"), "ray: the head is gone"),
    "yaml": (yaml.YAMLError("a tab"), "yaml: a tab"),
    "zlib": (zlib.error("Error -3"), "zlib: Error -3"),
}
PACKAGE = Path(monsoon.__file__).parent
BUGS = (KeyError("energy"), ValueError("shapes"), AssertionError(), TypeError("x"), ZeroDivisionError("y"))


@pytest.mark.parametrize("case", MENDED)
def test_what_the_user_can_fix_is_one_line_with_a_remedy(case: str) -> None:
    error, said = MENDED[case]
    line = remedy_of(error)
    assert line is not None
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: type(bug).__name__)
def test_everything_else_is_a_bug(bug: Exception) -> None:
    assert remedy_of(bug) is None
    assert remedy_of(ModuleNotFoundError("No module named 'monsoon.x'", name="monsoon.x")) is None


def fails(error: BaseException, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The exit code of a command that comes to this error."""

    def status(url: str) -> None:
        raise error

    monkeypatch.setattr(monsoon.jobs.status, "status", status)
    return main(["status", "out", *words])


def test_a_bug_is_one_line_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fails(KeyError("energy"), monkeypatch) == BUG
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("monsoon: a bug: KeyError: 'energy' at ")
    assert "--debug" in line


@pytest.mark.parametrize("error", [KeyError("energy"), OSError(errno.EIO, "Input/output error", "/data/x")])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = fails(error, monkeypatch)
    assert "Traceback" not in capsys.readouterr().err
    assert fails(error, monkeypatch, "--debug") == expected
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert said.splitlines()[-1].startswith("monsoon: ")


def test_a_broken_pipe_of_the_work_is_not_taken_for_a_gone_reader(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """typer would end with 1 by itself."""
    assert fails(BrokenPipeError(errno.EPIPE, "Broken pipe", "/run/socket"), monkeypatch) == UNUSABLE
    assert capsys.readouterr().err.startswith("monsoon: /run/socket: Broken pipe; ")


def test_an_interruption_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fails(KeyboardInterrupt(), monkeypatch) == INTERRUPTED


def test_a_file_that_is_nested_too_deeply_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "deep.yaml").write_text("a: " + "[" * 5000)
    assert main(["generate", str(tmp_path / "deep.yaml"), "output=x"]) == UNUSABLE
    (line,) = capsys.readouterr().err.splitlines()
    assert "nested deeper than" in line


@pytest.mark.slow
def test_a_machine_without_room_for_the_work_is_one_line(tmp_path: Path) -> None:
    """The largest file that the process may write has 4 KiB, as with a quota."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    words = [
        "incidents",
        "gun",
        "pdg=22",
        "energy_mev=5000",
        "theta_rad=0.1",
        "events=5000",
        "output=x.parquet",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "monsoon", *words],
        cwd=tmp_path,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == UNUSABLE, done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def refused_there(folder: Path, **variables: str) -> str:
    """What a command of its own process says in a folder that is removed before, or in an environment."""
    words = [sys.executable, "-m", "monsoon", "incidents", "gun", "pdg=22", "energy_mev=5000", "output=x"]
    script = 'if [ -n "$GONE" ]; then rmdir "$PWD"; fi; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", *words, "theta_rad=0.1", "events=1"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == UNUSABLE, done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("monsoon: "))
    return line


def test_a_working_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    assert "the working folder: No such file or directory" in refused_there(folder, GONE="1")


@pytest.mark.slow
def test_settings_of_numba_that_it_refuses_are_one_line(tmp_path: Path) -> None:
    assert "correct the variables NUMBA_" in refused_there(tmp_path, NUMBA_NUM_THREADS="0")
