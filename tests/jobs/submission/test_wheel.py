"""What is no wheel of Monsoon is not sent, and neither is what a job server does not take."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.submission import environment
from monsoon.jobs.submission.wheel import unpacked


def wheel(path: Path, *names: str) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "text")
    return str(path)


def test_a_wheel_is_unpacked_into_package_and_metadata(tmp_path: Path) -> None:
    names = ("monsoon/__init__.py", "monsoon_hep-0.1.0.dist-info/METADATA")
    package, metadata = unpacked(tmp_path, wheel(tmp_path / "a.whl", *names))
    assert (package / "__init__.py").read_text() == "text"
    assert metadata.name == "monsoon_hep-0.1.0.dist-info"


@pytest.mark.parametrize("names", [("numpy/__init__.py",), ("monsoon/__init__.py",)])
def test_another_wheel_is_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="is none of Monsoon"):
        unpacked(tmp_path, wheel(tmp_path / "a.whl", *names))


@pytest.mark.parametrize("content", [None, b"text"])
def test_what_is_no_wheel_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.whl").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.whl: cannot be read"):
        unpacked(tmp_path, str(tmp_path / "a.whl"))


def test_more_than_a_job_server_takes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("monsoon/__init__.py", "monsoon_hep-0.1.0.dist-info/METADATA")
    sources = unpacked(tmp_path, wheel(tmp_path / "a.whl", *names))
    assert environment.environment(sources, None)["py_modules"] == [str(source) for source in sources]
    monkeypatch.setattr(environment, "LARGEST", 7)
    with pytest.raises(InputError, match="unpacks to 0 MiB"):
        environment.environment(sources, None)


def test_requirements_that_are_not_there_are_refused(tmp_path: Path) -> None:
    names = ("monsoon/__init__.py", "monsoon_hep-0.1.0.dist-info/METADATA")
    sources = unpacked(tmp_path, wheel(tmp_path / "a.whl", *names))
    with pytest.raises(InputError, match=r"install none\.txt: cannot be read"):
        environment.environment(sources, "none.txt")
    (tmp_path / "some.txt").write_text("a==1 \\\n    --hash=sha256:0\n")
    found = environment.environment(sources, str(tmp_path / "some.txt"))
    assert found["pip"]["packages"] == ["a==1 \\", "    --hash=sha256:0"]
