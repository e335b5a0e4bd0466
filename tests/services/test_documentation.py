"""The pages of the documentation are made without a warning, and lead to each other."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="sphinx is not installed")
pytest.importorskip("myst_parser", reason="myst-parser is not installed")

from monsoon.jobs.documentation.build import build, documented

PART = (  # `make docs` makes all
    "monsoon.engine.ledger",
    "monsoon.jobs.pages",
    "monsoon.jobs.requests",
    "monsoon.models.metrics",
)


# of Sphinx's own code and its themes
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_the_pages_are_made_without_a_warning(tmp_path: Path) -> None:
    assert set(PART) <= set(documented())
    assert build(tmp_path, PART) == 0
    pages = tmp_path / "html"
    for name in ("index", "README", "ARCHITECTURE", "cluster/README", "jobs/tutorials/first-campaign"):
        assert (pages / f"{name}.html").is_file(), name
    readme, ledger = (
        (pages / name).read_text() for name in ("README.html", "reference/monsoon.engine.ledger.html")
    )
    assert readme.count('href="ARCHITECTURE.html') > 1  # in the text, beside the list of pages
    assert readme.count('href="jobs/tutorials/own-showers.html"') > 1
    assert "Merkle" in ledger
    assert 'href="#monsoon.engine.ledger.commits.Ledger"' in ledger
    assert "Alias for field number" not in ledger
    requests = (pages / "reference/monsoon.jobs.requests.html").read_text()
    assert "ArgumentInfo object" not in requests
    assert "model_config" not in requests
    assert "Instead of cards: a file of incidents" in requests
