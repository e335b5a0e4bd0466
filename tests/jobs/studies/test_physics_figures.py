"""Numbers of the physics study on columns whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from monsoon.engine.records import Array
from monsoon.jobs.studies.physics.figures import (
    Quantity,
    area,
    estimated,
    floor_of,
    folds_drawn,
    half_width,
    median,
    quantities,
    replicas,
    stochastic_and_constant,
)
from monsoon.jobs.studies.physics.measured import Columns

ROWS = 40_000


def photons(stochastic: float, constant: float, noise_gev: float, seed: int = 1) -> Columns:
    rng = np.random.default_rng(seed)
    energy = np.exp(rng.uniform(0, np.log(100), ROWS))
    noise = noise_gev / energy
    width = np.sqrt(stochastic**2 / energy + constant**2 + noise**2)
    return {
        "fold": rng.integers(0, 10, ROWS),
        "energy_gev": energy,
        "noise": noise,
        "ratio": 1 + width * rng.standard_normal(ROWS),
    }


def test_the_terms_of_a_resolution_are_found() -> None:
    stochastic, constant = stochastic_and_constant(photons(0.09, 0.01, 0.05))
    assert stochastic == pytest.approx(9.0, rel=0.06)
    assert constant == pytest.approx(1.0, rel=0.15)
    assert stochastic_and_constant(photons(0.0, 0.02, 0.05))[0] < 1.5


def test_medians_and_widths_leave_out_what_was_not_found() -> None:
    values = np.concatenate([np.full(5, np.nan), np.random.default_rng(2).normal(2.0, 0.1, 20_000)])
    assert median(values) == pytest.approx(2.0, abs=0.005)
    assert half_width(values) == pytest.approx(0.1, rel=0.03)
    assert np.isnan(median(values[:10]))


def test_the_area_counts_pairs_in_order() -> None:
    rng = np.random.default_rng(3)
    score, positive = rng.integers(0, 9, 300).astype(float), (rng.random(300) < 0.4).astype(float)
    score[:3] = np.nan
    good, bad = (score[(positive == p) & np.isfinite(score)] for p in (1, 0))
    pairs = (good[:, None] > bad) + 0.5 * (good[:, None] == bad)
    assert area(score, positive) == pytest.approx(pairs.mean())


def mean_of(column: str) -> Quantity:
    return Quantity("mean", "", "any", lambda c: float(c[column].mean()), lambda g, d: "")


def test_errors_are_those_of_folds_and_differences_know_what_is_common() -> None:
    rng = np.random.default_rng(4)
    fold = np.repeat(np.arange(400), 25)
    common = rng.standard_normal(400)[fold]  # what the rows of a fold share

    def side(own: float) -> Columns:
        return {"fold": fold, "x": common + own * rng.standard_normal(len(fold))}

    wanted, draws = mean_of("x"), folds_drawn(400, 200, 5)
    sides = [side(1.0), side(1.0)]
    drawn = [replicas(wanted, columns, draws) for columns in sides]
    for columns, of_side in zip(sides, drawn, strict=True):
        error = estimated(wanted, columns, of_side).error
        assert error == pytest.approx(np.sqrt(1 / 400 + 1 / 10_000), rel=0.2)
    assert np.std(drawn[0] - drawn[1]) == pytest.approx(np.sqrt(2 / 10_000), rel=0.2)
    assert abs(floor_of(wanted, sides[0])) < 4 * np.std(drawn[0])


def test_a_shift_of_the_model_is_its_difference() -> None:
    columns = photons(0.09, 0.01, 0.05)
    shifted: Columns = {**columns, "ratio": columns["ratio"] * 1.01}
    scale = next(q for q in quantities() if "30-100" in q.name)
    draws = folds_drawn(10, 20, 1)
    one, other = (estimated(scale, side, replicas(scale, side, draws)) for side in (columns, shifted))
    assert other.value - one.value == pytest.approx(0.01, rel=0.02)
    assert other.error == pytest.approx(1.01 * one.error)
    assert scale.bias(1.0, 0.01) == "+1.00 % on energies"


def test_every_number_has_a_name_of_its_own() -> None:
    names: list[str] = [quantity.name for quantity in quantities()]
    assert len(set(names)) == len(names) > 25


def test_rates_and_positions_look_at_their_own_rows() -> None:
    found = {q.name: q for q in quantities()}
    events: dict[str, Array] = {"highest_et_gev": np.array([1.0, 4.0, 6.0, 9.0])}
    assert [found[f"trigger: a cluster above {t} GeV"].value(events) for t in (3, 5, 8)] == [0.75, 0.5, 0.25]
    zone = np.repeat([0, 1, 2], 100)
    off = np.linspace(-1, 1, 100)
    columns = {
        "zone": zone,
        "energy_gev": np.full(300, 20.0),
        "off_x_mm": np.tile(off, 3) * (zone + 1),
        "off_y_mm": np.tile(off, 3) * (zone + 1),
    }
    widths = [
        found[f"photon position resolution above 10 GeV, {name}"].value(columns)
        for name in ("outer", "middle", "inner")
    ]
    np.testing.assert_allclose(widths, widths[0] * np.array([1, 2, 3]))
