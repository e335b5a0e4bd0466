"""The page of `monsoon study toy`: four plots, each with its numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from monsoon.jobs.pages.blocks import Cell, Image, Paragraph, Section, Table
from monsoon.jobs.plots.studies import Curve, draw_curves
from monsoon.jobs.studies.page import plus_minus, write_study
from monsoon.jobs.studies.toy import (
    FIT,
    FLOW,
    GAMMA,
    GAN,
    JOINT_FIT,
    OPTIONS,
    PERMUTED,
    ROWS_OF_STEP,
    SHARES,
    TRAINING,
    ToyConfig,
    toy_of,
    toy_results,
)  # fmt: skip
from monsoon.models.metrics.measurement import Array
from monsoon.models.studies.tails import Tails, disagreement, equivalent_size

TRUE = np.array(SHARES)
BEYOND = "true share of events beyond the threshold"
MODELS = (FIT, JOINT_FIT, FLOW, GAN)  # a person without the truth would take any of them
QUOTED = (2, 4, 6, 8)  # of SHARES, in tables: 10^-2, 10^-3, 10^-4, 10^-5


def report_toy(config: ToyConfig, local: bool = False) -> str:
    """Run the study, or go on with it, and write its page; returns the page's path. Raises InputError."""
    found = toy_results(config, local)
    tails = {
        part: {name: Tails.of(values, TRUE) for name, values in _shares(of_part).items()}
        for part, of_part in found.items()
    }
    sections = [
        _cut_off(config, found["independent"], tails["independent"]),
        _fluctuation(config, tails["independent"]),
        _correlation(found["correlated"], tails["correlated"]),
        _systematics(found["independent"], tails["independent"]),
    ]
    figures = {
        "shares": TRUE,
        "tails": {part: {name: vars(of) for name, of in some.items()} for part, some in tails.items()},
        "largest": dict(zip(found["independent"]["methods"], found["independent"]["largest"], strict=True)),
        "correlation": found["correlated"]["correlation"],
        "seconds": {part: of["seconds"] for part, of in found.items()},
    }
    return write_study(
        config,
        "What 1 000 events are worth: two LogNormal variables",
        _lead(config, found),
        sections,
        figures,
    )


def _lead(config: ToyConfig, found: dict[str, Any]) -> str:
    seconds = ", ".join(f"{name} {time:.1f}" for name, time in found["independent"]["seconds"].items())
    networks = "; ".join(f"{name}: {_options(name)}" for name in config.networks)
    return (
        f"{config.target:,} values of x1 + x2 out of {config.rows:,}, {config.repetitions} times. "
        f"Logarithms of width "
        f"{config.sigmas[0]:g} and {config.sigmas[1]:g}, independent, or in the third plot "
        f"({config.correlated_target:,} "
        f"values) of correlation {config.correlation:g}. The truth is integrated. Networks, on "
        f"{config.columns} columns, "
        f"{config.flow_steps} (flow) and {config.gan_steps} (GAN) steps of {ROWS_OF_STEP}: {networks}. "
        f"Seconds of one core for training one and generating {config.network_target or config.target:,}: "
        f"{seconds or 'none'}."
    )


def _options(name: str) -> str:
    return ", ".join(f"{key} {value}" for key, value in OPTIONS[name][1].items())


def _shares(found: dict[str, Any]) -> dict[str, Array]:
    return dict(zip(found["methods"], found["shares"], strict=True))


def _cut_off(config: ToyConfig, found: dict[str, Any], tails: dict[str, Tails]) -> Section:
    truth = toy_of(config, 0.0)
    rows: list[list[Cell]] = []
    for name, largest in zip(found["methods"], found["largest"], strict=True):
        ends = np.array([np.log10(max(truth.beyond(float(x)), 1e-300)) for x in largest])
        low, middle, high = np.quantile(ends, [0.16, 0.5, 0.84])
        t = tails[name]
        rows.append(
            [
                name,
                f"{middle:.1f} ({low:.1f} to {high:.1f})",
                *(_percent(t.median[i], t.median_error[i]) for i in QUOTED),
                *(f"{100 * t.empty[i]:.0f}" for i in QUOTED),
            ]
        )
    png = draw_curves(
        {name: Curve(TRUE, t.median, t.median_error) for name, t in tails.items() if name != TRAINING},
        BEYOND, "median bias of the share, over truth", y_scale="symlog", level=0.0, falling=True, columns=2,
    )  # fmt: skip
    caption = (
        "Median over the repetitions and its error: at -1 most samples have nothing beyond the threshold."
    )
    table = Table(
        ["method", "log10 of the true share beyond the end", *_heads("median bias"), *_heads("empty")], rows,
        "What a typical sample holds beyond a threshold, less the truth, in per cent of it, and the share of "
        "samples that hold nothing there, in per cent. A sample of 10^6 true events ends at about -6.",
    )  # fmt: skip
    return Section(
        "cut-off", "Cut-off bias", [Image(png, "bias against true share, by method", caption), table]
    )


def _fluctuation(config: ToyConfig, tails: dict[str, Tails]) -> Section:
    curves = {
        f"{config.target:,} independent events": Curve(
            TRUE, np.sqrt((1 - TRUE) / TRUE / config.target), line=True
        ),
        f"{config.rows:,} independent events": Curve(
            TRUE, np.sqrt((1 - TRUE) / TRUE / config.rows), line=True
        ),
    }
    curves |= {
        name: Curve(TRUE, np.where(t.spread > 0, t.spread, np.nan), t.spread_error)
        for name, t in tails.items()
    }
    png = draw_curves(
        curves, BEYOND, "spread between repetitions, over truth", falling=True, columns=2, y_range=(5e-4, 3e3)
    )
    rows: list[list[Cell]] = []
    for name, t in tails.items():
        size = equivalent_size(TRUE, t.spread)
        rows.append(
            [
                name,
                *(f"{100 * t.spread[i]:.3g} ± {100 * t.spread_error[i]:.1g}" for i in QUOTED),
                *(f"{size[i]:,.3g}" for i in QUOTED),
            ]
        )
    table = Table(
        ["method", *_heads("spread, %"), *_heads("as of so many events")], rows,
        "Standard deviation of the share between repetitions, in per cent of the truth, and the number "
        "of independent events that fluctuate as much. Where a method is biased the spread alone says "
        "nothing.",
    )  # fmt: skip
    caption = (
        "Tails of a sample that was made out of another one fluctuate as that one does, however large it is."
    )
    return Section(
        "fluctuation",
        "Tail fluctuation",
        [Image(png, "spread against true share, by method", caption), table],
    )


def _correlation(found: dict[str, Any], tails: dict[str, Tails]) -> Section:
    shown = (PERMUTED, FIT, JOINT_FIT, FLOW, GAN)
    png = draw_curves(
        {name: Curve(TRUE[:6], t.bias[:6], t.bias_error[:6]) for name, t in tails.items() if name in shown},
        BEYOND, "bias of the share, over truth", y_scale="linear", level=0.0, y_range=(-1, 1), falling=True,
    )  # fmt: skip
    rows: list[list[Cell]] = []
    for name in shown:
        if name not in tails:
            continue
        t, values = tails[name], found["correlation"].get(name)
        mean = (
            "0 by construction"
            if values is None
            else plus_minus(np.mean(values), np.std(values) / len(values) ** 0.5)
        )
        if name == JOINT_FIT:
            mean = "that of the training sample"
        rows.append([name, mean, *(_percent(t.bias[i], t.bias_error[i]) for i in (0, 2, 4))])
    given = found["correlation"][TRAINING]
    table = Table(
        ["method", "correlation of the logarithms", *(f"bias at {TRUE[i]:.0e}" for i in (0, 2, 4))], rows,
        f"The training samples have {plus_minus(np.mean(given), np.std(given) / len(given) ** 0.5)}.", [1],
    )  # fmt: skip
    text = Paragraph(
        "What is permuted, or fitted by itself, loses what ties the variables together, and the sum's "
        "tail with it."
    )
    return Section(
        "correlation",
        "Broken correlation",
        [text, Image(png, "bias with correlated variables", "Mean and its error."), table],
    )


def _systematics(found: dict[str, Any], tails: dict[str, Tails]) -> Section:
    shares = _shares(found)
    models = [name for name in MODELS if name in shares]
    value, error = disagreement(np.stack([shares[name] for name in models]), TRUE)
    true_error = np.sqrt(np.mean([np.square(tails[name].bias) for name in models], 0))
    curves = {
        "spread between the models": Curve(TRUE, value, error),
        "rms bias of the models": Curve(TRUE, true_error),
    }
    curves |= {
        f"statistical: {name}": Curve(TRUE, tails[name].spread, tails[name].spread_error)
        for name in (FIT, FLOW)
        if name in tails
    }
    curves["a wrong model: gamma (bias)"] = Curve(TRUE, np.abs(tails[GAMMA].bias), tails[GAMMA].bias_error)
    png = draw_curves(curves, BEYOND, "over truth", falling=True, y_range=(5e-3, 1e3))
    rows: list[list[Cell]] = [
        [
            "spread between models of one sample, %",
            *(plus_minus(100 * value[i], 100 * error[i]) for i in QUOTED),
        ],
        ["rms bias of the models, %", *(f"{100 * true_error[i]:.3g}" for i in QUOTED)],
    ]
    for name in (*models, GAMMA):
        t = tails[name]
        rows.append([f"bias of {name}, %", *(_percent(t.bias[i], t.bias_error[i]) for i in QUOTED)])
    for name in models:
        t = tails[name]
        spreads = (f"{100 * t.spread[i]:.3g} ± {100 * t.spread_error[i]:.1g}" for i in QUOTED)
        rows.append([f"statistical spread of {name}, %", *spreads])
    table = Table(["", *_heads("")], rows, f"Models: {', '.join(models)}.")
    caption = (
        "What models of the same training sample disagree by is what a person can see of the "
        "systematic error; the bias is what it is. The gamma distribution fits the bulk and has no tail."
    )
    return Section(
        "systematics",
        "Model systematics",
        [Image(png, "disagreement of models against true share", caption), table],
    )


def _heads(of: str) -> list[str]:
    return [f"{of} at {TRUE[i]:.0e}".strip() for i in QUOTED]


def _percent(value: float, error: float) -> str:
    return plus_minus(100 * float(value), 100 * float(error))
