"""Readers of collisions: HepMC, Les Houches events, particle tables, files of incidents."""

from __future__ import annotations

import gzip
import re
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.config import validate
from monsoon.engine.incidents.parquet import read_header, read_incidents, read_origins
from monsoon.engine.records import Incidents
from monsoon.jobs.incidents import SOURCES
from tests.engine.incidents.les_houches import z_events
from tests.fuzz.mutation.arrow import mutated_parquet
from tests.fuzz.mutation.octets import mutated_bytes, mutated_text
from tests.fuzz.reader import Reader, check, check_finite, check_offsets

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEFT_OUT = re.compile(r"(\d+) events? (?:is|are) left out")

# An event with weights, attributes, a vertex that is not written, one without a place, and a decay
ASCIIV3 = """\
E {n} 2 6
U GEV MM
W 1.5 0.5
A 0 event_scale 91.2
A 0 GenCrossSection 7.9e+10 1e+08 -1 -1
P 1 0 2212 0 0 6800 6800 0.938 4
P 2 0 2212 0 0 -6800 6800 0.938 4
V -1 0 [1,2] @ 0.1 -0.2 30.5 1.0e+01
P 3 -1 111 0.5 0.2 20 20.0076 0.135 2
P 4 3 22 0.4 0.2 12 12.0083 0 1
P 5 3 22 0.1 0 8 8.0006 0 1
P 6 -1 -211 -1.5 0.1 18 18.063 0.13957 1
"""
IO_GENEVENT = """\
E {n} -1 91.2 0.118 0.0078 20 -1 2 1 2 0 2 1.5 0.5
N 2 "Weight" "MUR2 x"
U GEV MM
C 7.9e+10 1e+08
F 2 -2 0.1 0.2 91.2 0.5 0.5 0 0
V -1 0 0.1 -0.2 30.5 10 2 2 0
P 1 2212 0 0 6800 6800 0.938 4 0 0 -1 0
P 2 2212 0 0 -6800 6800 0.938 4 0 0 -1 0
P 3 111 0.5 0.2 20 20.0076 0.135 2 0 0 -2 0
P 6 -211 -1.5 0.1 18 18.063 0.13957 1 0 0 0 1 1 5
V -2 0 0 0 31 10 0 2 1 0.5
P 4 22 0.4 0.2 12 12.0083 0 1 0 0 0 0
P 5 22 0.1 0 8 8.0006 0 1 0 0 0 0
"""


def asciiv3(events: int = 4) -> bytes:
    """A HepMC 3 listing."""
    head = "HepMC::Version 3.02.05\nHepMC::Asciiv3-START_EVENT_LISTING\nW Weight\\|MUR2\nT Pythia\\|8.3\\|-\n"
    text = head + "".join(ASCIIV3.format(n=n) for n in range(events))
    return (text + "HepMC::Asciiv3-END_EVENT_LISTING\n\n").encode()


def io_genevent(events: int = 4) -> bytes:
    """A HepMC 2 listing."""
    head = "\nHepMC::Version 2.06.09\nHepMC::IO_GenEvent-START_EVENT_LISTING\n"
    text = head + "".join(IO_GENEVENT.format(n=n) for n in range(events))
    return (text + "HepMC::IO_GenEvent-END_EVENT_LISTING\n").encode()


def les_houches(events: int = 3) -> bytes:
    """Les Houches events with a header and an event's comment."""
    text = z_events(events).replace(
        "</event>", "# comment\n<rwgt>\n<wgt id='1'> 1.0 </wgt>\n</rwgt>\n</event>", 1
    )
    return text.replace("<init>", "<header>\n<!-- made up -->\n</header>\n<init>", 1).encode()


def particle_table(**changes: object) -> pa.Table:
    """A table of five particles in three events; a column is left out where its change is None."""
    columns: dict[str, object] = {
        "event": [0, 0, 1, 1, 3],
        "pdg": [22, 11, 211, -13, 2112],
        **{name: [100.0, 200.0, -300.0, 0.0, 50.0] for name in ("px_mev", "py_mev")},
        "pz_mev": [9000.0, 8000.0, 7000.0, 60000.0, 5000.0],
        **{name: [0.0, 1.0, -1.0, 0.0, 0.5] for name in ("x_mm", "y_mm", "z_mm")},
        "time_ns": [0.0, 0.1, 0.2, 0.3, 0.4],
        "weight": [1.0, 1.0, 2.0, 2.0, 0.5],
        **changes,
    }
    return pa.table({name: column for name, column in columns.items() if column is not None})


def run(source: str, output: Path, **words: object) -> Incidents:
    """What `monsoon incidents SOURCE` makes, read back and held against its header."""
    output.unlink(missing_ok=True)
    config, make = SOURCES[source]
    header = make(validate(config, {"output": str(output), **words}, f"incidents {source}"))
    made = read_incidents(output)
    check(header == read_header(output), "the header is not what was said")
    check_incidents(made)
    lost = dict(zip(header.lost, made.lost.sum(0).tolist(), strict=True))
    check(lost == header.lost, f"{lost} particles are lost, the header says {header.lost}")
    return made


def check_incidents(incidents: Incidents) -> None:
    """Raise Broken unless they are such as the rest of Monsoon relies on."""
    check_offsets("incidents", incidents.offsets, len(incidents), len(incidents.pdg))
    for name in ("weight", "energy_mev", "position_mm", "direction", "time_ns"):
        check_finite(name, getattr(incidents, name))
    for name in incidents.per_particle:
        check(len(getattr(incidents, name)) == len(incidents.pdg), f"{name} has another length")
    check((np.diff(incidents.event) > 0).all(), "events are out of order")


def read_hepmc(path: Path, folder: Path, scratch: Path) -> None:
    """Every event of the listing is read, or counted, or behind the cut."""
    made = run("hepmc", scratch / "out.parquet", input=str(path), mothers=True)
    if path.suffix == ".hepmc":
        losses = read_header(scratch / "out.parquet").losses
        left_out = sum(int(found[1]) for loss in losses if (found := LEFT_OUT.search(loss)))
        cut = any("events before are kept" in loss for loss in losses)
        promised = path.read_bytes().count(b"\nE ")
        have = len(made) + left_out
        check(have == promised or (cut and have == promised - 1), f"{have} events of {promised}, {losses}")


def read_lhe(path: Path, folder: Path, scratch: Path) -> None:
    """Events that Pythia refuses are counted."""
    made = run("lhe", scratch / "out.parquet", input=str(path))
    check(
        len(made) <= path.read_bytes().count(b"</event>") or path.suffix == ".gz",
        "more events than the file has",
    )


def read_particle_table(path: Path, folder: Path, scratch: Path) -> None:
    """Every row is a particle on the face, or lost for a reason."""
    made = run("table", scratch / "out.parquet", input=str(path), threshold_mev=0)
    rows = pq.ParquetFile(path).metadata.num_rows
    have = len(made.pdg) + int(made.lost.sum())
    check(have == rows, f"{have} particles of {rows} rows")


def read_file_of_incidents(path: Path, folder: Path, scratch: Path) -> None:
    """Whole and in parts; the header's sums are those of the rows."""
    header, origins = read_header(path), read_origins(path)
    part = read_incidents(path, header.first_event + 1, header.last_event - 1, strict=False)
    check_offsets("a part", part.offsets, len(part), len(part.pdg))
    whole = read_incidents(path)
    check_incidents(whole)
    check((len(whole), len(whole.pdg)) == (header.events, header.particles), "the header counts others")
    check(all(getattr(whole, name) is not None for name in origins), "a column of origins is missing")


def _listing(packed: Callable[[bytes], bytes], *contents: Callable[[], bytes]) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        for number, content in enumerate(contents):
            suffix = {gzip.compress: ".hepmc.gz", zstd.compress: ".hepmc.zst"}.get(packed, ".hepmc")
            (folder / f"good-{number}{suffix}").write_bytes(packed(content()))

    return prepare


def _repacked(
    pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes]
) -> Callable[[bytes, Random], bytes]:
    """Changes what is packed, or the packing."""

    def mutate(content: bytes, random: Random) -> bytes:
        if random.random() < 0.4:
            return mutated_bytes(content, random)
        return pack(mutated_text(unpack(content), random))

    return mutate


def _prepare_lhe(folder: Path) -> None:
    (folder / "good-0.lhe").write_bytes(les_houches())


def _prepare_lhe_gz(folder: Path) -> None:
    (folder / "good-0.lhe.gz").write_bytes(gzip.compress(les_houches()))


def _prepare_table(folder: Path) -> None:
    pq.write_table(particle_table(), folder / "good-0.parquet")
    pq.write_table(particle_table(time_ns=None, weight=None), folder / "good-1.parquet", row_group_size=2)


def _prepare_incidents(folder: Path) -> None:
    aim = {"pdg": (22, 211), "energy_mev": (2e3, 5e4), "theta_rad": (0.02, 0.2), "particles": 3}
    run("gun", folder / "good-0.parquet", events=20, **aim)
    listing = folder / "listing"
    listing.write_bytes(asciiv3(30))
    run("hepmc", folder / "good-1.parquet", input=str(listing), mothers=True)
    run("overlay", folder / "good-2.parquet", input=str(folder / "good-0.parquet"), mu=2.0, events=15,
        signal=str(folder / "good-1.parquet"))  # fmt: skip


def _plain(content: bytes) -> bytes:
    return content


COLLISIONS = {
    "hepmc3": Reader(".hepmc", _listing(_plain, asciiv3), mutated_text, read_hepmc),
    "hepmc2": Reader(".hepmc", _listing(_plain, io_genevent), mutated_text, read_hepmc),
    "hepmc-mixed": Reader(
        ".hepmc", _listing(_plain, lambda: asciiv3(2) + io_genevent(2) + asciiv3(1)), mutated_text, read_hepmc
    ),
    "hepmc-gz": Reader(
        ".hepmc.gz",
        _listing(gzip.compress, asciiv3, io_genevent),
        _repacked(gzip.compress, gzip.decompress),
        read_hepmc,
    ),
    "hepmc-zst": Reader(
        ".hepmc.zst",
        _listing(zstd.compress, asciiv3, io_genevent),
        _repacked(zstd.compress, zstd.decompress),
        read_hepmc,
    ),
    "lhe": Reader(".lhe", _prepare_lhe, mutated_text, read_lhe),
    "lhe-gz": Reader(".lhe.gz", _prepare_lhe_gz, _repacked(gzip.compress, gzip.decompress), read_lhe),
    "table": Reader(".parquet", _prepare_table, mutated_parquet, read_particle_table),
    "incidents": Reader(".parquet", _prepare_incidents, mutated_parquet, read_file_of_incidents),
}
