"""`verify` passes what is whole and names what is not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.commits import COMMITS
from engine.config import Campaign
from jobs.cli import UNUSABLE, VERDICT_FAILED, main
from jobs.generate import generate
from jobs.verify import verify

pytestmark = pytest.mark.usefixtures("cluster")


def campaign(pool: Path, output: Path) -> Campaign:
    settings = {"events": 60, "shard_events": 20, "formats": ("parquet", "root"), "workers": 1}
    return Campaign.model_validate({"incidents": str(pool), "mu": 1.0, "output": str(output), **settings})


@pytest.fixture(scope="module")
def whole(pool: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(campaign(pool, tmp_path_factory.mktemp("verify") / "out"), lambda line: None).output


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A campaign may be moved: nothing in it names its place."""
    return Path(shutil.copytree(whole, tmp_path / "moved"))


def test_a_whole_campaign_passes(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(copy)]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "60 events, 3 shards, 0 missing, 0 duplicate, 0 corrupt, 0 quarantined"


def truncate(output: Path) -> None:
    path = next((output / "events").glob("*.parquet"))
    path.write_bytes(path.read_bytes()[:100])


def flip_a_byte(output: Path) -> None:
    path = next((output / "events").glob("*.root"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose_a_file(output: Path) -> None:
    next((output / "events").glob("*.root")).unlink()


def lose_a_record(output: Path) -> None:
    (output / COMMITS / "events-000000000020-000000000039.json").unlink()


def commit_twice(output: Path) -> None:
    record = output / COMMITS / "events-000000000020-000000000039.json"
    text = record.read_text().replace('"first": 20', '"first": 15')
    (output / COMMITS / "events-000000000015-000000000039.json").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "finding", "last"),
    [
        (truncate, "corrupt: events/", "0 missing, 0 duplicate, 1 corrupt"),
        (flip_a_byte, "corrupt: events/", "0 missing, 0 duplicate, 1 corrupt"),
        (lose_a_file, "the file is gone", "0 missing, 0 duplicate, 1 corrupt"),
        (lose_a_record, "missing: events 20 .. 39", "20 missing, 0 duplicate, 0 corrupt"),
        (commit_twice, "share 5 events", "0 missing, 25 duplicate"),
    ],
)
def test_what_is_wrong_is_named(
    copy: Path, spoil: Callable[[Path], None], finding: str, last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(copy)
    assert main(["verify", str(copy)]) == VERDICT_FAILED
    lines = capsys.readouterr().out.splitlines()
    assert any(finding in line for line in lines[:-1])
    assert last in lines[-1]


def test_a_folder_without_a_campaign_is_unusable(tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path)]) == UNUSABLE


def test_what_verify_finds_missing_generate_makes_again(copy: Path, pool: Path) -> None:
    lose_a_record(copy)
    assert generate(campaign(pool, copy), lambda line: None).shards_made == 1
    assert verify(str(copy)).good
