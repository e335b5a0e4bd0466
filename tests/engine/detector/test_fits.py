"""Incidents and generators are held against a detector by what it is, not by what it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.detector.detector import SHIPPED, Detector
from monsoon.engine.detector.fits import refuse_other_incidents, refuse_other_showers
from monsoon.engine.detector.placing import Placing
from monsoon.engine.errors import InputError, SuspiciousInput
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.layer import Layer
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


LAYERS = "layers: {number: 3, pitch_mm: 10.0}\n"
STACK = Cylindrical((Layer((0.0, 10.0), 4), Layer(()), Layer((0.0, 20.0), 4)))
DEEP = Cylindrical(tuple(Layer((0.0, 10.0), 4, depth) for depth in (5.0, 15.0, 26.0)))


@pytest.mark.parametrize("pixel_mm", [20.2, 20.200000762939453, 10.1, 40.4, 7.0], ids=str)
def test_planar_showers_of_any_pixel_are_taken(detector: Detector, pixel_mm: float) -> None:
    refuse_other_showers("library", Placing(Planar(pixel_mm=pixel_mm), detector))


@pytest.mark.parametrize(
    ("geometry", "change", "message"),
    [
        (STACK, "", "its showers have 3 layers, detector lhcb-ecal has 1 layer; use"),
        (Planar(), LAYERS, "its showers have 1 layer, detector lhcb-ecal has 3 layers; use"),
        (DEEP, LAYERS, "layer 2 of its showers is 26 mm deep, that of detector lhcb-ecal 25 mm"),
        (Planar(pixel_mm=10.0), "pixel_mm: 20.2003\n", "pixel_mm = 20.2003 is not a whole number of micro"),
        (Cylindrical((Layer((0.0, 9000.0), 4),)), "pixel_mm: 1.0\n", "more than 16777216 pieces"),
    ],
    ids=["layers into none", "none into layers", "other depths", "no micrometres", "too many pieces"],
)
def test_what_cannot_be_placed_is_named(
    tmp_path: Path, geometry: Geometry, change: str, message: str
) -> None:
    old = "pixel_mm: 20.2\n" if change.startswith("pixel_mm") else "name: lhcb-ecal\n"
    new = change if change.startswith("pixel_mm") else old + change
    with pytest.raises(InputError, match=message) as caught:
        refuse_other_showers("mine.h5", Placing(geometry, changed(tmp_path, old, new)))
    assert "mine.h5" in str(caught.value)


def test_a_layer_without_voxels_has_no_depth_that_could_differ(tmp_path: Path) -> None:
    layered = changed(tmp_path, "name: lhcb-ecal\n", "name: lhcb-ecal\n" + LAYERS)
    ragged = Cylindrical((Layer((0.0, 10.0), 4, 5.0), Layer(()), Layer((0.0, 20.0), 4, 25.0)))
    refuse_other_showers("ragged.h5", Placing(ragged, layered))


def test_layers_whose_depth_is_not_known_are_taken(tmp_path: Path) -> None:
    layered = changed(tmp_path, "name: lhcb-ecal\n", "name: lhcb-ecal\n" + LAYERS)
    refuse_other_showers("calochallenge.h5", Placing(STACK, layered))
