"""Each command in `cluster/` is one that Monsoon takes, and each file that is named there exists."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer
import yaml

import monsoon
from monsoon.engine.config import load_campaign, parse_overrides, validate
from monsoon.engine.errors import InputError
from monsoon.jobs.cli import USAGE_ERROR, app
from monsoon.jobs.incidents import SOURCES
from monsoon.jobs.submission.verbs import expect_long
from monsoon.jobs.training_config import load_training

ROOT = Path(monsoon.__file__).parent
FILES = sorted(path for path in (ROOT / "cluster").rglob("*") if path.is_file())
PAGES = [path for path in FILES if path.suffix == ".md"]
GROUP = typer.main.get_command(app)
VERBS = "|".join(GROUP.commands)  # type: ignore[attr-defined]
# `monsoon VERB ...`, also where an image is the command; up to a comment, a pipe or the end of inline code
CALLED = r"(?:(?<![\w/-])monsoon(?::[\w.]+|\.sif)?|/monsoon\.sbatch)"
COMMAND = re.compile(rf"{CALLED} ((?:{VERBS})(?![\w:-])[^`\n&|#]*)")


def commands(path: Path) -> list[list[str]]:
    """The words of each command in a file, without those that leave words to the reader."""
    found = [shlex.split(words) for words in COMMAND.findall(path.read_text())]
    return [words for words in found if not {"...", "CAMPAIGN"} & set(words)]


def accept(words: Sequence[str]) -> None:
    """Read a command's words as the command line does, without running it."""
    verb, *rest = words
    given = GROUP.commands[verb].make_context(verb, list(rest)).params  # type: ignore[attr-defined]
    settings = given.get("settings") or ()
    if verb in ("generate", "plan"):
        load_campaign(given["campaign"], settings)
    elif verb == "train":
        load_training(given["config"], settings)
    elif verb == "submit":
        expect_long([given["verb"], *given["words"]])
        accept([given["verb"], *given["words"]])
    elif verb == "incidents":
        config, _ = SOURCES[given["source"]]
        validate(config, parse_overrides(settings, config), "words")


WRITTEN = [
    pytest.param(words, id=f"{path.parent.name}-{words[0]}")
    for path in FILES
    if path.suffix in (".md", ".yaml", ".def")
    for words in commands(path)
]


@pytest.mark.parametrize("words", WRITTEN)
def test_each_command_is_accepted(words: list[str]) -> None:
    accept(words)


def test_commands_are_found_on_each_page_that_starts_any() -> None:
    assert {path.parent.name for path in FILES if path.suffix != ".sh" and commands(path)} == {
        "cluster", "containers", "kubernetes", "vm", "htcondor", "slurm",
    }  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "generate run3 evnts=3 output=a",
        "train flow-egamma output=a seeds=1",
        "plan run3",
        "merge a",
        "status a --all",
    ],
)
def test_a_mistaken_command_is_not_accepted(line: str) -> None:
    with pytest.raises((InputError, USAGE_ERROR)):
        accept(line.split())


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.parent.name)
def test_what_a_page_names_exists(page: Path) -> None:
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert all((page.parent / link).exists() for link in links), links
    paths = re.findall(r"\b(?:cluster|tests)/[\w./-]+\w|\brequirements[\w-]*\.lock", text)
    assert all((ROOT / path).exists() for path in paths), paths
    beside = re.findall(r"\b(?:campaign\.sub|part\.sh|grid\.sh|aws\.yaml|Containerfile)\b", text)
    names = {path.name for path in FILES}
    assert set(beside) <= names


@pytest.mark.parametrize(
    "page", [p for p in PAGES if p.parent.name != "cluster"], ids=lambda p: p.parent.name
)
def test_a_page_says_at_its_top_what_was_run_and_is_listed(page: Path) -> None:
    first = page.read_text().split("\n\n")[1]
    assert re.search(r"\b([Rr]un|looked at)\b", first)
    assert f"]({page.relative_to(ROOT / 'cluster')})" in (ROOT / "cluster" / "README.md").read_text()


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in (".yaml", ".json")], ids=lambda p: p.name)
def test_yaml_and_json_can_be_read(path: Path) -> None:
    read = json.loads if path.suffix == ".json" else yaml.safe_load
    assert isinstance(read(path.read_text()), dict)


def test_the_dashboard_asks_for_metrics_that_are_exported() -> None:
    dashboard = json.loads((ROOT / "cluster/grafana/monsoon.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    source = (ROOT / "engine/remote/metrics.py").read_text()
    exported = dict(re.findall(r'(?:Counter|Gauge)\(\s*"(\w+)",\s*"[^"]*"(?:,\s*\("(\w+)",\))?', source))
    asked = {name for query in queries for name in re.findall(r"\bray_(\w+)", query)}
    assert asked == exported.keys()
    for query in queries:
        for label in re.findall(r"by \((\w+)\)", query):
            (name,) = re.findall(r"\bray_(\w+)", query)
            assert exported[name] == label, query
