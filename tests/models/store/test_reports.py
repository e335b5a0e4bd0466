"""Which models a campaign takes that asks for reports: those with a passing one, of all its particles."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from monsoon.models.domain.ranges import Domain
from monsoon.models.errors import InputError
from monsoon.models.records import Conditions
from monsoon.models.store.checkpoint import CHECKPOINTS
from monsoon.models.store.reports import covered, not_covered, validated_domains
from monsoon.models.store.shipped import SAMPLES
from monsoon.models.store.suite import REFUSE, Suite, load_suite

Reported = Callable[..., str]
CARD = json.loads((CHECKPOINTS / "flow-egamma" / "model.json").read_text())


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite("flow-egamma", REFUSE)


@pytest.fixture
def reported(tmp_path: Path, suite: Suite) -> Reported:
    """A folder of the flow of photons and electrons whose card has a report with these changes."""

    def make(**changes: Any) -> str:
        passing = {
            "outcome": "pass",
            "quick": False,
            "generators": suite.models[0].fingerprint,
            "domain": Domain.around(_photons([2e3, 5e4], [1.0, 0.96])).as_json(),
        }
        report = {key: value for key, value in {**passing, **changes}.items() if value is not None}
        folder = tmp_path / "mine"
        folder.mkdir()
        (folder / "weights.safetensors").symlink_to(CHECKPOINTS / "flow-egamma" / "weights.safetensors")
        (folder / "model.json").write_text(json.dumps({**CARD, "metrics": {"egamma validation": report}}))
        return str(folder)

    return make


def _photons(energy_mev: list[float], cosine: list[float], pdg: int = 22) -> Conditions:
    along = torch.tensor(cosine)
    direction = torch.stack([(1 - along**2).sqrt(), torch.zeros(len(along)), along], 1)
    count = len(energy_mev)
    return Conditions(
        torch.full((count,), pdg, dtype=torch.int32),
        torch.tensor(energy_mev),
        direction,
        torch.zeros(count, 2),
    )


def test_a_passing_report_covers_its_species_energies_and_angles(reported: Reported, suite: Suite) -> None:
    domains = validated_domains(reported(), suite)
    asked = _photons([1.9e3, 2e3, 2e4, 5e4, 6e4, 2e4], [1.0, 1.0, 0.97, 0.96, 1.0, 0.94])
    assert covered(suite, domains, asked).tolist() == [False, True, True, True, False, False]
    assert suite.inside(asked).all()  # trained on, but not validated
    for species in (11, 211, 12345):  # not in the reference; without a generator
        assert not covered(suite, domains, _photons([2e4], [1.0], species)).any()
    line = str(not_covered(asked, 0))
    assert "species 22 of 1.9 GeV at 0 degrees is beyond what the model's report covers" in line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outcome": "cannot tell"}, "no passing report (its verdict is: cannot tell)"),
        ({"outcome": "fail"}, "no passing report (its verdict is: fail)"),
        ({"outcome": None}, "no report"),
        ({"quick": True}, "a quick report alone"),
        ({"domain": None}, "a report of a former release"),
        ({"generators": "0" * 64}, "a report of another model"),
    ],
)
def test_other_reports_are_refused_with_the_remedy(
    reported: Reported, suite: Suite, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as raised:
        validated_domains(reported(**changes), suite)
    assert said in str(raised.value)
    assert "monsoon validate --model " in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_of_showers_has_no_card_and_each_generator_of_a_suite_needs_one(reported: Reported) -> None:
    hadrons = str(SAMPLES / "hadrons-heldout.h5")
    words = f"{reported()},{hadrons}"
    with pytest.raises(
        InputError, match=r"model hadrons-heldout.h5 has no report for hadrons; train a model"
    ):
        validated_domains(words, load_suite(words, REFUSE))
