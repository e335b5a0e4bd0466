"""The example of enforced statistics: distances of known size, and a run from training to plot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monsoon.jobs.examples.enforced_statistics import ENFORCED, HELD_OUT, main, off


def test_a_shift_and_a_stretch_are_found_within_their_uncertainty() -> None:
    real, found = np.random.default_rng(1).normal(size=(2, 20_000))
    value, error = off(2.0 * found + 0.5, 2.0 * real, np.mean)
    assert value == pytest.approx(0.25, abs=4 * error)
    assert error == pytest.approx((2 / 20_000) ** 0.5, rel=0.3)
    value, error = off(1.1 * found, real, np.std)
    assert value == pytest.approx(0.1, abs=4 * error)


@pytest.mark.slow
def test_a_run_ends_with_a_row_for_each_statistic_and_a_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(steps=10, out=tmp_path)
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| mean", "| spread"))]
    assert len(table) == 2 * len((*ENFORCED, *HELD_OUT))
    assert (tmp_path / "enforced.png").read_bytes().startswith(b"\x89PNG")
