"""A request's samples are campaigns; processes are mixed by cross-section; the same command resumes them."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.dataset as ds
import pytest

import monsoon
from monsoon.engine.incidents.mixing import STRIDE

pytestmark = pytest.mark.usefixtures("cluster")
EXAMPLE = Path(__file__).parents[2] / "jobs" / "examples" / "request.yaml"


def small(output: Path) -> monsoon.Request:
    """The example with a few events of each sample, and one more sample that cannot be made."""
    asked = monsoon.load_request(str(EXAMPLE), [f"output={output}"])
    settings = {"pool_collisions": 50, "workers": 1, "model": "library"}
    samples = [sample.model_copy(update={"events": 12}) for sample in asked.samples]
    given = [process.model_copy(update={"cross_section_mb": 1e-4}) for process in samples[3].processes[1:]]
    mixed = samples[3].model_copy(update={"processes": (samples[3].processes[0], *given)})
    bad = samples[0].model_copy(update={"name": "bad", "settings": {"model": "nothing-such"}})
    return asked.model_copy(update={"settings": settings, "samples": (bad, mixed)})


def test_a_request_is_run_summed_up_and_resumed(tmp_path: Path) -> None:
    asked = small(tmp_path)
    results = monsoon.request(asked)
    bad, mixed = results
    assert "nothing-such" in bad.failed
    assert not mixed.failed
    assert bad.luminosity_pb is None
    total_mb = sum(mixed.processes.values())
    assert mixed.luminosity_pb == pytest.approx(12 / total_mb * 1e-9)
    assert 1.2e-4 < mixed.processes["photons"] < 2e-4  # mb above 20 GeV, at leading order
    assert mixed.processes["w"] == 1e-4  # as given

    events = ds.dataset(f"{mixed.output}/events", format="parquet").to_table(columns=["source_event"])
    assert {number // STRIDE for number in events["source_event"].to_pylist()} <= {0, 1, 2}
    summary = json.loads((tmp_path / "request.json").read_text())
    assert summary["total"]["events"] == 12
    assert summary["total"]["failed"] == 1
    assert "electroweak" in (tmp_path / "request.md").read_text()

    said: list[str] = []
    again = monsoon.request(asked, said.append)
    assert [result.content for result in again] == [result.content for result in results]
    assert sum("nothing to do" in line for line in said) == 1
