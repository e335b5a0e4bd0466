"""The workflows of the public host call what there is, with actions pinned by commit."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

import monsoon

ROOT = Path(monsoon.__file__).parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
JOB_KEYS = {"runs-on", "timeout-minutes", "strategy", "permissions", "steps"}
STEP_KEYS = {"name", "uses", "with", "run", "env"}


def jobs(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["jobs"]
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_the_form_of_one_and_few_rights(path: Path) -> None:
    whole = yaml.safe_load(path.read_text())
    assert set(whole) <= {"name", True, "permissions", "concurrency", "jobs"}  # YAML 1.1 reads `on` as true
    assert whole["permissions"] == {"contents": "read"}
    for job in whole["jobs"].values():
        assert set(job) <= JOB_KEYS
        assert {"runs-on", "timeout-minutes", "steps"} <= set(job)
        for step in job["steps"]:
            assert set(step) <= STEP_KEYS
            assert ("uses" in step) != ("run" in step)
            # what others may write (a branch's name, a title) is no text of a shell's program
            assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_say_their_version(path: Path) -> None:
    lines = re.findall(r"uses: *(.*)", path.read_text())
    assert lines
    for line in lines:
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_each_python_that_is_claimed_is_tested_and_each_target_exists() -> None:
    ci = jobs(ROOT / ".github/workflows/ci.yml")
    assert {"lint", "tests", "services", "wheel", "docs"} == set(ci)
    claimed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    versions = [word.rpartition(" ")[2] for word in claimed if re.search(r":: 3\.\d+$", word)]
    assert ci["tests"]["strategy"]["matrix"]["python"] == versions
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    called = {
        step["run"].split()[1]
        for job in ci.values()
        for step in job["steps"]
        if "make" in step.get("run", "")
    }
    assert called == {"lint", "test", "test-slow", "test-services", "test-long", "docs"}
    assert called <= targets


def test_the_notes_of_a_release_are_its_section_of_the_changelog(tmp_path: Path) -> None:
    (step,) = (
        s
        for s in jobs(ROOT / ".github/workflows/release.yml")["release"]["steps"]
        if "Cut" in s.get("name", "")
    )
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 0.2.0\n\n- new\n\n### Added\n\n## 0.1.0\n\n- old\n"
    )
    for tag, notes in (("v0.2.0", "\n- new\n\n### Added\n\n"), ("v0.1.0", "\n- old\n")):
        environment = {"GITHUB_REF_NAME": tag, "PATH": "/usr/bin:/bin"}
        subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, check=True)
        assert (tmp_path / "notes.md").read_text() == notes
    environment = {"GITHUB_REF_NAME": "v9.0.0", "PATH": "/usr/bin:/bin"}
    assert subprocess.run(
        ["bash", "-e", "-c", step["run"]], cwd=tmp_path, env=environment, check=False
    ).returncode
