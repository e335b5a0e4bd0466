"""The README is true: its programs run, its columns are the schema's, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from monsoon.engine.config import Campaign
from monsoon.engine.detector.detector import Detector
from monsoon.engine.formats.schema import schema
from monsoon.jobs.generate import generate
from monsoon.models.data.shower_files import read_showers

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()
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


def test_the_detector_of_the_readme_is_one(tmp_path: Path) -> None:
    (described,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "mine.yaml").write_text(described)
    assert Detector.load(str(tmp_path / "mine.yaml")).cells == 876


def test_the_columns_of_the_readme_are_those_of_the_files() -> None:
    table = TEXT.split("<!-- columns: begin -->")[1].split("<!-- columns: end -->")[0]
    rows = re.findall(r"\| `(\w+)` \| ([\w ]+) \| (\w*) *\| (.*) \|", table)
    kinds = {
        c.name: c.dtype if c.group == "event" else f"list of {c.dtype}" for c in schema(contributions=True)
    }
    assert rows == [(c.name, kinds[c.name], c.unit, c.meaning) for c in schema(contributions=True)]


@pytest.mark.parametrize("page", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "cluster/README.md"])
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text()):
        if "://" not in link:
            assert (ROOT / page).parent.joinpath(link).exists(), link
