"""What the readout window integrates of other crossings: descriptions, and the fraction of each particle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from monsoon.engine.detector.description import Description
from monsoon.engine.detector.detector import Detector, shipped_detectors
from monsoon.engine.detector.spill_over import LIGHT_MM_PER_NS, crossings_of, integrated_fraction
from monsoon.engine.errors import InputError
from monsoon.engine.records import Incidents
from monsoon.jobs.cli import UNUSABLE, main

SHIPPED = "lhcb-ecal-spill-over"


def described(spill_over: object) -> str:
    content = yaml.safe_load(shipped_detectors()["lhcb-ecal"].read_text())
    content["electronics"]["spill_over"] = spill_over
    return yaml.safe_dump(content)


def test_descriptions_without_it_are_what_they_were(detector: Detector, layered: Detector) -> None:
    assert detector.description.sha256.startswith("de35cdc54b2c")
    assert layered.description.sha256.startswith("2a559e579842")
    assert b"spill_over" not in detector.description.canonical
    with pytest.raises(InputError, match=r"detector lhcb-ecal has no electronics\.spill_over"):
        crossings_of(detector)


def test_the_shipped_one_is_lhcb_ecal_but_for_name_and_spill_over(detector: Detector) -> None:
    described = Detector.load(SHIPPED).description.model_dump()
    assert list(described["electronics"].pop("spill_over")) == [-1]
    assert described.pop("name") == SHIPPED
    plain = detector.description.model_dump()
    assert described == {key: value for key, value in plain.items() if key != "name"}


def test_a_description_has_one_checksum_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(described({1: 0.5, -1: [0, 1]}))
    (tmp_path / "b.yaml").write_text(described({-1: [0.0, 1.0], 1: 0.5}))
    one, other = (Detector.load(str(tmp_path / f"{name}.yaml")).description for name in "ab")
    assert one.sha256 == other.sha256
    assert Description.model_validate_json(one.canonical) == one
    assert crossings_of(Detector.of(one)) == (-1, 1)


@pytest.mark.parametrize(
    ("spill_over", "message"),
    [
        ({}, "electronics.spill_over: names no crossing"),
        ({0: 0.5}, "electronics.spill_over: crossing 0 is the triggered one"),
        ({101: 0.5}, "crossing 101 is not in -100 .. 100"),
        ({1: 1.5}, "crossing 1: fractions lie in 0 .. 1"),
        ({1: -0.1}, "crossing 1: fractions lie in 0 .. 1"),
        ({1: float("nan")}, "crossing 1: fractions lie in 0 .. 1"),
        ({1: 0}, "one of them is above 0"),
        ({-1: [0, 0]}, "one of them is above 0"),
        ({-1: []}, "one of them is above 0"),
        ({-1: [0.1] * 201}, "201 fractions; at most 200"),
        ({"next": 0.5}, r"electronics\.spill_over"),
        ({1.5: 0.5}, r"electronics\.spill_over"),
        ({1: "much"}, r"electronics\.spill_over\.1"),
        ({1: "0.5"}, r"electronics\.spill_over\.1"),
        ({1: True}, r"electronics\.spill_over\.1"),
        ({1: [0, True]}, r"electronics\.spill_over\.1"),
        ([0.1], r"electronics\.spill_over"),
    ],
)
def test_an_unusable_description_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spill_over: object, message: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(described(spill_over))
    with pytest.raises(InputError, match=message):
        Detector.load(str(path))
    assert main(["plan", "run3", f"detector={path}", f"output={tmp_path / 'out'}"]) == UNUSABLE
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_fraction_is_that_of_the_crossing_and_of_the_delay(
    make_incidents: Callable[..., Incidents], detector: Detector
) -> None:
    electronics = detector.description.electronics
    described = electronics.model_copy(update={"spill_over": {-1: (0.0, 0.25, 0.75), 2: 0.125}})
    face = Detector.of(detector.description.model_copy(update={"electronics": described}))
    plain = make_incidents([9])
    light_ns = np.linalg.norm(plain.position_mm, axis=1) / LIGHT_MM_PER_NS
    crossing = np.array([0, 0, -1, -1, -1, -1, -1, 2, 2], np.int8)
    late = np.array([0.0, 9.0, -3.0, 0.4, 0.6, 1.6, 90.0, 0.0, 9.0])
    time_ns = (light_ns + late + 25 * crossing).astype(np.float32)
    incidents = replace(plain, time_ns=time_ns, crossing=crossing)
    wanted = [1, 1, 0, 0, 0.25, 0.75, 0.75, 0.125, 0.125]
    assert integrated_fraction(incidents, face).tolist() == wanted
    with pytest.raises(ValueError, match="no spill_over of crossing 3"):
        integrated_fraction(replace(incidents, crossing=np.full(9, 3, np.int8)), face)
