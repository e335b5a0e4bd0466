"""Listings as other programs write them and as transfers leave them: what is read, left out, refused."""

from __future__ import annotations

import gzip
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.incidents.hepmc import file as hepmc_file
from monsoon.engine.incidents.hepmc import stream
from monsoon.engine.incidents.hepmc.file import HepmcFile
from monsoon.engine.records import Particles, concatenate

HEAD3 = "HepMC::Version 3.02.07\nHepMC::Asciiv3-START_EVENT_LISTING\n"
END3 = "HepMC::Asciiv3-END_EVENT_LISTING\n"
HEAD2 = "\nHepMC::Version 2.06.11\nHepMC::IO_GenEvent-START_EVENT_LISTING\n"
END2 = "HepMC::IO_GenEvent-END_EVENT_LISTING\n"


def event3(number: int) -> str:
    """A proton to a pion and a K0S, and that to two photons at (1, 2, 30, 31) mm."""
    return (
        f"E {number} 2 5\nU MEV MM\nW 2.5\nA 0 mpi 3\n"
        "P 1 0 2212 0 0 6500000 6500000 938 4\n"
        "P 2 1 211 300 0 9000 9006 139.57 1\n"
        "P 3 1 310 100 200 8000 8019 497.6 2\n"
        "V -2 0 [3] @ 1 2 30 31\n"
        "P 4 -2 22 50 100 4000 4001.5 0 1\n"
        "P 5 -2 22 50 100 4000 4001.5 0 1\n"
    )


def event2(number: int) -> str:
    """The same in HepMC 2."""
    return (
        f'E {number} -1 -1 -1 -1 0 0 2 10001 0 2 11 12 1 2.5\nN 1 "Weight"\nU MEV MM\n'
        "C 1.5 0.1\nF 1 2 0.1 0.2 10 0.1 0.2 0 0\n"
        "V -1 0 0 0 0 0 1 2 0\n"
        "P 10001 2212 0 0 6500000 6500000 938 4 0 0 -1 0\n"
        "P 10002 211 300 0 9000 9006 139.57 1 0 0 0 1 1 501\n"
        "P 10003 310 100 200 8000 8019 497.6 2 0 0 -2 0\n"
        "V -2 0 1 2 30 31 0 2 1 0.5\n"
        "P 10004 22 50 100 4000 4001.5 0 1 0 0 0 0\n"
        "P 10005 22 50 100 4000 4001.5 0 1 0 0 0 0\n"
    )


WHOLE = {3: lambda n: HEAD3 + "".join(map(event3, range(n))) + END3,
         2: lambda n: HEAD2 + "".join(map(event2, range(n))) + END2}  # fmt: skip
EVENT: dict[int, Callable[[int], str]] = {3: event3, 2: event2}


def read(path: Path) -> tuple[Particles, HepmcFile]:
    file = HepmcFile(path, 2)
    return concatenate(list(file)), file


def text(tmp_path: Path, content: str) -> Path:
    (tmp_path / "in.hepmc").write_bytes(content.encode())
    return tmp_path / "in.hepmc"


@pytest.mark.parametrize("version", [3, 2])
def test_what_is_read_is_what_stands_there(tmp_path: Path, version: int) -> None:
    particles, file = read(text(tmp_path, WHOLE[version](3)))
    assert file.losses == []
    assert particles.source_event.tolist() == [0, 1, 2]
    assert particles.weight.tolist() == [2.5] * 3
    assert particles.pdg.tolist() == [211, 22, 22] * 3
    assert particles.vertex_mm[:3].tolist() == [[0, 0, 0], [1, 2, 30], [1, 2, 30]]
    np.testing.assert_allclose(particles.time_ns[:3], [0, 31 / 299.792458, 31 / 299.792458])
    assert particles.mass_mev[:3].tolist() == [139.57, 0, 0]


@pytest.mark.parametrize("version", [3, 2])
def test_the_mother_of_a_particle_is_known(tmp_path: Path, version: int) -> None:
    file = HepmcFile(text(tmp_path, WHOLE[version](1)))
    (event,) = file.readable()
    assert event.mother_pdg.tolist() == [2212, 310, 310]
    file.close()


@pytest.mark.parametrize("version", [3, 2])
def test_a_closing_line_without_a_newline_costs_no_event(tmp_path: Path, version: int) -> None:
    particles, file = read(text(tmp_path, WHOLE[version](3).rstrip("\n")))
    assert len(particles.event) == 3
    assert file.losses == []


@pytest.mark.parametrize("order", [(3, 2), (2, 3), (3, 3), (2, 2, 3)])
def test_listings_of_both_versions_may_follow_each_other(tmp_path: Path, order: tuple[int, ...]) -> None:
    particles, file = read(text(tmp_path, "".join(WHOLE[version](2) for version in order)))
    assert particles.source_event.tolist() == [0, 1] * len(order)
    assert particles.event.tolist() == list(range(2 * len(order)))
    assert file.losses == []


def test_a_listing_that_was_cut_before_another_is_told(tmp_path: Path) -> None:
    first = WHOLE[3](2).removesuffix(END3)
    particles, file = read(text(tmp_path, first + WHOLE[2](2)))
    assert len(particles.event) == 4
    assert file.losses == ["1 of its listings end without their closing lines"]
    particles, file = read(text(tmp_path, first[:-5] + WHOLE[2](2)))
    assert particles.source_event.tolist() == [0, 0, 1]
    assert len(file.losses) == 2


def test_lines_with_carriage_returns_are_read(tmp_path: Path) -> None:
    for version in (2, 3):
        particles, file = read(text(tmp_path, WHOLE[version](2).replace("\n", "\r\n")))
        assert len(particles.pdg) == 6
        assert file.losses == []


@pytest.mark.parametrize("packed", [False, True])
def test_a_named_pipe_is_read(tmp_path: Path, packed: bool) -> None:
    content = WHOLE[3](50).encode()
    content = gzip.compress(content) if packed else content
    os.mkfifo(tmp_path / "pipe")

    def feed() -> None:
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            for i in (1, 3, 60, 5000, len(content)):  # it comes in pieces, the first of one byte
                pipe.write(content[:i])
                break
            pipe.write(content[1:])

    writer = threading.Thread(target=feed)
    writer.start()
    particles, file = read(tmp_path / "pipe")
    writer.join()
    assert len(particles.event) == 50
    assert file.losses == []
    assert file.size_bytes == 0


BAD3 = {
    "promises a vertex": ("E 1 2 5", "E 1 3 5"),
    "promises a particle": ("E 1 2 5", "E 1 2 6"),
    "has a particle twice": ("P 5 -2", "P 4 -2"),
    "has a particle beyond": ("P 5 -2", "P 6 -2"),
    "names a particle that is not there": ("[3]", "[9]"),
    "names a mother that is not there": ("P 5 -2", "P 5 9"),
    "names a vertex that is not there": ("P 5 -2", "P 5 -1"),
    "has a vertex beyond": ("V -2", "V -7"),
    "has a vertex of no number": ("V -2", "V two"),
    "has a field too many": ("P 4 -2 22 50", "P 4 -2 22 7 50"),
    "has a field too few": ("P 4 -2 22 50", "P 4 -2 22"),
    "has text for a momentum": ("P 4 -2 22 50", "P 4 -2 22 x5"),
    "has an open bracket": ("[3]", "[3"),
    "has no units": ("U MEV MM\n", ""),
    "has an infinite weight": ("W 2.5", "W -inf"),
    "has a weight too much": ("W 2.5", "W nan"),
    "has a momentum beyond": ("P 4 -2 22 50", "P 4 -2 22 1e999"),
    "has a code beyond": ("P 4 -2 22", "P 4 -2 99999999999"),
    "has a number beyond": ("E 1 2 5", "E 99999999999999999999 2 5"),
    "has a line of another kind": ("A 0 mpi 3", "garbage"),
}
BAD2 = {
    "promises a vertex": ("0 2 10001 0 2", "0 3 10001 0 2"),
    "promises a particle": ("V -2 0 1 2 30 31 0 2", "V -2 0 1 2 30 31 0 3"),
    "promises an orphan": ("V -1 0 0 0 0 0 1 2", "V -1 0 0 0 0 0 2 2"),
    "promises a weight": ("12 1 2.5", "12 2 2.5"),
    "has fewer weights than names": ('N 1 "Weight"', 'N 2 "Weight" "Other"'),
    "has fewer names than promised": ('N 1 "Weight"', 'N 2 "Weight"'),
    "has a particle twice": ("P 10005", "P 10004"),
    "has a vertex twice": ("V -2", "V -1"),
    "names a vertex that is not there": ("497.6 2 0 0 -2 0", "497.6 2 0 0 -7 0"),
    "has a colour too few": ("0 0 0 1 1 501", "0 0 0 1 1"),
    "has a particle before the vertices": ("V -1 0 0 0 0 0 1 2 0\n", ""),
    "has a NaN for a weight": ("12 1 2.5", "12 1 nan"),
    "has text for a momentum": ("P 10004 22 50", "P 10004 22 x5"),
    "has a line of another kind": ("C 1.5 0.1", "garbage"),
}


@pytest.mark.parametrize(("version", "kind"), [*((3, kind) for kind in BAD3), *((2, kind) for kind in BAD2)])
def test_an_unreadable_event_is_left_out_and_counted_and_the_others_are_kept(
    tmp_path: Path, version: int, kind: str
) -> None:
    good, bad = (BAD3 if version == 3 else BAD2)[kind]
    spoilt = EVENT[version](1).replace(good, bad, 1)
    assert spoilt != EVENT[version](1)
    head, _, end = WHOLE[version](1).partition(EVENT[version](0))
    content = head + EVENT[version](0) + spoilt + EVENT[version](2) + end
    particles, file = read(text(tmp_path, content))
    assert particles.source_event.tolist() == [0, 2]
    assert np.diff(particles.offsets).tolist() == [3, 3]
    (loss,) = file.losses
    assert loss.startswith("1 event is left out: ")
    assert re.search(r"event number [01]\b|event 1 of the file", loss)
    assert "\n" not in loss


def test_events_left_out_for_one_reason_are_one_line(tmp_path: Path) -> None:
    content = WHOLE[3](5).replace("P 5 -2", "P 4 -2", 3)
    _, file = read(text(tmp_path, content))
    assert file.losses == [
        "3 events are left out: a number is given twice (first event number 0, of a particle)"
    ]


def test_particles_may_come_in_any_order_of_their_numbers(tmp_path: Path) -> None:
    lines = event3(0).splitlines(keepends=True)
    mixed = "".join([*lines[:4], lines[9], lines[6], lines[7], lines[4], lines[8], lines[5]])
    particles, file = read(text(tmp_path, HEAD3 + event3(0) + mixed + END3))
    assert file.losses == []
    half = particles.offsets[1]
    assert particles.momentum_mev[:half].tolist() == particles.momentum_mev[half:].tolist()


def test_an_events_own_position_is_that_of_what_has_none(tmp_path: Path) -> None:
    moved = event3(0).replace("E 0 2 5", "E 0 2 5 @ 4 5 6 7").replace("U MEV MM", "U MEV CM")
    particles, _ = read(text(tmp_path, HEAD3 + moved + END3))
    assert particles.vertex_mm.tolist() == [[40, 50, 60], [10, 20, 300], [10, 20, 300]]
    np.testing.assert_allclose(particles.time_ns[0], 70 / 299.792458)


def test_a_history_that_is_a_circle_ends(tmp_path: Path) -> None:
    rows = ("P 1 2 21 0 0 9000 9000 0 2", "P 2 1 21 0 0 9000 9000 0 2", "P 3 2 22 0 0 9000 9000 0 1")
    circle = "\n".join(["E 0 2 3", "U MEV MM", *rows, ""])
    particles, file = read(text(tmp_path, HEAD3 + circle + END3))
    assert file.losses == []
    assert particles.vertex_mm.tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    "vertex",
    ["V -1 0 10 20 3000 3000 0 1 0", "V -1 0 10 20 3000 3000 0 1 1 1.0"],
    ids=["plain", "with a weight"],
)
@pytest.mark.parametrize("signal", [0, -1])
def test_a_vertex_of_hepmc2_that_nothing_enters_keeps_its_particles(
    tmp_path: Path, vertex: str, signal: int
) -> None:
    """As guns write it, and Sherpa 1.4: pyhepmc 2.16.1 drops the particle, or ends its process."""
    event = f"E 5 -1 -1 -1 -1 0 {signal} 1 0 0 0 0\nU MEV MM\n{vertex}\nP 1 22 1 2 20 20.1 0 1 0 0 0 0\n"
    particles, file = read(text(tmp_path, HEAD2 + event + END2))
    assert file.losses == []
    assert particles.pdg.tolist() == [22]
    assert particles.vertex_mm.tolist() == [[10, 20, 3000]]


@pytest.mark.parametrize("version", [3, 2])
@pytest.mark.parametrize("units", ["mev mm", "TEV MM", "MEV FM", "MEV", "MM MEV"])
def test_other_units_are_refused(tmp_path: Path, version: int, units: str) -> None:
    path = text(tmp_path, WHOLE[version](2).replace("U MEV MM", f"U {units}"))
    with pytest.raises(InputError, match=r"units .* are unknown; write momenta in GEV or MEV") as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}: event number 0: ")


def test_lines_that_belong_to_no_event_are_told(tmp_path: Path) -> None:
    content = WHOLE[3](1) + "once upon a time\n" + WHOLE[3](1)
    particles, file = read(text(tmp_path, content))
    assert len(particles.event) == 2
    assert file.losses == ["outside its events 1 line is passed over ('once upon a time' ...)"]


def test_another_format_is_refused(tmp_path: Path) -> None:
    content = WHOLE[3](1) + "HepMC::IO_Ascii-START_EVENT_LISTING\nE 1\n"
    with pytest.raises(InputError, match="HepMC::IO_Ascii"):
        read(text(tmp_path, content))


def test_an_event_of_absurd_size_is_left_out_without_being_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LARGEST_EVENT_BYTES", 2000)
    monkeypatch.setattr(stream, "CHUNK_BYTES", 500)
    long = event3(1).replace("A 0 mpi 3", "A 0 mpi " + "3" * 100_000)
    path = text(tmp_path, HEAD3 + event3(0) + long + event3(2) + END3)
    held = []
    original = HepmcFile._event
    monkeypatch.setattr(
        HepmcFile, "_event", lambda self, piece: held.append(len(piece)) or original(self, piece)
    )
    particles, file = read(path)
    assert particles.source_event.tolist() == [0, 2]
    assert file.losses == ["1 event is left out: it is larger than any event is (event 1 of the file)"]
    assert max(held) < 2000


def test_an_event_of_too_many_lines_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hepmc_file, "LARGEST_EVENT_LINES", 20)
    particles, file = read(text(tmp_path, HEAD3 + event3(0) + event3(1) + "A 0 x y\n" * 30 + END3))
    assert particles.source_event.tolist() == [0]
    assert "larger than any event" in file.losses[0]


def test_an_endless_line_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="no HepMC file"):
        HepmcFile("/dev/zero")


def test_blocks_are_bounded_by_their_particles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hepmc_file, "BLOCK_PARTICLES", 7)
    blocks = list(HepmcFile(text(tmp_path, WHOLE[3](5)), 1000))
    assert [len(block.event) for block in blocks] == [2, 2, 1]
