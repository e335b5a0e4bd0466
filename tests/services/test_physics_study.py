"""`monsoon study physics` from end to end, small: numbers of both sides, a page, and nothing done twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monsoon.jobs.cli import DONE, UNUSABLE, main


def words(output: Path) -> list[str]:
    sizes = {
        "singles": 300,
        "pairs": 150,
        "events": 100,
        "collisions": 100,
        "replicas": 20,
        "calibrated": 600,
    }
    named = [f"{key}={value}" for key, value in sizes.items()]
    return ["study", "physics", f"output={output}", "models=[library]", "high=[]", "--local", *named]


@pytest.mark.long
def test_both_sides_are_measured_and_finished_pieces_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(tmp_path / "out")) == DONE
    assert capsys.readouterr().out == f"report: {tmp_path}/out/report.html\n"
    numbers = {n["quantity"]: n for n in json.loads((tmp_path / "out/figures.json").read_text())["numbers"]}
    assert len(numbers) > 20
    scale = numbers["photon energy / truth, 30-100 GeV"]
    library = scale["models"]["library"]
    assert 0.97 < scale["geant4"]["value"] < 1.03
    assert abs(library["difference"]["value"]) < 5 * library["difference"]["error"] + 0.01
    assert "on energies" in library["would_bias"]
    inner = numbers["photon position resolution above 10 GeV, inner"]
    assert 0.5 < inner["geant4"]["value"] < 4  # of cells of 40 mm
    assert (
        inner["models"]["library"]["value"]["value"] > inner["geant4"]["value"]
    )  # its showers are beside it
    pieces = {path: path.stat().st_mtime_ns for path in (tmp_path / "out/pieces").iterdir()}
    assert len(pieces) == 2 * 7 + 1
    assert main(words(tmp_path / "out")) == DONE
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out/pieces").iterdir()} == pieces
    assert main([*words(tmp_path / "out"), "seed=9"]) == UNUSABLE
    assert "seed" in capsys.readouterr().err
