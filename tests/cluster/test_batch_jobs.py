"""Batch jobs: the submit file is complete, and parts adjoin whoever numbers them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import monsoon
from monsoon.engine.config import Campaign, load_campaign

FOLDER = Path(monsoon.__file__).parent / "cluster" / "htcondor"
LINES = [line for line in (FOLDER / "campaign.sub").read_text().splitlines() if line and line[0] != "#"]
SETTINGS = dict(re.split(r"\s*=\s*", line, maxsplit=1) for line in LINES if "=" in line)
MACROS = {name for name in SETTINGS if name.isupper()}
# condor_submit's manual
COMMANDS = {
    "arguments", "container_image", "error", "executable", "job_max_vacate_time", "kill_sig", "log",
    "max_retries", "on_exit_hold", "on_exit_hold_reason", "output", "request_cpus", "request_disk",
    "request_memory", "should_transfer_files", "transfer_input_files", "transfer_output_files",
    "universe", "want_graceful_removal",
}  # fmt: skip
AUTOMATIC = {"Cluster", "Process"}
# in place of Monsoon: writes down what it is called with, and as which process
SPY = '#!/bin/sh\nprintf "%s\\n" $$ "$@" > words\nexit 2\n'


def expanded(text: str, part: int) -> str:
    values = {**{name: SETTINGS[name] for name in MACROS}, "Process": str(part), "Cluster": "7"}
    return re.sub(r"\$\((\w+)\)", lambda macro: values[macro[1]], text)


def called(folder: Path, script: str, *arguments: str) -> Campaign:
    """The campaign that a job's script asks Monsoon for."""
    (folder / "monsoon").write_text(SPY)
    (folder / "monsoon").chmod(0o755)
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
    with subprocess.Popen([FOLDER / script, *arguments], cwd=folder, env=environment) as job:
        assert job.wait() == 2  # Monsoon's own
    process, verb, *words = (folder / "words").read_text().splitlines()
    assert (int(process), verb) == (job.pid, "generate")  # signals reach Monsoon itself
    return load_campaign(words[0], words[1:])


def test_the_submit_file_has_commands_of_htcondor_and_macros_that_are_defined() -> None:
    assert SETTINGS.keys() - MACROS == COMMANDS
    assert not {name.lower() for name in MACROS} & COMMANDS  # names have no case
    used = {name for line in LINES for name in re.findall(r"\$\((\w+)\)", line)}
    assert used - AUTOMATIC == MACROS
    assert (FOLDER / SETTINGS["executable"]).exists()
    assert LINES[-1] == "queue $(PARTS)"


def test_a_job_has_memory_for_its_workers_the_driver_and_ray() -> None:
    factor, cores = re.fullmatch(r"(\d+) \* \((\d+) \+ 1\)", expanded(SETTINGS["request_memory"], 0)).groups()  # type: ignore[union-attr]
    assert int(factor) >= 2048
    assert cores == expanded(SETTINGS["request_cpus"], 0)


def test_the_jobs_of_the_submit_file_are_parts_that_adjoin(tmp_path: Path) -> None:
    parts = [called(tmp_path, "part.sh", *expanded(SETTINGS["arguments"], n).split()) for n in (0, 1, 8)]
    events = int(SETTINGS["EVENTS"])
    assert [part.first_event for part in parts] == [0, events, 8 * events]
    assert {part.events for part in parts} == {events}
    assert [part.output for part in parts] == [f"{SETTINGS['TO']}/part-{n:05d}" for n in (0, 1, 8)]
    assert {(part.workers, part.incidents, part.mu) for part in parts} == {(4, SETTINGS["POOL"], 5.2)}


def test_grid_jobs_are_the_same_parts_counted_from_one(tmp_path: Path) -> None:
    words = "output=root://h//run3 workers=2 campaign=hl-lhc events=100 incidents=my=pool.parquet"
    part = called(tmp_path, "grid.sh", "9", *words.split())
    assert part == called(
        tmp_path, "part.sh", "8", "100", "root://h//run3", "hl-lhc", "workers=2", "incidents=my=pool.parquet"
    )
    assert (part.first_event, part.mu) == (800, 40.0)


@pytest.mark.parametrize("script", ["part.sh", "grid.sh"])
def test_a_job_without_its_words_ends_before_monsoon(script: str, tmp_path: Path) -> None:
    done = subprocess.run([FOLDER / script, "1"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode not in (0, 130)
    assert not (tmp_path / "words").exists()
