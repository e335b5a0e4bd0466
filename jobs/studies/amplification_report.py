"""The page of `monsoon study amplification`: the worth by observable and training size."""

from __future__ import annotations

from typing import Any

import numpy as np

from monsoon.jobs.pages.blocks import Badge, Block, Cell, Image, Paragraph, Section, Table, Tone
from monsoon.jobs.plots.studies import Curve, draw_curves
from monsoon.jobs.studies.amplification import (
    FEWEST_TRUTH,
    GEANT4,
    AmplificationConfig,
    amplification_results,
)  # fmt: skip
from monsoon.jobs.studies.page import plus_minus, write_study
from monsoon.jobs.studies.worths import DOMINATED, Worth, shown
from monsoon.models.studies.laws import Law, fitted_law
from monsoon.models.studies.worth import QuantileError, quantile_error

Errors = dict[str, dict[str, dict[int, QuantileError]]]


def report_amplification(config: AmplificationConfig, local: bool = False) -> str:
    """Run the study, or go on with it, and write its page; returns the page's path. Raises InputError."""
    found = amplification_results(config, local)
    errors: Errors = {
        key: {
            model: {size: quantile_error(of["truth"], shares) for size, shares in of_size.items()}
            for model, of_size in of["models"].items()
        }
        for key, of in found["shares"].items()
    }
    laws = {key: {model: _law(some) for model, some in of.items()} for key, of in errors.items()}
    figures = {
        "worth": {
            key: {
                model: {
                    size: {
                        "interval": Worth.of(q).interval,
                        "quantile_error": vars(q),
                        "bias_dominated": q.dominated,
                    }
                    for size, q in some.items()
                }
                for model, some in of.items()
            }
            for key, of in errors.items()
        },
        "laws": {key: {model: law and vars(law) for model, law in of.items()} for key, of in laws.items()},
        "truth_showers": found["truth_showers"],
        "seconds": found["seconds"],
    }
    sections = [_table(config, errors), _laws(config, errors, laws), *_plots(config, errors, laws)]
    if found["truth_showers"] < FEWEST_TRUTH:
        few = (
            f"The truth has {found['truth_showers']:,} showers; {FEWEST_TRUTH:,} are asked for where a "
            f"number is quoted."
        )
        sections[0] = Section("worth", "Worth", [Paragraph(few, warning=True), *sections[0].blocks])
    return write_study(
        config, "How many Geant4 showers a generated sample is worth", _lead(config, found), sections, figures
    )


def _lead(config: AmplificationConfig, found: dict[str, Any]) -> str:
    times = ", ".join(f"{model} {seconds:.1f}" for model, seconds in found["seconds"].items())
    steps = f"{config.steps} steps" if config.steps else "the recipe's steps"
    return (
        f"{config.trainings} disjoint training samples of each size; each generator ({steps} where it is "
        f"trained) "
        f"makes {found['generated']:,} showers of conditions of {found['truth_showers']:,} Geant4 "
        f"showers that it did not "
        f"see. The quantile error (arXiv:2008.06545, 2202.07352) is that of the generator: noise of "
        f"finite samples is "
        f"taken out. Seconds of one core for a training: {times}."
    )


def _law(errors: dict[int, QuantileError]) -> Law | None:
    """Of 1 / N at each size; None where there are fewer than two sizes."""
    if len(errors) < 2:
        return None
    inverse = np.array([q.value / q.single for q in errors.values()])
    spread = np.array([q.error / q.single for q in errors.values()])
    return fitted_law(np.array(list(errors), float), inverse, spread)


def _table(config: AmplificationConfig, errors: Errors) -> Section:
    size, rows = max(config.sizes), []
    for key, of in errors.items():
        name, _, count = key.partition("/")
        row: list[Cell] = [name, count]
        for some in of.values():
            row.append(shown(Worth.of(some[size])))
        for model in config.models:
            row.append(_verdict(of[model][size], size))
        rows.append(row)
    models = [GEANT4, *config.models]
    caption = (
        f"Of generators trained on {size:,} showers: Geant4 showers that would have the same quantile "
        f"error, with the 68 % "
        f"interval. {GEANT4} is the training samples themselves, which are worth {size:,}. {DOMINATED}: "
        f"more than half of the "
        "error is the same in all trainings, so that more generated showers, and other training samples "
        "of the size, err alike."
    )
    head = ["observable", "quantiles", *models, *(f"{model}: verdict" for model in config.models)]
    text = [len(head) - 1 - n for n in range(len(config.models))]
    return Section("worth", "Worth", [Table(head, rows, caption, text)])


def _verdict(error: QuantileError, size: int) -> Badge:
    _, low, high = error.worth()
    if error.dominated:
        return Badge(DOMINATED, Tone.BAD if high < size else Tone.UNSURE)
    if low > size:
        return Badge("worth more", Tone.GOOD)
    if high < size:
        return Badge("worth less", Tone.BAD)
    return Badge("cannot tell", Tone.UNSURE)


def _laws(config: AmplificationConfig, errors: Errors, laws: dict[str, dict[str, Law | None]]) -> Section:
    rows: list[list[Cell]] = []
    for key in errors:
        for model in (GEANT4, *config.models):
            law = laws[key][model]
            if law is None:
                continue
            rows.append(
                [
                    f"{key}, {model}",
                    plus_minus(law.gain, law.gain**2 * law.slope_error) if law.slope else "-",
                    f"{law.most:,.3g}"
                    if law.offset > law.offset_error
                    else f"above {1 / (law.offset + law.offset_error):,.2g}",
                    f"{law.chi2:.1f} / {law.ndf}",
                ]
            )
    text = Paragraph(
        "1 / N = 1 / (g n) + 1 / N_most: of n training showers a generated sample is worth g n while n "
        "is small, and "
        "N_most at the most, however many it is trained on. g = 1 without N_most is Geant4 itself."
    )
    return Section(
        "laws",
        "Worth against the training's size",
        [text, Table(["observable/quantiles, model", "g", "N_most", "chi2 / ndf"], rows)],
    )


def _plots(
    config: AmplificationConfig, errors: Errors, laws: dict[str, dict[str, Law | None]]
) -> list[Section]:
    """The quantile error in units of one shower's, 1 / N, at 10 quantiles or the first number asked for."""
    count = 10 if 10 in config.quantiles else config.quantiles[0]
    sizes, blocks = np.array(config.sizes, float), list[Block]()
    fine = np.geomspace(sizes.min(), sizes.max(), 40)
    for name in config.observables:
        key, curves = f"{name}/{count}", {"1 / n": Curve(fine, 1 / fine, line=True)}
        for model, some in errors[key].items():
            curves[model] = Curve(
                sizes,
                np.array([q.value / q.single for q in some.values()]),
                np.array([q.error / q.single for q in some.values()]),
            )
            law = laws[key][model]
            if law and model != GEANT4:
                curves[f"law of {model}"] = Curve(fine, law.at(fine), line=True)
        png = draw_curves(curves, "training showers n", "quantile error, 1 / N", x_ticks=sizes.tolist())
        blocks.append(
            Image(png, f"{name}: quantile error against training size", f"{name}, {count} quantiles.")
        )
    return [Section("plots", "Plots", blocks)]
