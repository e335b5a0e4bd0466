"""The committed table is of the kernels as they are, and none spills."""

from __future__ import annotations

from tests.on_gpu import NEEDS_TRITON

pytestmark = NEEDS_TRITON


def rows(text: str) -> list[list[str]]:
    """Columns of the table's lines."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ")]
    return [[column.strip() for column in line] for line in lines if "kernel" not in line[0]]


def test_the_table_is_of_these_sources_and_no_kernel_spills() -> None:
    from tests.ahead.launches import all_launches
    from tests.ahead.run import TABLE, digest

    text = TABLE.read_text()
    assert f"of sources {digest()}." in text, "kernels have changed: make ahead"
    found = {(row[0], row[1]) for row in rows(text)}
    names = {f"{one.kernel.fn.__module__.split('.')[-2]}.{one.kernel.fn.__name__}" for one in all_launches()}
    assert found == {(name, architecture) for name in names for architecture in ("80", "90")}
    assert {row[5] for row in rows(text)} == {"0"}
