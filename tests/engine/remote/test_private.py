"""A Ray of our own: nobody else's machine reaches it, and no other user reads what it keeps."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest

import monsoon
from monsoon.engine.errors import InputError
from monsoon.engine.remote import private
from monsoon.engine.remote.private import private_ray, tighten_token_file


def test_the_token_of_other_clusters_is_tightened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tmp_path / ".ray" / "auth_token"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    tighten_token_file()
    assert not token.exists()
    token.parent.mkdir()
    token.write_text("secret")
    token.chmod(0o644)
    tighten_token_file()
    assert token.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "token"
    other.write_text("secret")
    other.chmod(0o640)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(other))
    tighten_token_file()
    assert other.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.geteuid() == 0 and not shutil.which("setpriv"), reason="no setpriv here")
def test_an_open_token_that_cannot_be_tightened_is_refused(tmp_path: Path) -> None:
    token, without_rights = Path("/etc/passwd"), []
    if os.geteuid() == 0:
        token = tmp_path / "token"
        token.write_text("secret")
        os.chown(token, 65534, 65534)
        without_rights = ["setpriv", "--bounding-set=-fowner"]
    program = (
        "from monsoon.engine.errors import InputError\n"
        "from monsoon.engine.remote.private import tighten_token_file\n"
        "try:\n    tighten_token_file()\nexcept InputError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "RAY_AUTH_TOKEN_PATH": str(token)}
    command = [*without_rights, sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (line,) = done.stdout.splitlines()
    assert line.startswith(f"{token}: other users can read Ray's token")
    assert line.endswith("chmod 600 it")


@pytest.mark.parametrize("version", ["2.50.0", "2.58.9"])
def test_a_ray_without_tokens_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private.ray, "__version__", version)
    with pytest.raises(InputError, match=r"pip install 'ray>=2\.59'"), private_ray():
        pass


def test_every_requirement_on_ray_has_the_floor_that_is_asserted() -> None:
    path = Path(monsoon.__file__).parent / "pyproject.toml"
    project = tomllib.loads(path.read_text())["project"]
    words = [*chain(project["dependencies"], *project["optional-dependencies"].values())]
    floors = [word.partition(">=")[2] for word in words if re.match(r"ray\b", word)]
    assert len(floors) > 3
    assert all(tuple(map(int, floor.split("."))) >= private.OLDEST for floor in floors)
