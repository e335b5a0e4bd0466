"""Which geometry a file has: what it names, what the command says, and what is refused."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from monsoon.models.data.shower_files import read_conditions, read_rows, read_showers, write_showers
from monsoon.models.data.shower_geometry import named, shared_geometry, shower_geometry
from monsoon.models.errors import InputError
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.geometry import Geometry
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.planar import Planar
from monsoon.models.geometry.stored import SHIPPED
from monsoon.models.store.shipped import SAMPLES

RING = Cylindrical((Layer((0.0, 5.0, 10.0), 4), Layer((0.0, 20.0))))


def challenge(path: Path, voxels: int, geometry: Geometry | None = None) -> Path:
    """A file as the CaloChallenge has them: energies and showers alone."""
    with h5py.File(path, "w") as file:
        file["incident_energies"] = np.full((9, 1), 65_536.0)
        file["showers"] = np.ones((9, voxels), np.float32)
        if geometry:
            file.attrs.update(named(geometry))
    return path


def test_the_file_s_own_geometry_counts(tmp_path: Path) -> None:
    file = challenge(tmp_path / "a.h5", 9, RING)
    assert shower_geometry(file) == RING
    assert shower_geometry(file, RING) == RING
    with pytest.raises(
        InputError, match=r"a.h5: its showers have 9 voxels in 2 of 2 layers, geometry says 3 x 3"
    ):
        shower_geometry(file, Planar(3, 3, 1.0, 1))


def test_a_file_that_names_none_has_what_the_command_says(tmp_path: Path) -> None:
    file = challenge(tmp_path / "a.h5", 9)
    assert shower_geometry(file, RING) == RING
    with pytest.raises(
        InputError, match=r"a.h5: names no geometry of its 9 voxels; say which: geometry=NAME"
    ):
        shower_geometry(file)
    with pytest.raises(InputError, match=r"a.h5: showers has 9 voxels, 30 x 30 pixels of 20.2 mm have 900"):
        shower_geometry(file, Planar())


def test_files_of_former_releases_are_planar_and_those_of_the_calochallenge_are_not(tmp_path: Path) -> None:
    former = tmp_path / "former.h5"
    write_showers(former, read_showers(SAMPLES / "egamma-heldout.h5")[:9], {})
    assert shower_geometry(former) == Planar()
    with pytest.raises(InputError, match="names no geometry of its 900 voxels"):
        shower_geometry(challenge(tmp_path / "a.h5", 900))


@pytest.mark.parametrize("name", ["egamma", "egamma-heldout", "hadrons", "hadrons-heldout"])
def test_shipped_showers_name_their_geometry(name: str) -> None:
    with h5py.File(SAMPLES / f"{name}.h5") as file:
        assert "geometry" in file.attrs
    assert shower_geometry(SAMPLES / f"{name}.h5") == Planar()


def test_shipped_showers_of_silicon_are_those_of_set_2() -> None:
    geometry = shower_geometry(SAMPLES / "siw-electrons.h5")
    assert isinstance(geometry, Cylindrical)
    assert geometry == SHIPPED["calochallenge-2"]()
    assert [layer.depth_mm for layer in geometry.stack[:2]] == [1.7, 5.1]


def test_files_of_different_geometries_are_told_apart(tmp_path: Path) -> None:
    files = [challenge(tmp_path / "a.h5", 9, RING), challenge(tmp_path / "b.h5", 9, Planar(3, 3, 1.0, 1))]
    assert shared_geometry([str(files[0])] * 2) == RING
    with pytest.raises(InputError, match=r"b.h5: its showers have 3 x 3 pixels of 1 mm, those of .*a.h5"):
        shared_geometry([str(file) for file in files])


@pytest.mark.parametrize(
    "stored", ["", "no JSON", "[]", '{"kind": "sphere"}', "[" * 100_000, 7.0, b"\xff\xfe", np.zeros(9)]
)
def test_an_attribute_that_is_no_geometry_is_one_line(tmp_path: Path, stored: object) -> None:
    file = challenge(tmp_path / "a.h5", 9)
    with h5py.File(file, "a", libver="latest") as opened:
        opened.attrs["geometry"] = stored
    with pytest.raises(InputError, match=r"a\.h5: attribute geometry is no geometry") as caught:
        shower_geometry(file, RING)
    assert "\n" not in str(caught.value)


def test_a_file_without_species_is_read_where_the_command_says_which(tmp_path: Path) -> None:
    file = challenge(tmp_path / "a.h5", 9)
    with pytest.raises(InputError, match="no dataset incident_pdg; say which: species=electron"):
        read_conditions(file)
    assert read_conditions(file, pdg=11).pdg.tolist() == [11] * 9
    assert read_rows(file, 0, None, 11).conditions.direction.tolist() == [[0.0, 0.0, 1.0]] * 9
