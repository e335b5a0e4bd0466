"""The programs of the README run, Rays of their own and all."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from monsoon.engine.config import Campaign
from monsoon.jobs.generate import generate
from monsoon.models.data.shower_files import read_showers

TEXT = (Path(__file__).parents[2] / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, pool: Path, cluster: None) -> Path:
    """Where a reader would stand: a pool of collisions, and a small campaign in out/demo."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "pool.parquet").symlink_to(pool)
    output = str(folder / "out" / "demo")
    generate(
        Campaign(
            incidents=str(pool), mu=2, events=6, shard_events=3, formats=("parquet", "root"), output=output
        )
    )
    return folder


@pytest.mark.parametrize("number", range(len(PROGRAMS)), ids=lambda n: PROGRAMS[n].split("\n")[0])
def test_every_program_of_the_readme_runs(number: int, folder: Path) -> None:
    """With fewer events than it says, so that it takes seconds."""
    program = PROGRAMS[number].replace("events=1000", "events=3")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() or "mine.h5" in program


def test_the_shower_file_of_the_readme_is_one(folder: Path) -> None:
    (program,) = (program for program in PROGRAMS if "mine.h5" in program)
    subprocess.run([sys.executable, "-c", program], cwd=folder, check=True)
    showers = read_showers(folder / "mine.h5")
    assert len(showers) == 1000
    assert showers.showers.energy_mev.shape == (1000, 900)
