"""Bars by rows that are known."""

from __future__ import annotations

import pytest

from monsoon.jobs.bench.bars import ANOTHER_RESULT, BARS, NOT_MEASURED, check_bars, over, share, verdicts
from monsoon.jobs.bench.benchmark import ABSENT, KNOWN, OURS, Row, absent
from monsoon.jobs.bench.composition import COMPOSITION
from monsoon.jobs.bench.convolutions import CONVOLUTIONS, EAGER, HALF, ONNXRUNTIME
from monsoon.jobs.bench.couplings import COUPLINGS, PRODUCTS
from monsoon.jobs.bench.end_to_end import END_TO_END, GEANT4, NUMPY, ONNX, WITH_FLOW
from monsoon.jobs.bench.workers import ONE, STAGES, TWO, WORKERS


def row(stage: str, provider: str, p50: float | None, check: str = "ok", unit: str = "us/event") -> Row:
    return Row(stage, provider, unit, 1, p50, p50, p50, 1.0, 1.0, 1.0, check)


def all_rows() -> list[Row]:
    """Of a run that meets every bar, exactly."""
    return [
        row(COMPOSITION, OURS, 100.0),
        row(COMPOSITION, "np.bincount, chunks of 8", 250.0),
        row(COMPOSITION, "torch index_add_, chunks of 8", 400.0),
        row(COMPOSITION, "operations", 1.0, "-", "op/event"),
        row(COUPLINGS, OURS, 160.0),
        row(COUPLINGS, PRODUCTS, 100.0, "-"),
        row(COUPLINGS, "nflows 0.14", 320.0),
        row(COUPLINGS, "zuko 1.6.0 passes=2", 1120.0),
        row(COUPLINGS, "zuko 1.6.0 couplings", 200.0),
        row(CONVOLUTIONS, OURS, 900.0),
        row(CONVOLUTIONS, HALF, 100.0),
        row(CONVOLUTIONS, f"{EAGER}, batches of 16", 300.0),
        row(CONVOLUTIONS, f"{ONNXRUNTIME}, batches of 256", 150.0),
        row(END_TO_END, OURS, 10.0),
        row(END_TO_END, NUMPY, 100.0),
        row(END_TO_END, GEANT4, 1.0, KNOWN),
        row(WITH_FLOW, OURS, 10.0),
        row(WITH_FLOW, ONNX, 300.0),
        row(WORKERS, ONE, 180.0),
        row(WORKERS, TWO, 100.0),
        row(WORKERS, STAGES, 200.0, "-"),
    ]


def with_p50(stage: str, provider: str, p50: float | None, check: str = "ok") -> list[Row]:
    """The same run, but for one row."""
    return [
        row(stage, provider, p50, check) if (r.stage, r.provider) == (stage, provider) else r
        for r in all_rows()
    ]


def test_a_run_that_meets_all_bars(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_bars(all_rows())
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == len(BARS) == 10
    assert {line[3] for line in lines} == {"ok"}
    assert [line[1] for line in lines] == [
        *("2.50", "1.60", "2.00", "7.00", "3.00", "1.50", "10.00", "30.00", "1.00", "1.80"),
    ]
    assert lines[0][2] == ">= 2.5"
    assert lines[1][2] == "<= 1.6"


@pytest.mark.parametrize(
    ("stage", "provider", "p50", "missed"),
    [
        (COMPOSITION, "np.bincount, chunks of 8", 249.0, 0),
        (COMPOSITION, "torch index_add_, chunks of 8", 249.0, 0),
        (COUPLINGS, PRODUCTS, 99.0, 1),
        (COUPLINGS, "nflows 0.14", 319.0, 2),
        (COUPLINGS, "zuko 1.6.0 passes=2", 1119.0, 3),
        (CONVOLUTIONS, f"{EAGER}, batches of 16", 299.0, 4),
        (CONVOLUTIONS, f"{ONNXRUNTIME}, batches of 256", 149.0, 5),
        (END_TO_END, NUMPY, 99.0, 6),
        (WITH_FLOW, ONNX, 299.0, 7),
        (WORKERS, STAGES, 170.0, 8),
        (WORKERS, ONE, 179.0, 9),
    ],
)
def test_each_bar_is_missed_by_its_own_rows(stage: str, provider: str, p50: float, missed: int) -> None:
    check = "-" if provider in (PRODUCTS, STAGES) else "ok"
    found = verdicts(with_p50(stage, provider, p50, check))
    assert [number for number, verdict in enumerate(found) if not verdict.met] == [missed]


def test_a_peer_with_another_result_is_no_comparison() -> None:
    rows = with_p50(COMPOSITION, "np.bincount, chunks of 8", None, "red")
    assert over(COMPOSITION)(rows) == ANOTHER_RESULT
    assert over(COUPLINGS, "nflows")(rows) == 2.0
    two = with_p50(WORKERS, TWO, 100.0, "red")
    assert share(WORKERS, ONE, TWO)(two) == ANOTHER_RESULT


def test_what_is_not_there_is_said_and_missed(capsys: pytest.CaptureFixture[str]) -> None:
    present = [r for r in all_rows() if r.stage != COUPLINGS or r.provider.startswith((OURS, PRODUCTS))]
    rows = [*present, absent(COUPLINGS, "nflows", "us/shower"), absent(COUPLINGS, "zuko", "us/shower")]
    assert not check_bars(rows)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines if line[3] == "miss"] == [ABSENT, ABSENT]


def test_nothing_measured_meets_nothing() -> None:
    found = verdicts([])
    assert {verdict.measured for verdict in found} == {NOT_MEASURED}
    assert not any(verdict.met for verdict in found)
