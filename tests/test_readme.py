"""The README is true: its columns are the schema's, its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.formats.schema import schema

ROOMS = ("models/README.md", "models/samples/README.md", "jobs/README.md", "engine/formats/README.md")
ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()


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


PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", *ROOMS, "cluster/README.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", (ROOT / page).read_text()):
        if "://" not in link:
            assert (ROOT / page).parent.joinpath(link).exists(), link
