"""Binning files of the CaloChallenge: read by an independent reading of the format, written, refused."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from monsoon.models.errors import InputError
from monsoon.models.geometry.binning import read_binning, write_binning
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.layer import Layer
from monsoon.models.geometry.stored import read_geometry

PHOTON = {
    0: ("0,5,10,30,50,100,200,400,600", 1),
    1: ("0,2,4,6,8,10,12,15,20,30,40,50,70,90,120,150,200", 10),
    2: ("0,2,5,10,15,20,25,30,40,50,60,80,100,130,160,200,250,300,350,400", 10),
    3: ("0,50,100,200,400,600", 1),
    12: ("0,100,200,400,1000,2000", 1),
}


def xml_of(particles: dict[str, dict[int, tuple[str, int]]], layers: int = 24) -> str:
    parts = ["<Bins>"]
    for name, binned in particles.items():
        parts.append(f'<Bin pid="22" etaMin="0" etaMax="130" name="{name}">')
        for number in range(layers):
            edges, sectors = binned.get(number, ("0", 1))
            parts.append(f'<Layer id="{number}" r_edges="{edges}" n_bin_alpha="{sectors}" />')
        parts.append("</Bin>")
    return "\n".join([*parts, "</Bins>"])


def of_one_layer(attributes: str) -> str:
    return f'<Bins><Bin name="e"><Layer {attributes}/></Bin></Bins>'


def test_the_photons_of_set_1_have_368_voxels_in_five_of_24_layers(tmp_path: Path) -> None:
    file = tmp_path / "binning.xml"
    file.write_text(xml_of({"photon": PHOTON}))
    geometry = read_binning(file)
    assert (geometry.voxels, geometry.layers) == (368, 24)
    assert geometry.layer.unique().tolist() == list(PHOTON)
    assert geometry.stack[2].edges_mm[:4] == (0.0, 2.0, 5.0, 10.0)
    assert geometry.stack[2].sectors == 10


def test_one_of_several_particles_is_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "binning.xml"
    file.write_text(xml_of({"photon": PHOTON, "pion": {0: ("0,1,2", 3)}}))
    assert read_geometry(f"{file}#pion").voxels == 6
    assert read_geometry(f"{file}#photon").voxels == 368
    with pytest.raises(InputError, match="has photon, pion; name one"):
        read_geometry(str(file))
    with pytest.raises(InputError, match="0 particles electron; it has photon, pion"):
        read_geometry(f"{file}#electron")


def test_layers_that_are_left_out_are_empty(tmp_path: Path) -> None:
    file = tmp_path / "binning.xml"
    file.write_text(of_one_layer('id="2" r_edges="0,1" n_bin_alpha="4"'))
    assert read_binning(file).stack == (Layer(()), Layer(()), Layer((0.0, 1.0), 4))


def test_what_is_written_is_read_back_and_is_what_other_readers_expect(tmp_path: Path) -> None:
    geometry = Cylindrical((Layer((0.0, 4.65, 9.3), 16, 0.0), Layer(()), Layer((1 / 3, 41.85), 1, 3.4)))
    file = tmp_path / "binning.xml"
    write_binning(file, geometry, "electron", 11)
    assert read_binning(file, "electron") == geometry
    particle = ElementTree.parse(file).getroot()[0]
    assert particle.attrib == {"pid": "11", "name": "electron"}
    first, empty = particle[0].attrib, particle[1].attrib
    assert (first["id"], first["r_edges"], first["n_bin_alpha"]) == ("0", "0,4.65,9.3", "16")
    assert len(empty["r_edges"].split(",")) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no binning"),
        ("<Bins>", "no binning"),
        ("<Bins/>", "no particles"),
        ('<Bins><Bin name="e"/></Bins>', "no layer has voxels"),
        (of_one_layer('id="0" r_edges="0,x" n_bin_alpha="1"'), "could not convert"),
        (of_one_layer('id="0" r_edges="0,2,1" n_bin_alpha="1"'), "edges of rings"),
        (of_one_layer('id="0" r_edges="0,1"'), "n_bin_alpha"),
        (of_one_layer('id="999999999" r_edges="0,1" n_bin_alpha="1"'), "layer 999"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><Bins><Bin name="&b;"/></Bins>', "document type"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><Bins/>', "document type"),
        ("<Bins>" + " " * (1 << 23) + "</Bins>", "no binning"),
    ],
)  # fmt: skip
def test_what_is_no_binning_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "binning.xml"
    file.write_text(content)
    with pytest.raises(InputError, match=said) as caught:
        read_binning(file)
    assert "binning.xml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_far_too_many_sectors_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "binning.xml"
    file.write_text(of_one_layer('id="0" r_edges="0,1" n_bin_alpha="99999999"'))
    with pytest.raises(InputError, match="99999999 sectors"):
        read_geometry(str(file))
