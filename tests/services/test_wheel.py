"""A wheel built from the tree holds all that a run needs, data files too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, built from a copy so that the tree stays clean."""
    folder = tmp_path_factory.mktemp("wheel")
    unwanted = shutil.ignore_patterns(".git", ".venv", "out", "build", "__pycache__", "*.egg-info")
    source = shutil.copytree(ROOT, folder / "source", ignore=unwanted)
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(source),
    ]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_main_path_runs_from_the_wheel_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """One event of a campaign: incidents, generators from the shipped showers, detector, Parquet and ROOT."""
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def monsoon(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "monsoon", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    monsoon(
        "incidents",
        "gun",
        "pdg=[22, 211]",
        "energy_mev=2e4",
        "theta_rad=0.1",
        "events=5",
        "output=gun.parquet",
    )
    said = monsoon("generate", "run3", "incidents=gun.parquet", "mu=2", "events=5", "only=3", "output=out")
    assert "content: " in said
    assert (tmp_path / "out" / "_only" / "events-000000000003-000000000003.parquet").exists()


def test_the_wheel_holds_the_package_and_nothing_else(installed: Path) -> None:
    (package,) = (path for path in installed.iterdir() if not path.name.endswith(".dist-info"))
    assert package.name == "monsoon"
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a checkout: what belongs into the wheel is not known")
    rooms = ("engine/", "jobs/", "models/", "__init__.py", "__main__.py")
    wanted = {name for name in tracked.stdout.split() if name.startswith(rooms)}
    found = {
        str(path.relative_to(package)) for path in package.rglob("*.*") if "__pycache__" not in path.parts
    }
    assert found == wanted
