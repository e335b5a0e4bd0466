"""Bad HDF5: showers and conditions."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from tests.fuzz.corpus.case import Make, made, wholes

NAN, INF = float("nan"), float("inf")


def edited(edit: Callable[[h5py.File], object]) -> Make:
    """The good file after some edit."""

    def make(content: bytes) -> bytes:
        held = io.BytesIO(content)
        with h5py.File(held, "r+") as file:
            edit(file)
        return held.getvalue()

    return make


def without(name: str) -> Make:
    """The good file without a dataset."""
    return edited(lambda file: file.__delitem__(name))


def put(name: str, data: Any) -> Make:
    """The good file with another dataset, or object, of this name."""

    def edit(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = data

    return edited(edit)


def with_value(name: str, value: float, row: int = 2) -> Make:
    """The good file with one value changed, in float64."""

    def edit(file: h5py.File) -> None:
        data = file[name][()].astype("f8")
        data.reshape(len(data), -1)[row, 0] = value
        del file[name]
        file[name] = data

    return edited(edit)


def grouped(name: str) -> Make:
    """The good file with a group in the place of a dataset."""

    def edit(file: h5py.File) -> None:
        del file[name]
        file.create_group(name)

    return edited(edit)


ROWS = 24
FOREIGN = wholes(
    (b"", "not a whole HDF5 file"),
    (b"x", "not a whole HDF5 file"),
    (b"\x89HDF\r\n\x1a\n" + bytes(64), "not a whole HDF5 file"),
)
BOTH = [
    ("cut", lambda good: good[: len(good) // 2], "not a whole HDF5 file"),
    ("no energies", without("incident_energies"), "no dataset incident_energies"),
    ("no species", without("incident_pdg"), "incident_pdg"),
    ("energies a group", grouped("incident_energies"), "no dataset incident_energies"),
    ("energies of text", put("incident_energies", [[b"1"]] * ROWS), "incident_energies"),
    ("energies in a row", put("incident_energies", np.ones(ROWS)), "incident_energies"),
    ("energies of two columns", put("incident_energies", np.ones((ROWS, 2))), "incident_energies"),
    ("no rows", put("incident_energies", np.ones((0, 1))), "incident_energies"),
    ("energies complex", put("incident_energies", np.ones((ROWS, 1), "c8")), "incident_energies"),
    ("fewer species", put("incident_pdg", np.full(ROWS - 1, 22)), "incident_pdg"),
    ("species of booleans", put("incident_pdg", np.ones(ROWS, bool)), "incident_pdg"),
    ("species of lists", put("incident_pdg", np.full((ROWS, 1), 22)), "incident_pdg"),
    ("places of three", put("incident_position", np.zeros((ROWS, 3))), "incident_position"),
    ("energy NaN", with_value("incident_energies", NAN), "incident_energies row 2"),
    ("energy infinite", with_value("incident_energies", INF), "incident_energies row 2"),
    ("energy zero", with_value("incident_energies", 0.0), "incident_energies row 2"),
    ("energy negative", with_value("incident_energies", -5.0), "incident_energies row 2"),
    ("energy beyond float32", with_value("incident_energies", 1e39), "incident_energies row 2"),
    ("energies null", put("incident_energies", h5py.Empty("f4")), "incident_energies"),
    ("species beyond 32 bits", with_value("incident_pdg", 2.0**40 + 22), "incident_pdg"),
    ("species of a fraction", with_value("incident_pdg", 22.7), "incident_pdg"),
    ("place beyond float32", with_value("incident_position", 1e39), "incident_position row 2"),
    ("place NaN", with_value("incident_position", NAN), "incident_position row 2"),
    ("angle NaN", with_value("incident_theta", NAN), "incident_theta row 2"),
    ("angle in degrees", with_value("incident_theta", 11.0), "incident_theta row 2"),
    ("azimuth in degrees", with_value("incident_phi", 90.0), "incident_phi row 2"),
]
SHOWERS = {
    **FOREIGN,
    **made(
        [
            *BOTH,
            ("no showers", without("showers"), "no dataset showers"),
            ("showers a group", grouped("showers"), "no dataset showers"),
            ("fewer showers", put("showers", np.ones((ROWS - 1, 900))), "showers"),
            ("flat showers", put("showers", np.ones(ROWS * 900)), "showers"),
            ("showers of another grid", put("showers", np.full((ROWS, 368), 1.0)), "368 voxels"),
            ("shower NaN", with_value("showers", NAN), "showers row 2"),
            ("shower negative", with_value("showers", -1.0), "showers row 2"),
            ("more than came in", with_value("showers", 1e7, 0), "showers row 0"),
            ("weight NaN", with_value("weights", NAN), "weights row 2"),
            ("fewer weights", put("weights", np.ones(3)), "weights"),
        ]
    ),
}
CONDITIONS = {
    **FOREIGN,
    **made([*BOTH, ("unknown species", put("incident_pdg", np.full(ROWS, 99999999)), "99999999")]),
}
