"""Cards of models, stored and read back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from monsoon.models.errors import InputError
from monsoon.models.store import card_files
from monsoon.models.store.card_files import card_of, store_card
from monsoon.models.store.checkpoint import CHECKPOINTS

AREA = {"value": 0.5164, "error": 0.0071, "floor": 0.5021, "floor_error": 0.007}


def test_what_is_stored_of_the_library_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_files, "CHECKPOINTS", tmp_path / "checkpoints")
    assert card_of("library") == {"family": "library"}
    store_card("library", {"family": "library", "metrics": {"egamma auc/high-level": AREA}})
    assert card_of("library")["metrics"]["egamma auc/high-level"] == AREA
    assert json.loads((tmp_path / "checkpoints" / "library.json").read_text())["family"] == "library"


def test_what_is_stored_of_a_model_is_read_back_and_on_its_page(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(CHECKPOINTS / "flow-egamma", folder)
    card = card_of(str(folder))
    assert card == card_of("flow-egamma")
    store_card(str(folder), {**card, "metrics": {"egamma auc/high-level": AREA}})
    assert card_of(str(folder))["metrics"] == {"egamma auc/high-level": AREA}
    assert (
        "| egamma auc/high-level | 0.5164 +- 0.0071 | 0.5021 +- 0.007 |" in (folder / "README.md").read_text()
    )


def test_the_best_of_a_kind_has_the_card_of_the_model_that_it_is() -> None:
    assert card_of("best-rich") == card_of("flow-rich")
    assert card_of("best-ds2like") == card_of("transported-ds2like")
    with pytest.raises(InputError, match=r"best/model\.json: cannot be read"):
        card_of("best")  # is two


def test_a_model_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name a model's folder"):
        card_of(str(tmp_path))
