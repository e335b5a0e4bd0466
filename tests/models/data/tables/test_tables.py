"""Tables: what columns may be, and that readers of all formats say the same and refuse the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import torch
import uproot

from monsoon.models.data.tables.files import read_table, table_rows
from monsoon.models.data.tables.schema import Column, Schema
from monsoon.models.errors import InputError

SCHEMA = Schema(
    (Column("x"), Column("n", "discrete")), (Column("p", "positive"), Column("b", "bounded", "", 0, 1)), "w"
)
ROWS = 3000


def columns() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    return {
        "x": rng.normal(size=ROWS).astype("f4"),
        "n": rng.integers(0, 9, ROWS),
        "p": rng.exponential(size=ROWS) + 1e-3,
        "b": rng.uniform(size=ROWS),
        "w": rng.normal(1, 1, ROWS).astype("f4"),
        "other": rng.normal(size=ROWS),
    }


def as_parquet(path: Path, of: dict[str, Any]) -> str:
    pq.write_table(pa.table(of), path / "t.parquet", row_group_size=700)
    return str(path / "t.parquet")


def as_csv(path: Path, of: dict[str, Any]) -> str:
    csv.write_csv(pa.table(of), path / "t.csv")
    return str(path / "t.csv")


def as_root(path: Path, of: dict[str, Any]) -> str:
    with uproot.recreate(path / "t.root") as file:
        file.mktree("rows", {name: column.dtype for name, column in of.items()})
        file["rows"].extend(of)
    return str(path / "t.root")


WRITERS = pytest.mark.parametrize("write", [as_parquet, as_csv, as_root])


@WRITERS
def test_rows_are_those_of_the_file_whatever_its_format(
    write: Callable[[Path, dict[str, Any]], str], tmp_path: Path
) -> None:
    of = columns()
    path = write(tmp_path, of)
    assert table_rows(path) == ROWS
    whole, part = read_table(path, SCHEMA), read_table(path, SCHEMA, 650, 1500)
    assert whole.features.names == ("x", "n")
    assert torch.equal(whole.features.column("n"), torch.from_numpy(of["n"]).double())
    assert torch.equal(whole.features.column("x").float(), torch.from_numpy(of["x"]))
    assert torch.equal(whole.conditions.column("p"), torch.from_numpy(of["p"]))
    assert torch.equal(whole.weight, torch.from_numpy(of["w"]))
    assert torch.equal(part.features.values, whole.features.values[650:1500])


@WRITERS
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("x", np.nan, "x is NaN or infinite in row 7|column x has empty values"),
        ("p", 0.0, "p is not positive in row 7"),
        ("b", 1.5, "b is outside 0 .. 1 in row 7"),
        ("w", np.inf, "w is NaN or infinite in row 7"),
    ],
)
def test_a_value_that_a_column_may_not_have_is_named(
    write: Callable[[Path, dict[str, Any]], str], column: str, value: float, said: str, tmp_path: Path
) -> None:
    of = columns()
    of[column][7] = value
    with pytest.raises(InputError, match=said):
        read_table(write(tmp_path, of), SCHEMA)


@WRITERS
def test_a_missing_column_is_named_with_those_there_are(
    write: Callable[[Path, dict[str, Any]], str], tmp_path: Path
) -> None:
    of = columns()
    del of["p"]
    with pytest.raises(InputError, match="column p is not there; it has x, n, b, w, other"):
        read_table(write(tmp_path, of), SCHEMA)


def twice(path: Path) -> str:
    table = pa.table(columns())
    pq.write_table(
        pa.Table.from_arrays([*table.columns, table["x"]], [*table.column_names, "x"]), path / "t.parquet"
    )
    return str(path / "t.parquet")


def empty_values(path: Path) -> str:
    pq.write_table(pa.table({**columns(), "x": pa.array([None] * ROWS, pa.float32())}), path / "t.parquet")
    return str(path / "t.parquet")


def texts(path: Path) -> str:
    return as_parquet(path, {**columns(), "x": np.array(["a"] * ROWS)})


def cut(path: Path) -> str:
    whole = Path(as_parquet(path, columns()))
    whole.write_bytes(whole.read_bytes()[:-100])
    return str(whole)


def two_trees(path: Path) -> str:
    as_root(path, columns())
    with uproot.update(path / "t.root") as file:
        file.mktree("more", {"x": "f4"})
        file["more"].extend({"x": np.zeros(3, "f4")})
    return str(path / "t.root")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (twice, "column x is there several times"),
        (empty_values, "column x has 3000 empty values"),
        (texts, "column x is not of single numbers"),
        (cut, "cannot be read as parquet"),
        (two_trees, "has 2 trees; name one"),
        (lambda path: f"{two_trees(path)}:none", "no tree none; it has more, "),
        (lambda path: str(path / "no.csv"), "no such file"),
        (lambda path: str(path / "t.xls"), "not a table"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_line(
    make: Callable[[Path], str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_table(make(tmp_path), SCHEMA)
    assert "\n" not in str(caught.value)


def test_a_tree_is_chosen_by_its_name(tmp_path: Path) -> None:
    assert table_rows(f"{two_trees(tmp_path)}:more") == 3


BAD: list[tuple[dict[str, Any], str]] = [
    ({"features": []}, "features: none"),
    ({"features": ["x", "x"]}, "column x: is there 2 times"),
    ({"features": [{"name": "x", "kind": "odd"}]}, "column x: kind 'odd'"),
    ({"features": [{"name": "x", "kind": "bounded", "low": 2, "high": 1}]}, "column x: a bounded column"),
    ({"features": [{"name": "x", "lowest": 1}]}, "column x: unknown key lowest"),
    ({"features": ["x", {"name": "y", "kind": "computed", "function": "sum", "of": ["z"]}]}, "computed of z"),
    ({"features": [{"name": "x", "kind": "computed", "function": "eval", "of": ["x"]}]}, "column x"),
    (
        {"features": ["x"], "conditions": [{"name": "y", "kind": "computed", "function": "sum", "of": [1]}]},
        "given",
    ),
    ({"features": ["x"], "weights": "w"}, "unknown key weights"),
    ({"features": [3]}, "3 is not a column"),
]


@pytest.mark.parametrize(("stored", "said"), BAD, ids=[said for _, said in BAD])
def test_a_schema_that_is_none_is_refused_by_the_column(stored: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Schema.from_json(stored)


def test_a_schema_is_made_again_from_what_is_stored_and_a_mass_shell_is_exact() -> None:
    momenta = tuple(Column(name, unit="MeV") for name in ("px", "py", "pz"))
    energy = Column("e", "computed", "MeV", function="norm", of=("px", "py", "pz", 139.57))
    schema = Schema((*momenta, energy), (Column("eta"),))
    assert Schema.from_json(schema.as_json()) == schema
    rows = schema.completed(torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64))
    assert rows.column("e").tolist() == [pytest.approx((25 + 139.57**2) ** 0.5), pytest.approx(139.57)]
