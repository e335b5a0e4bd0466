"""The JSON schemas follow from the models, and what Monsoon writes fulfils them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from monsoon.engine.config import Campaign
from monsoon.engine.ledger.documents import DOCUMENTS, STORED, schema_of
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.generate import generate
from monsoon.jobs.schema import BEGIN, END, SCHEMAS, text_of, versions

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_shipped_schemas_are_those_of_the_models(name: str) -> None:
    shipped = (SCHEMAS / f"{name}.schema.json").read_text()
    assert shipped == f"{text_of(name)}\n", "run `monsoon schema --write jobs/schemas`"
    Draft202012Validator.check_schema(schema_of(name))


def test_nothing_else_is_shipped_as_a_schema() -> None:
    assert {path.name for path in SCHEMAS.iterdir()} == {f"{name}.schema.json" for name in DOCUMENTS}


@pytest.fixture(scope="module")
def output(pool: Path, cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign as it is made on Ray."""
    output = tmp_path_factory.mktemp("schema") / "out"
    words = {"events": 6, "shard_events": 3, "formats": ("parquet", "root"), "workers": 1}
    generate(
        Campaign(incidents=str(pool), model="library", mu=2.0, output=str(output), **words), lambda line: None
    )
    return output


def files(output: Path) -> dict[str, list[Path]]:
    return {
        "campaign": [output / "campaign.json"],
        "manifest": [output / "manifest.json"],
        "record": sorted(output.glob("_commits/*.json")),
        "driver": sorted(output.glob("_drivers/*.json")),
    }


@pytest.mark.services
def test_what_a_campaign_writes_fulfils_the_schemas(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, paths in files(output).items():
        assert paths, name
        for path in paths:
            Draft202012Validator(schema_of(name)).validate(json.loads(path.read_text()))
    capsys.readouterr()
    for words, name in (
        (["campaigns", str(output)], "catalog"),
        (["provenance", str(output), "4"], "provenance"),
    ):
        assert main([*words, "--json"]) == DONE
        Draft202012Validator(schema_of(name)).validate(json.loads(capsys.readouterr().out))


@pytest.mark.services
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("campaign", lambda found: found.pop("events")),
        ("campaign", lambda found: found["layout"].pop("shard_events")),
        ("campaign", lambda found: found["identity"].update(model="best")),
        ("campaign", lambda found: found.update(event=3)),
        ("manifest", lambda found: found["counts"].update(hits=-1)),
        ("manifest", lambda found: found.pop("software")),
        ("record", lambda found: found["files"][0].pop("sha256")),
    ],
)
def test_other_files_do_not(output: Path, name: str, spoil: Any) -> None:
    found = json.loads(files(output)[name][0].read_text())
    spoil(found)
    assert not Draft202012Validator(schema_of(name)).is_valid(found)


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: stored.files)
def test_every_reader_that_is_listed_exists(stored: Any) -> None:
    module, _, name = stored.reader.partition(":")
    assert callable(getattr(import_module(f"monsoon.{module}"), name))


def test_the_versions_are_listed_in_the_architecture() -> None:
    assert f"{BEGIN}\n{versions()}\n{END}" in (ROOT / "ARCHITECTURE.md").read_text(), (
        "run `monsoon schema --write ARCHITECTURE.md`"
    )


def test_a_schema_is_printed_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "record"]) == DONE
    assert json.loads(capsys.readouterr().out) == schema_of("record")
    assert main(["schema", "recrod"]) == UNUSABLE
    assert "there are campaign, manifest" in capsys.readouterr().err
