"""The code that a job runs: a wheel of Monsoon, unpacked. It has the shipped samples and models, no data."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import monsoon
from monsoon.engine.errors import InputError

DISTRIBUTION = "monsoon-hep"
PACKAGE = Path(monsoon.__file__).parent
BUILT_FROM = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "__init__.py",
    "__main__.py",
    "engine",
    "jobs",
    "models",
)
GIVE = "give a wheel with --wheel FILE"


def unpacked(folder: Path, wheel: str | None = None) -> list[Path]:
    """Unpack a wheel into a folder.

    Parameters
    ----------
    folder : Path
        An empty folder.
    wheel : str, optional
        A wheel of Monsoon; absent: one is built of the checkout that runs, or made of the files installed.

    Returns
    -------
    list of Path
        The package and its metadata, `monsoon` and `monsoon_hep-VERSION.dist-info`.

    Raises
    ------
    InputError
        Where it is no wheel of Monsoon, or none can be built.
    """
    site = folder / "site"
    if wheel is None and not (PACKAGE / "pyproject.toml").is_file():
        _copy_installed(site)
    else:
        file = Path(wheel) if wheel is not None else build(folder)
        try:
            with zipfile.ZipFile(file) as archive:
                archive.extractall(site)
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"wheel {file}: cannot be read ({error}); {GIVE} of Monsoon") from error
    found = [site / "monsoon", *site.glob("monsoon_hep-*.dist-info")]
    if not (found[0] / "__init__.py").is_file() or len(found) != 2:
        raise InputError(f"wheel {wheel}: is none of Monsoon; {GIVE} of it, or none")
    return found


def build(folder: Path) -> Path:
    """Build a wheel of the checkout that runs, from a copy: the tree stays clean.

    Parameters
    ----------
    folder : Path
        Where the wheel is put, and the copy.

    Returns
    -------
    Path
        The wheel.

    Raises
    ------
    InputError
        Where it cannot be built.
    """
    copy = folder / "source"
    copy.mkdir()
    for name in BUILT_FROM:
        if (PACKAGE / name).is_dir():
            shutil.copytree(PACKAGE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PACKAGE / name, copy / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder), str(copy)], capture_output=True, text=True, check=False
    )
    shutil.rmtree(copy)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["pip built none"]
        raise InputError(f"{PACKAGE}: no wheel can be built ({lines[-1].strip()}); {GIVE}")
    return wheels[0]


def _copy_installed(site: Path) -> None:
    """Copy the files of the installed distribution, which its wheel had."""
    try:
        files = distribution(DISTRIBUTION).files or ()
    except PackageNotFoundError as error:
        raise InputError(f"{DISTRIBUTION}: is not installed and no checkout; {GIVE}") from error
    for file in files:
        if ".." not in file.parts and "__pycache__" not in file.parts:
            (site / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), site / file)
