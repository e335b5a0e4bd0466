"""One event for people: the display of a page has its numbers, `monsoon show` prints and draws it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.formats.parquet import read
from monsoon.engine.records import Events
from monsoon.engine.storage import open_store
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.pages.blocks import Page, Section
from monsoon.jobs.pages.render import render
from monsoon.jobs.report.display import display
from monsoon.jobs.report.sample import read_event
from tests.jobs.conftest import SmallCampaign


@pytest.fixture(scope="module")
def one(campaign: Path) -> Events:
    """Event 23, as its file has it: the fourth of the second shard."""
    return read_event(open_store(campaign), 23)


def test_an_event_is_read_alone_and_whole(campaign: Path, one: Events) -> None:
    shard = read(campaign / "events" / "events-000000000020-000000000039.parquet")
    hits = slice(*shard.hit_offsets[3:5])
    assert one.event.tolist() == [23]
    assert one.hit_cell.tolist() == shard.hit_cell[hits].tolist()
    assert one.hit_offsets.tolist() == [0, len(one.hit_cell)]
    assert one.contribution_offsets is not None
    assert one.contribution_offsets[0] == 0


def test_a_display_has_the_numbers_of_the_event(one: Events, detector: Detector) -> None:
    shown = json.loads(display(one, [0], detector).data)
    (event,) = shown["events"]
    assert event["cell"] == one.hit_cell.tolist()
    assert event["adc"] == one.hit_adc.tolist()
    assert np.allclose(event["mev"], one.hit_energy_mev, atol=0.051)
    assert np.allclose(
        np.stack([event["x"], event["y"]], 1), detector.cell_centres_mm[one.hit_cell], atol=0.051
    )
    assert np.allclose(event["px"], one.particle_x_mm, atol=0.051)
    deposits = sum(mev for hit in event["from"] for _, mev in hit)
    assert one.contribution_energy_mev is not None
    assert deposits == pytest.approx(float(one.contribution_energy_mev.sum()), rel=1e-3)
    sides = [zone["side"] for zone in shown["zones"]]
    assert sides == pytest.approx([121.2, 60.6, 40.4])
    assert set(event["zone"]) == {0, 1, 2}


def test_a_display_takes_numbers_that_json_has_not_and_refuses_cells_that_are_not_there(
    one: Events, detector: Detector
) -> None:
    energy = one.hit_energy_mev.copy()
    energy[:2] = np.nan, np.inf
    assert not re.search("NaN|Infinity", display(replace(one, hit_energy_mev=energy), [0], detector).data)
    cell = one.hit_cell.copy()
    cell[-1] = detector.cells
    with pytest.raises(InputError, match="a hit in no cell of the detector"):
        display(replace(one, hit_cell=cell), [0], detector)


def test_show_prints_the_largest_hits_and_particles_and_where_they_come_from(
    campaign: Path, one: Events, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "event.html"
    assert main(["show", str(campaign), "23", "--rows", "3", "--out", str(page)]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert f"{len(one.particle_pdg)} particles" in lines[0]
    assert f"{len(one.hit_cell)} hits" in lines[0]
    start = next(i for i, line in enumerate(lines) if line.startswith("hits, 3 of"))
    largest = np.argsort(-one.hit_energy_mev)[:3]
    assert [int(line.split()[0]) for line in lines[start + 2 : start + 5]] == one.hit_cell[largest].tolist()
    assert "shard: events-000000000020-000000000039" in "\n".join(lines)
    (data,) = re.findall(r'data-events="([^"]*)"', page.read_text())
    assert [event["event"] for event in json.loads(unescape(data))["events"]] == [23]
    picture = tmp_path / "event.png"
    assert main(["show", str(campaign), "0", "--out", str(picture)]) == DONE  # without a particle
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_shown_is_one_line(
    campaign: Path, small: SmallCampaign, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small.run(tmp_path / "part", bad=[3], skip=[10])
    torn = shutil.copytree(campaign, tmp_path / "torn")
    (torn / "events" / "events-000000000020-000000000039.parquet").write_bytes(b"PAR1")
    cases: list[tuple[Path, str, list[str], str]] = [
        (campaign, "40", [], "the campaign has events 0 .. 39"),
        (campaign, "3", ["--out", "a.pdf"], "ends in .html or .png"),
        (campaign, "3", ["--out", str(tmp_path / "none" / "a.html")], "name a file that can be written"),
        (tmp_path / "part", "3", [], "was set aside: made up"),
        (tmp_path / "part", "12", [], "is not made yet"),
        (torn, "23", [], "run `monsoon verify`"),
    ]
    for output, event, words, said in cases:
        assert main(["show", str(output), event, *words]) == UNUSABLE
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1


def test_the_display_of_layers_names_them(layered: Detector, one: Events) -> None:
    part = replace(one, hit_cell=np.arange(len(one.hit_cell), dtype=np.uint32) * 400)
    shown = json.loads(display(part, [0], layered).data)
    assert (shown["layers"], shown["layer_cells"]) == (45, 6956)


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium here")
def test_a_browser_runs_the_script_of_the_display_under_the_policy_of_the_page(
    one: Events, detector: Detector, tmp_path: Path
) -> None:
    html = tmp_path / "event.html"
    html.write_bytes(render(Page("x", "x", [Section("a", "a", [display(one, [0], detector)])])))
    words = [
        "chromium",
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=2000",
        "--dump-dom",
    ]
    done = subprocess.run([*words, f"file://{html}"], capture_output=True, text=True, check=True)
    assert 'class="display alive"' in done.stdout
    energy = one.hit_energy_mev[one.hit_energy_mev >= 1].sum() / 1000
    (said,) = re.findall(r"<output>(.*?)</output>", done.stdout)
    assert said.startswith("Event 23: ")
    assert said.endswith(f"Shown: {len(one.hit_cell)} cells with {energy:.3g} GeV.")
