"""Incidents and generators are held against a detector by what it is, not by what it is called."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from monsoon.engine.detector.detector import SHIPPED, Detector
from monsoon.engine.detector.fits import refuse_other_incidents, refuse_other_pixels
from monsoon.engine.errors import InputError, SuspiciousInput
from monsoon.models.geometry.planar import Planar


def changed(folder: Path, old: str, new: str) -> Detector:
    """The shipped detector with another description."""
    text = (SHIPPED / "lhcb-ecal.yaml").read_text()
    assert old in text
    (folder / "d.yaml").write_text(text.replace(old, new))
    return Detector.load(str(folder / "d.yaml"))


def test_a_changed_face_under_the_old_name_is_another_detector(detector: Detector, tmp_path: Path) -> None:
    moved = changed(tmp_path, "12520.0", "12620.0")
    described = {"detector": moved.description.model_dump(mode="json")}
    with pytest.raises(InputError, match=r"face_z_mm = 12620\.0, not 12520\.0"):
        refuse_other_incidents("i.parquet", "lhcb-ecal", described, detector)
    refuse_other_incidents("i.parquet", "lhcb-ecal", described, moved)


def test_what_differs_is_named_inside_zones_too(detector: Detector, tmp_path: Path) -> None:
    coarse = changed(tmp_path, "name: middle, cell_pixels: 3", "name: middle, cell_pixels: 6")
    described = {"detector": coarse.description.model_dump(mode="json")}
    with pytest.raises(InputError, match=r"zones\.1\.cell_pixels = 6, not 3"):
        refuse_other_incidents("i.parquet", "lhcb-ecal", described, detector)


@pytest.mark.parametrize("settings", [{}, {"detector": "lhcb-ecal"}], ids=["none", "name"])
def test_a_name_alone_stands_for_the_shipped_description(
    detector: Detector, tmp_path: Path, settings: dict[str, str]
) -> None:
    refuse_other_incidents("i.parquet", "lhcb-ecal", settings, detector)
    with pytest.raises(InputError, match="face_z_mm = 12520"):
        refuse_other_incidents("i.parquet", "lhcb-ecal", settings, changed(tmp_path, "12520.0", "12620.0"))


@pytest.mark.parametrize(
    ("name", "settings"), [("mine", {}), ("lhcb-ecal", {"detector": "/home/me/d.yaml"})], ids=["mine", "path"]
)
def test_what_cannot_be_told_is_warned_of(tmp_path: Path, name: str, settings: dict[str, str]) -> None:
    own = changed(tmp_path, "name: lhcb-ecal", f"name: {name}")
    with pytest.warns(SuspiciousInput, match=f"names its detector, {name}, and does not describe it"):
        refuse_other_incidents("i.parquet", name, settings, own)


def test_another_name_is_refused_whatever_is_described(detector: Detector, tmp_path: Path) -> None:
    own = changed(tmp_path, "name: lhcb-ecal", "name: mine")
    with pytest.raises(InputError, match="made for detector lhcb-ecal, not mine"):
        refuse_other_incidents("i.parquet", "lhcb-ecal", {}, own)


def test_a_description_that_is_none_is_one_line(detector: Detector) -> None:
    with pytest.raises(InputError, match="cannot be read by this release"):
        refuse_other_incidents("i.parquet", "lhcb-ecal", {"detector": {"name": "lhcb-ecal"}}, detector)


def test_pixels_of_another_size_are_refused_with_both_numbers(detector: Detector, tmp_path: Path) -> None:
    fine = changed(tmp_path, "pixel_mm: 20.2", "pixel_mm: 10.1")
    with pytest.raises(InputError, match=r"library: .*20\.2 mm, .*pixel_mm = 10\.1"):
        refuse_other_pixels("library", Planar(), fine)
    with warnings.catch_warnings(action="error"):
        refuse_other_pixels("library", Planar(), detector)
        refuse_other_pixels("library", Planar(pixel_mm=20.200000762939453), detector)  # through float32
