"""HDF5 files from elsewhere: read whole where that is safe, or refused before they hang or fill memory."""

from __future__ import annotations

import fcntl
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from monsoon.models.data.shower_files import read_conditions, read_showers, shower_writer
from monsoon.models.errors import InputError

ROWS = 3


def columns(**changes: Any) -> dict[str, Any]:
    return {
        "incident_energies": np.full((ROWS, 1), 5000.0),
        "incident_pdg": np.full(ROWS, 22),
        "showers": np.ones((ROWS, 900), np.float32),
        **changes,
    }


def written(path: Path, **changes: Any) -> Path:
    """A file of three showers with other datasets in place of some; None: without."""
    with h5py.File(path, "w") as file:
        for name, column in columns(**changes).items():
            if column is not None:
                file[name] = column
    return path


def refusal(path: Path, read: Callable[[Path], Any] = read_conditions) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    line = str(caught.value)
    assert "\n" not in line
    assert str(path.parent) in line
    return line


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"incident_energies": np.array([[1.0], [1e39], [1.0]])},
            "incident_energies row 1 does not fit float32",
        ),
        ({"incident_position": np.full((ROWS, 2), -1e39)}, "incident_position row 0 does not fit float32"),
        ({"incident_theta": np.array([0, 0, np.nan])}, "incident_theta row 2 is not finite"),
        ({"incident_pdg": np.array([22, 22, 2**40 + 22])}, "incident_pdg row 2 does not fit int32"),
        ({"incident_pdg": np.array([22, 22.7, 22])}, "incident_pdg row 1 does not fit int32"),
        ({"incident_pdg": np.array([22, 2**63, 22], np.uint64)}, "incident_pdg row 1 does not fit int32"),
        ({"incident_energies": h5py.Empty("f4")}, "incident_energies is a null dataset"),
        ({"incident_pdg": h5py.Empty("i4")}, "incident_pdg is a null dataset"),
        ({"incident_pdg": None}, "no dataset incident_pdg; say which: species=electron"),
        ({"showers": np.full((ROWS, 900), 1e39)}, "showers row 0 does not fit float32"),
        ({"weights": np.array([1, 1, 1e39])}, "weights row 2 does not fit float32"),
    ],
)
def test_a_number_that_does_not_fit_is_named_with_dataset_and_row(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = written(tmp_path / "x.h5", **changes)
    assert said in refusal(path, read_showers)


def test_species_and_energies_of_other_types_are_read_where_they_fit(tmp_path: Path) -> None:
    path = written(
        tmp_path / "x.h5",
        incident_pdg=np.array([22.0, -11.0, 211.0]),
        incident_energies=np.full((ROWS, 1), 5000),
    )
    conditions = read_conditions(path)
    assert conditions.pdg.tolist() == [22, -11, 211]
    assert conditions.energy_mev.tolist() == [5000.0] * ROWS


def test_the_remedy_for_a_file_without_species_helps(tmp_path: Path) -> None:
    path = written(tmp_path / "x.h5", incident_pdg=None)
    assert "['incident_pdg'] = [22] * rows" in refusal(path)
    with h5py.File(path, "a") as file:
        file["incident_pdg"] = [22] * ROWS
    assert read_showers(path).conditions.pdg.tolist() == [22] * ROWS


def test_a_file_that_is_being_written_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    path = written(tmp_path / "x.h5")
    with path.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert "HDF5_USE_FILE_LOCKING=FALSE" in refusal(path)
        program = (
            "import sys\nfrom monsoon.models.data.shower_files import read_showers\n"
            "print(len(read_showers(sys.argv[1])))"
        )
        environment = {**os.environ, "HDF5_USE_FILE_LOCKING": "FALSE"}
        command = [sys.executable, "-c", program, str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(ROWS)


def test_a_filter_that_is_not_installed_is_one_line_with_the_remedy(tmp_path: Path) -> None:
    path = written(tmp_path / "x.h5", showers=None)
    with h5py.File(path, "a") as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((ROWS, 900))
        properties.set_filter(305, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple((ROWS, 900))
        dataset = h5py.h5d.create(file.id, b"showers", h5py.h5t.IEEE_F32LE, space, dcpl=properties)
        dataset.write_direct_chunk((0, 0), bytes(ROWS * 3600))
    assert "filter 305" in refusal(path, read_showers)
    assert "pip install hdf5plugin" in refusal(path, read_showers)


def virtual(path: Path, *sources: tuple[str, str], rows: int = ROWS) -> Path:
    """A file whose conditions lie in other files, one after the other."""
    with h5py.File(path, "w") as file:
        for name, row, kind in (("incident_energies", (1,), "f8"), ("incident_pdg", (), "i8")):
            layout = h5py.VirtualLayout((rows * len(sources), *row), kind)
            for number, (source, prefix) in enumerate(sources):
                part = slice(rows * number, rows * (number + 1))
                layout[part] = h5py.VirtualSource(source, prefix + name, (rows, *row))
            file.create_virtual_dataset(name, layout)
    return path


def test_virtual_conditions_are_taken_over_with_their_values(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    written(tmp_path / "in" / "job0.h5", incident_energies=np.full((ROWS, 1), 5000.0))
    written(tmp_path / "in" / "job1.h5", incident_energies=np.full((ROWS, 1), 7000.0))
    path = virtual(tmp_path / "in" / "all.h5", ("job0.h5", ""), ("job1.h5", ""))
    asked = read_conditions(path)
    assert asked.energy_mev.tolist() == [5000.0] * ROWS + [7000.0] * ROWS
    with shower_writer(tmp_path / "out" / "showers.h5", 900, {}, conditions=path):
        pass
    for source in (tmp_path / "in").iterdir():
        source.unlink()
    with h5py.File(tmp_path / "out" / "showers.h5") as file:
        assert not file["incident_energies"].is_virtual
        assert file["incident_energies"][:, 0].tolist() == asked.energy_mev.tolist()
        assert file["incident_pdg"][:].tolist() == [22] * 2 * ROWS


def secret(folder: Path) -> Path:
    """A file outside of the folder that conditions come from."""
    return written(folder.parent / "secret.h5")


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "job0.h5")


def shorter(folder: Path) -> None:
    written(folder / "job0.h5", incident_energies=np.full((1, 1), 5000.0), incident_pdg=np.full(1, 22))


def linked(folder: Path) -> None:
    with h5py.File(folder / "job0.h5", "w") as file:
        for name in ("incident_energies", "incident_pdg"):
            file[name] = h5py.ExternalLink(str(secret(folder)), name)


@pytest.mark.parametrize(
    ("name", "lay", "said"),
    [
        ("job0.h5", lambda folder: None, "no such file"),
        ("job0.h5", fifo, "no such file"),
        ("job0.h5", shorter, "has shape (1, 1) now"),
        ("job0.h5", linked, "is a link to elsewhere"),
        ("job0.h5", lambda folder: virtual(folder / "job0.h5", ("other.h5", "")), "no such file"),
        ("job%%b.h5", lambda folder: None, "same folder or below"),
        ("../secret.h5", secret, "same folder or below"),
        ("/dev/zero", lambda folder: None, "same folder or below"),
        ("all.h5", lambda folder: None, "all.h5"),
    ],
)
def test_a_virtual_dataset_over_what_is_not_plainly_there_is_refused(
    tmp_path: Path, name: str, lay: Callable[[Path], Any], said: str
) -> None:
    """The library gives zeros for what is missing, and follows names to anywhere."""
    folder = tmp_path / "in"
    folder.mkdir()
    lay(folder)
    path = folder / "all.h5"
    if name == "all.h5":  # of itself
        with h5py.File(path, "w") as file:
            layout = h5py.VirtualLayout((ROWS, 1), "f8")
            layout[:] = h5py.VirtualSource(".", "incident_energies", (ROWS, 1))
            file.create_virtual_dataset("incident_energies", layout)
    else:
        virtual(path, (name, ""))
    assert said in refusal(path)


def test_a_virtual_dataset_with_a_gap_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "job0.h5")
    with h5py.File(tmp_path / "all.h5", "w") as file:
        layout = h5py.VirtualLayout((2 * ROWS, 1), "f8")
        layout[:ROWS] = h5py.VirtualSource("job0.h5", "incident_energies", (ROWS, 1))
        file.create_virtual_dataset("incident_energies", layout)
    assert f"its sources hold {ROWS} of {2 * ROWS} values" in refusal(tmp_path / "all.h5")


@pytest.mark.parametrize("name", ["incident_energies", "incident_theta"])
def test_links_and_values_outside_the_file_are_refused_unopened(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")  # whoever opens it hangs
    (tmp_path / "other").write_bytes(np.full(ROWS, 5000.0).tobytes())
    for link in (h5py.ExternalLink("pipe", name), h5py.SoftLink("/incident_pdg"), h5py.SoftLink("/absent")):
        path = written(tmp_path / "linked.h5", **{name: link})
        assert f"{name} is a link to elsewhere" in refusal(path)
    for outside in ("other", "pipe"):
        path = written(tmp_path / "external.h5", **{name: None})
        with h5py.File(path, "a") as file:
            storage = [(str(tmp_path / outside), 0, ROWS * 8)]
            file.create_dataset(name, columns()["incident_energies"].shape, "f8", external=storage)
        assert f"{name} keeps its values outside the file" in refusal(path)


def bombs(folder: Path) -> list[Path]:
    """Files of some kilobytes that claim gigabytes."""

    def file(name: str, **options: Any) -> Path:
        with h5py.File(folder / name, "w") as out:
            dataset = out.create_dataset("incident_energies", dtype="f8", **options)
            if options["shape"][0] < 10**9 and "compression" in options:
                dataset.id.write_direct_chunk((0, 0), b"\x78\x9c\x03\x00\x00\x00\x00\x01")
            out["incident_pdg"] = np.full(ROWS, 22)
        return folder / name

    return [
        file("sparse.h5", shape=(10**12, 1), chunks=(1000, 1)),
        file("contiguous.h5", shape=(10**12, 1)),
        file("one.h5", shape=(4 * 10**8, 1), chunks=(4 * 10**8, 1), compression="gzip"),
        file("chunk.h5", shape=(ROWS, 1), maxshape=(None, 1), chunks=(4 * 10**8, 1), compression="gzip"),
    ]


def test_small_files_that_claim_gigabytes_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    for path in bombs(tmp_path):
        assert path.stat().st_size < 50_000
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        assert "incident_energies" in refusal(path)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_a_dataset_with_rows_that_were_never_written_is_refused(tmp_path: Path) -> None:
    """The library gives zeros for them."""
    path = written(tmp_path / "x.h5", showers=None)
    with h5py.File(path, "a") as file:
        showers = file.create_dataset("showers", (ROWS, 900), "f4", chunks=(1, 900))
        showers[:2] = 1
    assert "showers claims (3, 900) and stores 7200 bytes, not all of it" in refusal(path, read_showers)


def test_constant_columns_that_compress_well_are_read(tmp_path: Path) -> None:
    rows = 100_000
    with h5py.File(tmp_path / "x.h5", "w") as file:
        for name, shape, value in (("incident_energies", (rows, 1), 5e3), ("incident_pdg", (rows,), 22)):
            options: dict[str, Any] = {"compression": "gzip", "compression_opts": 9, "shuffle": True}
            file.create_dataset(name, data=np.full(shape, value), chunks=shape, **options)
    assert len(read_conditions(tmp_path / "x.h5")) == rows


@pytest.mark.parametrize("name", ["n" * 5000 + ".h5", "a\0b.h5"])
def test_a_name_that_no_file_can_have_is_one_line(tmp_path: Path, name: str) -> None:
    refusal(tmp_path / name)


def test_a_damaged_attribute_of_conditions_that_are_taken_over_is_one_line(tmp_path: Path) -> None:
    path = written(tmp_path / "x.h5")
    with h5py.File(path, "a") as file:
        file["incident_pdg"].attrs["remark"] = "made up"
    content = path.read_bytes()
    version = content.index(b"remark\0") - 8
    assert content[version] == 1
    path.write_bytes(content[:version] + b"\x63" + content[version + 1 :])
    with (
        pytest.raises(InputError, match="incident_pdg cannot be copied"),
        shower_writer(tmp_path / "out.h5", 900, {}, path),
    ):
        pass
