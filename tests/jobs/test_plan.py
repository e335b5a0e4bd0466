"""`plan` says what a campaign will take, and says it near enough."""

from __future__ import annotations

from pathlib import Path
from time import process_time

import pytest
from torch import Tensor

from monsoon.engine.config import Campaign
from monsoon.jobs.generate import generate
from monsoon.jobs.plan import plan, say_plan, usual
from monsoon.jobs.timing import seconds_per_row
from monsoon.models.generator import Generator
from monsoon.models.records import Conditions, Showers
from monsoon.models.store.suite import load_suite


def test_a_plan_writes_nothing_and_counts_shards_and_particles(pool: Path, tmp_path: Path) -> None:
    campaign = Campaign(incidents=str(pool), mu=5.2, events=2500, output=str(tmp_path / "out"))
    forecast = plan(campaign)
    assert (forecast.shards, forecast.events) == (3, 2500)
    assert 100 < forecast.particles_per_event < 200
    assert not (tmp_path / "out").exists()


def test_a_slower_generator_takes_longer(pool: Path, tmp_path: Path) -> None:
    class Slow:
        """The library, and one hundredth of a second a batch."""

        def __init__(self, model: Generator) -> None:
            self.domain, self.noise_dimensions, self._model = model.domain, model.noise_dimensions, model

        def sample(self, conditions: Conditions, noise: Tensor) -> Showers:
            until = process_time() + 1e-2
            while process_time() < until:
                pass
            return self._model.sample(conditions, noise)

    library = load_suite("library").models[0]
    few = usual(library, 100)
    assert 0 < seconds_per_row(library, few, 1) < seconds_per_row(Slow(library), few, 1)  # type: ignore[arg-type]
    campaign = Campaign(incidents=str(pool), mu=5.2, events=2500, output=str(tmp_path / "out"))
    assert plan(campaign).core_hours > 0


def test_without_incidents_the_pool_is_part_of_the_cost(tmp_path: Path) -> None:
    campaign = Campaign(mu=40, events=1000, pool_collisions=3600, output=str(tmp_path / "out"))
    assert plan(campaign).pool_core_hours == pytest.approx(0.003)


@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_bytes_come_out_as_planned_and_a_begun_campaign_plans_the_rest(
    pool: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = Campaign(
        incidents=str(pool),
        model="library",
        mu=5.2,
        events=50,  # so many that a collision of the pool is hardly used twice
        formats=("parquet", "root"),
        workers=1,
        output=str(tmp_path / "out"),
    )
    planned = plan(campaign)
    generate(campaign, lambda line: None)
    written = sum(path.stat().st_size for path in (tmp_path / "out" / "events").iterdir())
    assert written == pytest.approx(planned.bytes, rel=0.2)
    rest = say_plan(campaign.model_copy(update={"events": 1250}))
    assert rest.events == 1200
    assert rest.basis == "the 1 shards made so far"
    assert "shards: 2" in capsys.readouterr().out.splitlines()
