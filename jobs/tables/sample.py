"""`monsoon sample` of a table: one generated row for each row of conditions."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.errors import InputError
from monsoon.engine.sampling import noise_of_rows
from monsoon.engine.storage import fetch, local_path
from monsoon.jobs.parts import begin
from monsoon.jobs.progress.bar import JobProgress
from monsoon.models.data.tables.files import file_and_tree, read_columns, table_rows
from monsoon.models.data.tables.schema import Column
from monsoon.models.files import sha256_of, temporary_beside
from monsoon.models.records import Table
from monsoon.models.store.table_generators import TableGenerator, load_table_generator

BLOCK = 1 << 16  # rows that are in memory at a time, and in a row group; content does not depend on it


def sample(model: str, conditions: str, out: str, seed: int = 0) -> None:
    """Write a Parquet file whose row i has the conditions of row i, and generated features.

    Noise is keyed by (seed, row). Interrupted, the parts so far are in a hidden folder beside the file, and
    the same call goes on. Rows outside the training domain are told on stderr with the reasons and with what
    is done with them, and in the file's metadata, `outside`.

    Parameters
    ----------
    model
        A generator of tables: a shipped name, or a folder.
    conditions
        A table (Parquet, ROOT, CSV) with the columns that the model is given; it may have others.
    out
        The file, `.parquet`.
    seed
        Of the noise, 0 .. 2^64 - 1.

    Raises
    ------
    InputError
        Where the model, the conditions or the seed cannot be used, or `out` exists.
    """
    path = local_path(out)
    if path.suffix != ".parquet":
        raise InputError(f"{out}: rows are written as Parquet; give a name that ends with .parquet")
    if path.exists():
        raise InputError(f"{path}: exists already; remove it or choose another name")
    if not 0 <= seed < 1 << 64:
        raise InputError(f"seed: {seed} is not in 0 .. 2^64 - 1")
    source = fetch(conditions)
    generator = load_table_generator(model)
    columns = generator.schema.conditions
    rows = table_rows(source)
    if not rows:
        raise InputError(f"{conditions}: has no rows; give one for each row that is wanted")
    read_columns(source, columns, 0, min(rows, 1))
    unseen = _outside(generator, source, rows)
    if unseen:
        print(f"monsoon: {unseen}", file=sys.stderr)
    about = {"generator": f"Monsoon, model {model}", "fingerprint": generator.fingerprint, "seed": str(seed)}
    folder = path.with_name(f".{path.name}.parts")
    begin(folder, path, about | {"conditions": sha256_of(file_and_tree(source)[0])})
    parts = {start: folder / f"{start}.parquet" for start in range(0, rows, BLOCK)}
    missing = [start for start, part in parts.items() if not part.exists()]
    left = sum(min(BLOCK, rows - start) for start in missing)
    with JobProgress("rows", rows, start=rows - left) as progress:
        for start in missing:
            stop = min(start + BLOCK, rows)
            given = read_columns(source, columns, start, stop)
            noise = noise_of_rows(seed, range(start, stop), generator.noise_dimensions)
            made = generator.sample(given, noise)
            table = _arrow(given, columns, made, generator.schema.features)
            _write(parts[start], iter([table]), about)
            progress.advance(stop - start)
    _write(path, map(pq.read_table, parts.values()), about | ({"outside": unseen} if unseen else {}))
    shutil.rmtree(folder)


def _outside(generator: TableGenerator, source: str, rows: int) -> str:
    """How many rows of conditions are outside the training domain, why, and what is done; empty for none."""
    counts: Counter[str] = Counter()
    for start in range(0, rows, BLOCK):
        given = read_columns(source, generator.schema.conditions, start, min(start + BLOCK, rows))
        counts.update(generator.domain.why(given))
    if not counts:
        return ""
    reasons = ", ".join(f"{reason} ({count})" for reason, count in counts.most_common())
    return (
        f"{counts.total()} of {rows} rows lie outside the training domain, trust them less; "
        f"{generator.beyond}: {reasons}"
    )


def _arrow(given: Table, columns: tuple[Column, ...], made: Table, features: tuple[Column, ...]) -> pa.Table:
    """Conditions and features as they are written: whole numbers as int64, features in single precision."""
    arrays = {}
    for table, some, kind in ((given, columns, np.float64), (made, features, np.float32)):
        for column in some:
            values = table.column(column.name).numpy()
            arrays[column.name] = values.astype(np.int64 if column.kind == "discrete" else kind)
    return pa.table(arrays)


def _write(path: Path, tables: Iterator[pa.Table], about: dict[str, str]) -> None:
    """Write tables, at least one, a row group each, into a file that is there whole or not at all."""
    partial = temporary_beside(path)
    try:
        first = next(tables)
        with pq.ParquetWriter(partial, first.schema.with_metadata(about), compression="zstd") as writer:
            for table in chain([first], tables):
                writer.write_table(table.replace_schema_metadata(about))
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
