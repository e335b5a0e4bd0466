"""`monsoon sample` of a table: one generated row for each row of conditions."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from monsoon.engine.errors import InputError
from monsoon.engine.sampling import noise_of_rows
from monsoon.engine.storage import fetch, local_path
from monsoon.jobs.parts import begin
from monsoon.jobs.progress.bar import JobProgress
from monsoon.models.data.tables.files import read_columns, table_rows
from monsoon.models.data.tables.schema import Column
from monsoon.models.files import sha256_of, temporary_beside
from monsoon.models.records import Table
from monsoon.models.store.table_generators import load_table_generator

BLOCK = 1 << 16  # rows that are in memory at a time, and in a row group; content does not depend on it


def sample(model: str, conditions: str, out: str, seed: int = 0) -> None:
    """Write a Parquet file whose row i has the conditions of row i, and generated features.

    Noise is keyed by (seed, row). Interrupted, the parts so far are in a hidden folder beside the file, and
    the same call goes on.

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
    read_columns(source, columns, 0, min(rows, 1))
    about = {"generator": f"Monsoon, model {model}", "fingerprint": generator.fingerprint, "seed": str(seed)}
    folder = path.with_name(f".{path.name}.parts")
    begin(folder, path, about | {"conditions": sha256_of(Path(source.rpartition(":")[0] or source))})
    starts = range(0, rows, BLOCK)
    missing = [start for start in starts if not (folder / f"{start}.parquet").exists()]
    done = sum(min(BLOCK, rows - start) for start in starts) - sum(min(BLOCK, rows - s) for s in missing)
    with JobProgress("rows", rows, start=done) as progress:
        for start in missing:
            stop = min(start + BLOCK, rows)
            given = read_columns(source, columns, start, stop)
            noise = noise_of_rows(seed, range(start, stop), generator.noise_dimensions)
            made = generator.sample(given, noise)
            _write(
                folder / f"{start}.parquet", _arrow(given, columns, made, generator.schema.features), about
            )
            progress.advance(stop - start)
    _join([folder / f"{start}.parquet" for start in starts], path)
    shutil.rmtree(folder)


def _arrow(given: Table, columns: tuple[Column, ...], made: Table, features: tuple[Column, ...]) -> pa.Table:
    """Conditions and features as they are written: whole numbers as int64, features in single precision."""
    arrays = {}
    for table, some, kind in ((given, columns, np.float64), (made, features, np.float32)):
        for column in some:
            values = table.column(column.name).numpy()
            arrays[column.name] = values.astype(np.int64 if column.kind == "discrete" else kind)
    return pa.table(arrays)


def _write(path: Path, table: pa.Table, about: dict[str, str]) -> None:
    partial = temporary_beside(path)
    try:
        pq.write_table(table.replace_schema_metadata(about), partial, compression="zstd")
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        partial.unlink(missing_ok=True)


def _join(parts: list[Path], path: Path) -> None:
    partial = temporary_beside(path)
    try:
        with pq.ParquetWriter(partial, pq.read_schema(parts[0]), compression="zstd") as writer:
            for part in parts:
                writer.write_table(pq.read_table(part))
        partial.rename(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from error
    finally:
        partial.unlink(missing_ok=True)
