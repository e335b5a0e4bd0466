"""Studies on Ray: the pieces of one process, and only those that are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.engine.remote.tasks import work_on_ray
from monsoon.jobs.studies.toy import ToyConfig, toy_results
from monsoon.jobs.studies.toy_report import report_toy


def refused(shared: int, piece: int) -> int:
    if piece:
        raise InputError("piece 1: cannot be used; give another")
    return shared


@pytest.mark.usefixtures("cluster")
def test_a_study_on_ray_says_what_one_process_says_and_goes_on(tmp_path: Path) -> None:
    small = {"repetitions": 2, "target": 5000, "correlated_target": 2000, "flow_steps": 3, "gan_steps": 3}
    here, there = (ToyConfig(output=str(tmp_path / where), **small) for where in ("here", "there"))
    one, other = toy_results(here, True), toy_results(there, False)
    for part in one:
        assert (one[part]["shares"] == other[part]["shares"]).all()
        assert set(one[part]["seconds"]) == {"flow", "GAN"}
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "there" / "pieces").glob("*-0.json")}
    (first, *others) = kept
    first.unlink()
    assert Path(report_toy(there)).exists()
    assert first.exists()
    assert all(path.stat().st_mtime_ns == kept[path] for path in others)


@pytest.mark.usefixtures("cluster")
def test_what_a_worker_refuses_is_refused_in_its_own_line() -> None:
    with pytest.raises(InputError, match=r"^piece 1: cannot be used; give another$"):
        list(work_on_ray(refused, 7, {"a": 0, "b": 1}))
