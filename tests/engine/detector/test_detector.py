"""The shipped detector's geometry, and descriptions that cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from monsoon.engine.detector import detector as module
from monsoon.engine.detector.detector import MARGIN, Detector
from monsoon.engine.detector.placing import localise
from monsoon.engine.errors import InputError
from monsoon.engine.kernels.place import NO_CELL
from monsoon.engine.records import Incidents
from monsoon.models.geometry.planar import Planar

SHIPPED = Path(module.__file__).parent / "lhcb-ecal.yaml"


def test_zones_have_2688_1792_and_1536_cells(detector: Detector) -> None:
    pixels = np.bincount(detector.cell_of_pixel[detector.cell_of_pixel != NO_CELL])
    assert detector.cells == 6016
    assert pixels.tolist() == [36] * 2688 + [9] * 1792 + [4] * 1536


def test_every_cell_is_one_square(detector: Detector) -> None:
    for cell in range(0, detector.cells, 97):
        row, column = np.nonzero(detector.cell_of_pixel == cell)
        assert len(row) == (np.ptp(row) + 1) * (np.ptp(column) + 1)
        assert np.ptp(row) == np.ptp(column)


def test_the_face_is_symmetric_about_the_beam(detector: Detector) -> None:
    known = {tuple(xy) for xy in np.round(detector.cell_centres_mm, 6)}
    assert known == {(-x, y) for x, y in known} == {(x, -y) for x, y in known}


def test_cells_lie_where_positions_say(detector: Detector) -> None:
    assert np.array_equal(detector.cell_at(detector.cell_centres_mm), np.arange(detector.cells))
    hole_and_outside = np.array([[0.0, 0.0], [300.0, 200.0], [3900.0, 0.0], [0.0, -3200.0], [1e9, 1e9]])
    assert (detector.cell_at(hole_and_outside) == NO_CELL).all()
    just_outside_the_hole = np.array([[16 * 20.2 + 1, 0.0], [0.0, 12 * 20.2 + 1]])
    assert (detector.cell_at(just_outside_the_hole) != NO_CELL).all()


def test_one_count_is_the_published_transverse_energy(detector: Detector) -> None:
    x, y = detector.cell_centres_mm.T
    sine = np.sin(np.arctan(np.hypot(x, y) / 12520))
    transverse = detector.mev_per_count * sine
    assert np.allclose(transverse, 2.5 + 1.75 * sine)


def test_localise_gives_the_place_inside_the_pixel(
    detector: Detector, make_incidents: Callable[..., Incidents]
) -> None:
    incidents = make_incidents([500])
    conditions = localise(incidents, Planar())
    offset = conditions.offset_mm.numpy()
    assert np.abs(offset).max() <= 10.1 + 1e-3
    row, column = detector.pixels(incidents.position_mm)
    centre = np.stack([column - 192 + 0.5, row - 156 + 0.5], 1) * 20.2
    assert np.allclose(centre + offset, incidents.position_mm[:, :2], atol=1e-3)
    assert (
        detector.cell_of_pixel[row + MARGIN, column + MARGIN] == detector.cell_at(incidents.position_mm)
    ).all()


ZONE = {"name": "only", "cell_pixels": 4, "columns": 32, "rows": 24}
NO_HOLE = {"columns": 0, "rows": 0}


def described(**changes: object) -> str:
    return yaml.safe_dump({**yaml.safe_load(SHIPPED.read_text()), **changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (described(face_z_mm=-1), "face_z_mm"),
        (described(speed=3), "speed: unknown key"),
        (described(zones=[]), "zones"),
        (described(visible_fraction="much"), "visible_fraction"),
        (described(zones=[{"name": "a", "cell_pixels": 7, "columns": 384, "rows": 312}]), "whole cells"),
        ("a: [1", "not a YAML file"),
        ("just text", "not a mapping"),
        (described(zones=[ZONE | {"columns": 12_000_000_000, "rows": 12_000_000_000}]), "zones.0.columns"),
        (described(zones=[ZONE | {"columns": 2**70}]), "zones.0.columns"),
        (described(zones=[dict(ZONE) for _ in range(1000)]), "zones"),
        (described(zones=[ZONE | {"name": "n" * 100_000}]), "zones.0.name"),
        (described(zones=[ZONE], hole={"columns": 32, "rows": 24}), "leaves no cell"),
        (
            described(
                zones=[ZONE | {"cell_pixels": 1, "columns": 512, "rows": 512}],
                hole=NO_HOLE,
                layers={"number": 17, "pitch_mm": 3},
            ),
            "4456448 cells in 17 layers; at most 4194304",
        ),
        (described(layers={"number": 3}), "give number and pitch_mm, or else depths_mm"),
        (described(layers={"number": 3, "pitch_mm": 1, "depths_mm": [1]}), "or else depths_mm"),
        (described(layers={"depths_mm": [2, 2]}), "depths increase"),
        (described(layers={"number": 1000, "pitch_mm": 3}), "layers.number"),
        (described(face_z_mm=1e300), "face_z_mm"),
        (described(face_z_mm=float("nan")), "face_z_mm"),
        (described(visible_fraction=1e-300), "visible_fraction"),
        ("hole: &h {columns: 0, rows: 0}\nmagnet: *h", "an alias"),
    ],
)
def test_an_unusable_description_names_file_and_field(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        Detector.load(str(path))
    assert "mine.yaml" in str(caught.value)


def test_an_unknown_detector_is_answered_with_the_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"shipped: .*lhcb-ecal"):
        Detector.load("cms-hgcal")


def test_a_detector_of_ones_own_works(tmp_path: Path) -> None:
    """One zone, no hole: 8 x 6 cells."""
    (tmp_path / "small.yaml").write_text(described(zones=[ZONE], hole=NO_HOLE))
    assert Detector.load(str(tmp_path / "small.yaml")).cells == 48


@pytest.mark.parametrize("name", ["../detector/lhcb-ecal", "d" * 5000, "a\0b"])
def test_a_name_is_no_path_into_the_package_and_no_traceback(name: str) -> None:
    with pytest.raises(InputError, match=r"detector|not a YAML file") as caught:
        Detector.load(name)
    assert "\0" not in str(caught.value)
    assert len(str(caught.value)) < 2200
