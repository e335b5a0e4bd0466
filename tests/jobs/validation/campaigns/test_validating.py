"""`monsoon validate --campaign`: pages, exit codes, and what is not read twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from monsoon.engine.errors import InputError
from monsoon.jobs.cli import DONE, UNUSABLE, main
from monsoon.jobs.validation.campaigns.comparing import Verdict
from monsoon.jobs.validation.campaigns.validating import find
from tests.jobs.conftest import SmallCampaign

from ...conftest import IDENTITY


@pytest.fixture
def outputs(small: SmallCampaign, tmp_path: Path) -> tuple[Path, Path]:
    small.run(tmp_path / "one", bad=[3], formats=("parquet",))
    small.run(tmp_path / "other", events=60, identity={**IDENTITY, "seed": 7})
    return tmp_path / "one", tmp_path / "other"


def words(one: Path, other: Path | None, out: Path, *more: str) -> list[str]:
    against = ["--against", str(other)] if other else []
    return ["validate", "--campaign", str(one), *against, "--out", str(out), "--local", *more]


def test_a_page_has_verdicts_and_finished_pieces_are_not_read_again(
    outputs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = outputs
    out = tmp_path / "page"
    assert main(words(one, other, out, "--tolerance", "0.9")) == DONE
    printed = capsys.readouterr().out
    assert f"report: {out}/report.html" in printed
    assert "0 fail" in printed
    page = (out / "report.html").read_text()
    assert "Verdicts" in page
    assert page.count("data:image/png") == 1
    found = json.loads((out / "campaign.json").read_text())
    assert [campaign["events"] for campaign in found["campaigns"]] == [29, 60]
    shutil.rmtree(one / "events")
    again = find(str(one), str(other), out=str(out), tolerance=0.9, local=True)
    assert [vars(c)["difference"] for c in again.comparisons] == [
        c["difference"] for c in found["comparisons"]
    ]


def test_a_campaign_agrees_with_itself_and_is_split_where_there_is_no_other(
    outputs: tuple[Path, Path], tmp_path: Path
) -> None:
    one, _ = outputs
    alike = find(str(one), str(one), out=str(tmp_path / "a"), tolerance=0.01, local=True)
    assert {comparison.difference for comparison in alike.comparisons} == {0.0}
    assert Verdict.FAIL not in {comparison.verdict for comparison in alike.comparisons}
    halved = find(str(one), None, out=str(tmp_path / "a"), tolerance=0.01, local=True)
    assert halved.comparisons == halved.floor
    assert Verdict.UNCLEAR in {comparison.verdict for comparison in halved.comparisons}


def test_torn_files_and_words_of_other_kinds_are_refused(
    outputs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = outputs
    for wrong, said in (
        (words(one, other, tmp_path / "b", "--reference", "x.h5"), "reference: is of showers"),
        (["validate", "--model", "library"], "give --reference"),
        (["validate", "--reference", "x.h5", "--against", str(other)], "give --campaign"),
        (words(tmp_path / "nothing", None, tmp_path / "b"), "nothing"),
    ):
        assert main(wrong) == UNUSABLE
        assert said in capsys.readouterr().err
    torn = next((other / "events").iterdir())
    torn.write_bytes(torn.read_bytes()[:100])
    with pytest.raises(InputError, match=r"monsoon verify"):
        find(str(other), None, out=str(tmp_path / "c"), tolerance=0.1, local=True)
