"""Bad Parquet: particle tables, files of incidents, event shards."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.fuzz.corpus.case import Make, made, wholes
from tests.fuzz.readers.collisions import particle_table

Change = Callable[[pa.Table], pa.Table]
NAN, INF = float("nan"), float("inf")
KEY = b"monsoon"


def written(table: pa.Table, **options: Any) -> bytes:
    """A table as a Parquet file."""
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def table(**changes: object) -> Make:
    """The particle table with other columns."""
    return lambda _: written(particle_table(**changes))


def with_column(name: str, values: object) -> Make:
    """The particle table with one column more."""
    return lambda _: written(particle_table().append_column(name, pa.array(values)))


def changed(change: Change) -> Make:
    """A file of incidents with changed columns, and its description."""

    def make(content: bytes) -> bytes:
        file = io.BytesIO(content)
        stored = pq.read_metadata(file).metadata[KEY]
        return written(change(pq.read_table(file)).replace_schema_metadata({KEY: stored}))

    return make


def described(**changes: object) -> Make:
    """A file of incidents with a changed description; a key goes where its change is None."""

    def make(content: bytes) -> bytes:
        file = io.BytesIO(content)
        stored = {**json.loads(pq.read_metadata(file).metadata[KEY]), **changes}
        text = json.dumps({key: value for key, value in stored.items() if value is not None})
        return written(pq.read_table(file).replace_schema_metadata({KEY: text.encode()}))

    return make


def described_by(text: bytes) -> Make:
    """A file of incidents whose description is this text."""
    return lambda content: written(pq.read_table(io.BytesIO(content)).replace_schema_metadata({KEY: text}))


def column(name: str, change: Callable[[pa.ChunkedArray], object]) -> Make:
    """A file of incidents with one column changed."""

    def one(found: pa.Table) -> pa.Table:
        index = found.column_names.index(name)
        values = change(found.column(name))
        kind = found.schema.field(name).type
        kind = pa.list_(kind.value_type) if pa.types.is_list(kind) else kind  # its values may be null
        new = values if isinstance(values, pa.Array) else pa.array(values, kind)
        return found.set_column(index, name, new)

    return changed(one)


def flipped_page(content: bytes) -> bytes:
    """The file with a bit flipped at the end of a column's data."""
    chunk = pq.read_metadata(io.BytesIO(content)).row_group(0).column(0)
    at = chunk.data_page_offset + chunk.total_compressed_size - 1
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def first_particle(value: object) -> Callable[[pa.ChunkedArray], object]:
    """Another value for the first particle there is."""

    def change(values: pa.ChunkedArray) -> object:
        rows = values.to_pylist()
        next(row for row in rows if row)[0] = value
        return rows

    return change


def first_event(value: object) -> Callable[[pa.ChunkedArray], object]:
    """Another value for the first event."""
    return lambda values: [value, *values.to_pylist()[1:]]


FOREIGN = wholes(
    (b"", "not a Parquet file"),
    (b"PAR1", "not a Parquet file"),
    (b"PAR1" + bytes(100) + b"PAR1", "not a Parquet file"),
    (b"event,pdg\n0,22\n", "not a Parquet file"),
)
CUT = (
    ("cut", lambda good: good[:-200], "not a Parquet file"),
    ("cut in its first bytes", lambda good: good[4:], "bad.parquet"),
)
TABLE = {
    **{name: case._replace(named="Parquet file") for name, case in FOREIGN.items()},
    **made(
        [
            *CUT,
            ("no rows", lambda _: written(particle_table().slice(0, 0)), "no rows"),
            *(
                (f"no {name}", table(**{name: None}), f"{name} is missing")
                for name in ("event", "pdg", "pz_mev", "x_mm")
            ),
            ("pdg twice", with_column("pdg", [11] * 5), "column pdg appears 2 times"),
            ("weight twice", with_column("weight", [1.0] * 5), "column weight appears 2 times"),
            ("event of text", table(event=list("abcde")), "column event: string is not an integer"),
            ("event of fractions", table(event=[0.0, 0.0, 1.0, 1.5, 2.0]), "is not an integer"),
            ("pdg of booleans", table(pdg=[True] * 5), "column pdg: bool is not an integer"),
            ("pdg of lists", table(pdg=[[22]] * 5), "is not an integer"),
            ("px_mev of text", table(px_mev=["1"] * 5), "column px_mev: string is not a number"),
            ("px_mev of times", table(px_mev=pa.array([1] * 5, pa.timestamp("s"))), "is not a number"),
            ("px_mev of nothing", table(px_mev=pa.nulls(5)), "column px_mev: null is not a number"),
            ("pdg null", table(pdg=[22, None, 22, 22, 22]), "row 1: pdg is empty"),
            ("event null", table(event=[0, 0, 1, 1, None]), "row 4: event is empty"),
            ("px_mev NaN", table(px_mev=[1.0, 1.0, NAN, 1.0, 1.0]), "row 2: px_mev must be a finite number"),
            ("z_mm infinite", table(z_mm=[0.0, 0.0, 0.0, 0.0, -INF]), "row 4: z_mm must be a finite number"),
            ("weight NaN", table(weight=[1.0, NAN, 2.0, 2.0, 1.0]), "row 1: weight must be a finite number"),
            ("weights differ", table(weight=[1.0, 3.0, 2.0, 2.0, 1.0]), "event 0: weight differs"),
            ("negative event", table(event=[-1, 0, 1, 1, 2]), "row 0: event must lie in"),
            ("event beyond 2^62", table(event=[0, 0, 1, 1, (1 << 63) - 1]), "row 4: event must lie in"),
            (
                "event uint64",
                table(event=np.array([0, 0, 1, 1, (1 << 64) - 1], np.uint64)),
                "event must lie in",
            ),
            ("a gap", table(event=[0, 0, 1, 1, 2_000_000]), "jumps from 1 to 2000000"),
            ("a wide span", table(event=[0, 0, 1, 1, 1 << 40]), "events, more than"),
            ("unknown species", table(pdg=[22, 22, 99999999, 22, 22]), "row 2: pdg 99999999"),
            ("species 2^32 + 22", table(pdg=[22, (1 << 32) + 22, 22, 22, 22]), "row 1: pdg must lie in"),
            (
                "an energy beyond any beam",
                table(px_mev=[2e7, *[1.0] * 4], pz_mev=[1e8, *[9e3] * 4]),
                "event 0",
            ),
        ]
    ),
}
INCIDENTS = {
    **FOREIGN,
    **made(
        [
            *CUT,
            ("a page's checksum", flipped_page, "damaged"),
            ("a table", table(), "not of incidents"),
            ("no description", described_by(b""), "its header cannot be read"),
            ("a description cut", described_by(b'{"kind": "monsoon inc'), "its header cannot be read"),
            ("a deep description", described_by(b"[" * 5000 + b"]" * 5000), "its header cannot be read"),
            ("a description of a list", described_by(b"[1, 2]"), "not of incidents"),
            ("of another kind", described(kind="showers"), "not of incidents"),
            ("of another version", described(version=2), "schema version 2, not 1"),
            ("an unknown key", described(colour="red"), "header is incomplete"),
            ("no source", described(source=None), "header is incomplete"),
            ("events of text", described(events="20"), "events: is str"),
            ("other events", described(events=21), "has 20 events, not the 21 of its header"),
            ("other particles", described(particles=1), "particles, not the"),
            ("a list for a mapping", described(settings=[]), "settings: is list"),
            ("no pdg", changed(lambda t: t.drop_columns(["pdg"])), "pdg: the column is missing"),
            (
                "event twice",
                changed(lambda t: t.append_column("event", t["event"])),
                "column event appears 2 times",
            ),
            (
                "weight float32",
                column("weight", lambda v: v.combine_chunks().cast(pa.float32())),
                "weight: is float",
            ),
            ("pdg no list", column("pdg", lambda v: pa.array([22] * len(v), pa.int32())), "pdg: is int32"),
            ("pdg in deep lists", column("pdg", lambda v: pa.array([[[22]]] * len(v))), "pdg: is list"),
            ("event null", column("event", first_event(None)), "event: has empty entries"),
            ("time null", column("time_ns", first_particle(None)), "time_ns: has empty entries"),
            (
                "uneven lists",
                column("collision", lambda v: [[0], *v.to_pylist()[1:]]),
                "collision: has another length than pdg",
            ),
            ("negative event", column("event", first_event(-1)), "event: -1 is negative"),
            ("events out of order", column("event", lambda v: v.to_pylist()[::-1]), "sort the events"),
            ("an event twice", column("event", first_event(1)), "sort the events"),
            ("negative energy", column("energy_mev", first_particle(-1.0)), "energy_mev is not positive"),
            (
                "infinite energy",
                column("energy_mev", first_particle(INF)),
                "energy_mev is not positive and finite",
            ),
            (
                "an energy of a TeV too many",
                column("energy_mev", first_particle(1e8)),
                "energy_mev is beyond",
            ),
            ("position NaN", column("x_mm", first_particle(NAN)), "position_mm is not finite"),
            ("direction of no length", column("direction_z", first_particle(0.0)), "direction"),
            ("backwards", column("direction_z", first_particle(-1.0)), "direction"),
            ("time infinite", column("time_ns", first_particle(INF)), "time_ns is not finite"),
            ("collision 7 of 1", column("collision", first_particle(7)), "collision is not in its event"),
            ("weight NaN", column("weight", first_event(NAN)), "weight is not finite"),
            ("negative loss", column("lost_below_threshold", first_event(-1)), "lost is negative"),
        ]
    ),
}
SHARD_PARQUET = made(
    [
        ("cut", lambda good: good[:-100], "cannot be read as events"),
        ("empty", lambda _: b"", "cannot be read as events"),
        ("a table", table(), "cannot be read as events"),
        ("text", lambda _: b"what", "cannot be read as events"),
        ("ROOT's first bytes", lambda _: b"root" + bytes(500), "cannot be read as events"),
    ]
)
