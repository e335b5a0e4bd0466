"""`key=value` words: text is taken as it is, everything else is read as YAML."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from monsoon.engine.config import Campaign, load_campaign, parse_overrides
from monsoon.engine.errors import InputError
from monsoon.jobs.incidents import GunJob
from monsoon.jobs.training_config import load_training


class Either(BaseModel):
    """A key that is a text or a list of texts, or a number."""

    signal: str | tuple[str, ...] | None = None
    limit: int | str = 0


@pytest.mark.parametrize(
    "text", ["run #3", "1e3", "007", "true", "[odd]", "a: b", "2026-11-27", "*star", "null", " spaced ", "3"]
)
def test_text_is_taken_as_it_is(text: str) -> None:
    assert load_campaign("run3", [f"output={text}"]).output == text
    assert load_training("flow-egamma", [f"output={text}"]).output == text
    assert load_campaign("run3", ["output=x", f"model={text}"]).model == text


@pytest.mark.parametrize("text", ["run #3", "1e3", "a: b", "[odd", "2026-99-99"])
def test_text_that_may_be_absent_is_taken_as_it_is_but_for_null(text: str) -> None:
    assert load_campaign("run3", ["output=x", f"incidents={text}"]).incidents == text
    assert load_campaign("run3", ["output=x", "incidents=null"]).incidents is None
    assert load_campaign("run3", ["output=x", "log="]).log is None


def test_a_list_may_stand_where_text_may() -> None:
    assert parse_overrides(["signal=[a = b, c]"], Either) == {"signal": ["a = b", "c"]}
    assert parse_overrides(["signal=a #1", "limit=3"], Either) == {"signal": "a #1", "limit": 3}
    assert parse_overrides(["limit=3 #1"], Either) == {"limit": 3}


def test_everything_else_is_yaml() -> None:
    asked = load_campaign(
        "run3", ["output=x", "formats=[parquet, root]", "contributions=true", "pools=[{workers: 2}]"]
    )
    assert asked.formats == ("parquet", "root")
    assert asked.contributions
    assert asked.pools[0].workers == 2
    assert parse_overrides(["pdg=[22, 11]", "energy_mev=2e4"], GunJob) == {
        "pdg": [22, 11],
        "energy_mev": "2e4",
    }


def test_an_empty_word_is_no_text() -> None:
    with pytest.raises(InputError, match="output"):
        load_campaign("run3", ["output="])
    with pytest.raises(InputError, match="model"):
        load_campaign("run3", ["output=x", "model="])


def test_a_word_without_a_key_or_with_broken_yaml_is_refused() -> None:
    for word in ("events", "=3"):
        with pytest.raises(InputError, match="key=value"):
            parse_overrides([word], Campaign)
    with pytest.raises(InputError, match="not YAML"):
        parse_overrides(["formats=[root"], Campaign)


def test_the_output_of_a_file_is_text_too(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("mu: 1\noutput: 'run #3'\n")
    assert load_campaign(str(tmp_path / "c.yaml")).output == "run #3"
