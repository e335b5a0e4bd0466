"""The binning files of the CaloChallenge (XML): layers of rings and sectors, one list of layers a particle.

    <Bins>
       <Bin pid="22" name="photon">
          <Layer id="0" r_edges="0,5,10,30" n_bin_alpha="1"/>
          <Layer id="1" r_edges="0" n_bin_alpha="1"/>

Edges are in mm; a layer of one edge has no voxels, nor has one whose number is left out. The files say
nothing of depths: `depth_mm`, which other readers pass over, is Monsoon's own.

References
----------
arXiv:2410.21611; https://calochallenge.github.io/homepage.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from xml.parsers import expat

from monsoon.models.errors import InputError
from monsoon.models.files import read_small, write_whole
from monsoon.models.geometry.cylindrical import Cylindrical
from monsoon.models.geometry.layer import Layer

LARGEST = 1 << 22  # bytes of a file
MOST_LAYERS = 10_000


@dataclass
class _Binning:
    """What one element of particles says."""

    name: str
    layers: dict[int, Layer] = field(default_factory=dict)


def read_binning(path: str | Path, particle: str | None = None) -> Cylindrical:
    """Read the voxels of one particle.

    Parameters
    ----------
    path
        The file.
    particle
        Its name in the file; it may be left out where the file has one particle alone.

    Raises
    ------
    InputError
        If the file cannot be used, or does not have the particle once.
    """
    found = _parsed(Path(path))
    names = [binning.name for binning in found]
    if particle is None and len(found) > 1:
        raise InputError(f"{path}: has {', '.join(names)}; name one: {path}#{names[0]}")
    of_name = found if particle is None else [binning for binning in found if binning.name == particle]
    if len(of_name) != 1:
        raise InputError(f"{path}: has {len(of_name)} particles {particle or ''}; it has {', '.join(names)}")
    layers = of_name[0].layers
    try:
        return Cylindrical(
            tuple(layers.get(number, Layer(())) for number in range(max(layers, default=-1) + 1))
        )
    except ValueError as error:
        raise InputError(f"{path}: {error}; correct r_edges and n_bin_alpha") from error


def write_binning(path: str | Path, geometry: Cylindrical, name: str, pdg: int) -> None:
    """Write the voxels of one particle, for programs of the CaloChallenge and for `read_binning`.

    Parameters
    ----------
    path
        The file; one that is there is replaced.
    geometry
        The layers.
    name, pdg
        Of the particle.
    """
    root = Element("Bins")
    particle = SubElement(root, "Bin", pid=str(pdg), name=name)
    for number, layer in enumerate(geometry.stack):
        edges = ",".join(
            f"{edge:.9g}" if float(f"{edge:.9g}") == edge else repr(edge) for edge in layer.edges_mm
        )
        said = {"id": str(number), "r_edges": edges or "0", "n_bin_alpha": str(layer.sectors)}
        if layer.depth_mm:
            said["depth_mm"] = repr(layer.depth_mm)
        SubElement(particle, "Layer", said)
    indent(root, "   ")
    write_whole(Path(path), tostring(root) + b"\n")


def _parsed(path: Path) -> list[_Binning]:
    """All particles of a file, in order. Entities and document types are refused, not followed."""
    found: list[_Binning] = []
    depth = 0

    def refuse(*_: object) -> None:
        raise ValueError("it has a document type, and so perhaps entities; remove it")

    def begin(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth == 2:
            found.append(_Binning(attributes.get("name", attributes.get("pid", tag))))
        elif depth == 3:
            number, layer = _layer(attributes, len(found[-1].layers))
            if number in found[-1].layers:
                raise ValueError(f"{found[-1].name} has two layers {number}")
            found[-1].layers[number] = layer

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler = begin, end
    try:
        parser.Parse(read_small(path, LARGEST), True)
    except (OSError, ValueError, expat.ExpatError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: no binning of the CaloChallenge ({reason})") from error
    if not found:
        raise InputError(f"{path}: no binning of the CaloChallenge (no particles in it)")
    return found


def _layer(attributes: dict[str, str], order: int) -> tuple[int, Layer]:
    """The number of a layer, and the layer. Raises ValueError where it is none."""
    number = int(attributes.get("id", order))
    if not 0 <= number < MOST_LAYERS:
        raise ValueError(f"layer {number} is not in 0 .. {MOST_LAYERS - 1}")
    if "r_edges" not in attributes or "n_bin_alpha" not in attributes:
        raise ValueError(f"layer {number} needs r_edges and n_bin_alpha")
    edges = tuple(float(edge) for edge in attributes["r_edges"].split(",") if edge.strip())
    if len(edges) < 2:
        edges = ()
    return number, Layer(edges, int(attributes["n_bin_alpha"]), float(attributes.get("depth_mm", 0)))
