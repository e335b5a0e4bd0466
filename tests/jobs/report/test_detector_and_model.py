"""What the report says of the detector, of the generators, and of what these were trained on."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from monsoon.engine.detector.detector import Detector
from monsoon.jobs.report.detector_and_model import (
    Trained,
    detector_facts,
    domain_rows,
    outside_domain,
    trained_generators,
)
from monsoon.models.domain.ranges import Domain, Gap
from monsoon.models.store.checkpoint import read_card
from monsoon.models.store.shipped import FLOWS
from monsoon.models.store.suite import Suite, load_suite

NARROW = "\u202f"


def test_a_shipped_model_is_described_by_its_card() -> None:
    egamma, hadrons = trained_generators("best", load_suite("best"))
    card = read_card(FLOWS[0])
    assert egamma.name == card["name"] == "flow-egamma"
    assert egamma.showers == sum(f["rows"] for f in card["data"]["files"] if f["use"] == "train") == 44_800
    assert f"{card['parameters']:,}".replace(",", NARROW) in egamma.family
    (row,) = domain_rows(egamma)
    assert row == (
        *("flow-egamma", egamma.family, "e-\u2060\u00a0(11), gamma\u2060\u00a0(22)", f"44{NARROW}800"),
        *("1 to 100", "up to 22°"),
    )
    assert [row[-2:] for row in domain_rows(hadrons)] == [("1 to 100", "up to 30°")]


def test_a_library_is_described_by_its_file(suite: Suite) -> None:
    egamma, hadrons = trained_generators("library", suite)
    assert (egamma.name, hadrons.name) == ("egamma.h5", "hadrons.h5")
    assert (egamma.showers, hadrons.showers) == (15_500, 13_000)
    assert domain_rows(egamma)[0][-2:] == ("1 to 100", "up to 22°")


def test_species_with_other_ranges_have_other_rows_and_gaps_are_said() -> None:
    gap = Gap(0, (5e3, 6e3), (0.9, 1.0))
    energies = torch.tensor([[1e3, 1e5], [1e3, 2e4], [1e3, 1e5]])
    domain = Domain(torch.tensor([-211, 22, 211], dtype=torch.int32), energies, torch.full((3,), 0.9), (gap,))
    rows = domain_rows(Trained("m", "flow", None, domain))
    assert {(row[2], row[4]) for row in rows} == {
        ("pi+\u2060\u00a0(211), pi-\u2060\u00a0(-211)", "1 to 100, less 1 gap"),
        ("gamma\u2060\u00a0(22)", "1 to 20, less 1 gap"),
    }
    assert {row[3] for row in rows} == {"-"}
    assert domain_rows(Trained("m", "flow", None, replace(domain, gaps=(gap, gap))))[0][4].endswith("2 gaps")


def test_the_detector_is_described_by_its_file(detector: Detector) -> None:
    facts = dict(detector_facts(detector))
    assert facts["cells"] == f"6{NARROW}016"
    assert facts["cell size by zone"] == "outer 121.2 mm, middle 60.6 mm, inner 40.4 mm"
    assert facts["face"].endswith("12.52 m from the interaction point")


@pytest.mark.parametrize(
    ("policy", "status", "said"),
    [
        ({}, "outside_nearest", "gets the nearest Geant4 shower"),
        ({"outside": "clamp"}, "outside_clamped", "the nearest condition inside"),
        ({"outside": "nearest"}, "outside_clamped", "the nearest condition inside"),
        ({"outside": "library"}, "outside_other", "is handed to library"),
    ],
)
def test_particles_outside_the_domain_are_counted_and_the_policy_is_said(
    policy: dict[str, str], status: str, said: str
) -> None:
    text = outside_domain({**policy, "counts": {"particles": 200, f"status_{status}": 3}})
    assert text.startswith("3 of 200 particles (1.50%) were outside")
    assert said in text


def test_a_campaign_without_particles_has_no_share_of_them() -> None:
    assert outside_domain({"counts": {"particles": 0}}).startswith("0 of 0 particles were")
