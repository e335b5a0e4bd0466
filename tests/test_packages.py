"""The list of packages in pyproject.toml has every folder of the rooms: what it lacks is not in the wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_folder_with_modules_is_a_listed_package() -> None:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    modules = [path for room in ("engine", "models", "jobs") for path in (ROOT / room).rglob("*.py")]
    folders = {".".join(("monsoon", *path.parent.relative_to(ROOT).parts)) for path in modules}
    assert sorted(folders - set(listed)) == []
    assert [name for name in listed if not (ROOT / "/".join(name.split(".")[1:])).is_dir()] == []
