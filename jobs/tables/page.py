"""The page of a validation of tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from monsoon.jobs.pages.blocks import (
    Badge,
    Block,
    Cell,
    Image,
    Page,
    Paragraph,
    Section,
    SideBySide,
    Table,
)
from monsoon.jobs.plots.overlay import OTHER_REAL, REAL, steps
from monsoon.jobs.plots.style import png, styled
from monsoon.jobs.tables.result import ABSOLUTE, FLOOR, SIGMA, TableResult
from monsoon.jobs.validation.tables import TONES
from monsoon.models.data.tables.files import TableSet
from monsoon.models.metrics.quality import Estimate

BINS = 50


def page_of(result: TableResult, real: TableSet, samples: Mapping[str, TableSet]) -> Page:
    """Verdicts, the joint classifier, separations, efficiencies, and every feature drawn.

    Parameters
    ----------
    result
        What was found.
    real
        The real rows.
    samples
        Generated rows by model, and other real ones under `FLOOR`.
    """
    lead = (
        f"{result.rows:,} rows of each sample against {result.reference}; the floor is as many other real "
        f"rows against the same ones. Seed {result.seed}."
    )
    quick: list[Block] = (
        [Paragraph("Less effort was asked for: not to quote.", warning=True)] if result.quick else []
    )
    return Page(
        "Validation of a table's generators",
        lead,
        [
            Section("verdicts", "Verdicts", [*quick, _verdicts(result)]),
            Section("classifier", "Joint classifier and separations", [_classifier(result), _power(result)]),
            *([Section("efficiencies", "Efficiencies", _efficiencies(result))] if _cuts(result) else []),
            Section("features", "Features", _features(result, real, samples)),
        ],
    )


def _cuts(result: TableResult) -> list[str]:
    return list(result.judged[FLOOR].efficiency)


def _verdicts(result: TableResult) -> Table:
    rows: list[list[Cell]] = []
    for name in result.models:
        failed = result.failures(name)
        outcome = result.outcome(name)
        rows.append([name, Badge(str(outcome), TONES[outcome]), "; ".join(failed) or result.reason])
    return Table(["model", "verdict", "why"], rows, text_columns=[1, 2])


def _classifier(result: TableResult) -> Table:
    features = [column.name for column in result.schema.features]
    rows = []
    for name in [*result.models, FLOOR]:
        found = result.judged[name]
        separations = [f"{found.separation[feature]:.2g}" for feature in features]
        rows.append([name, f"{found.auc:.3f} ± {found.error:.3f}", *separations, f"{found.outside:,}"])
    caption = (
        "Area under the ROC curve of boosted trees that see all features and the conditions (.5: not told "
        "apart), the separation power of each feature, and rows whose conditions lie outside the training "
        "domain."
    )
    return Table(["sample", "joint AUC", *(f"separation {f}" for f in features), "outside"], rows, caption)


def _power(result: TableResult) -> Table:
    rows = []
    for flaw, found in result.power.items():
        seen = "no" if flaw in result.missed else "yes"
        rows.append([flaw, f"{found.auc:.3f} ± {found.error:.3f}", seen])
    caption = (
        "Power: the joint classifier, in one repeat, about as many other real rows with a known flaw. It is "
        "seen where the area is above the floor's by three sigma; a classifier that does not see every one "
        "makes no model pass. Shares are of a column's spread; a blur leaves every single column as it is."
    )
    return Table(["known flaw", "joint AUC", "seen"], rows, caption, [2])


def _efficiencies(result: TableResult) -> list[Block]:
    blocks: list[Block] = []
    for cut in _cuts(result):
        rows = []
        for name in [*result.models, FLOOR]:
            bins = result.judged[name].efficiency[cut]
            worst = max(bins, key=lambda one: abs(one.difference))
            pulls = [abs(one.difference) / one.error for one in bins if one.error > 0]
            rows.append(
                [
                    name,
                    f"{len(bins)}",
                    f"{sum(not one.agrees(ABSOLUTE, SIGMA) for one in bins)}",
                    f"{np.sqrt(np.mean(np.square(pulls))):.2f}" if pulls else "-",
                    f"{worst.generated:.3f} for {worst.reference:.3f} ± {worst.error:.3f}",
                    worst.where,
                ]
            )
        head = ["sample", "bins", "beyond 1 % and 2 sigma", "rms pull", "largest difference", "where"]
        blocks.append(
            Table(head, rows, f"Share of rows with {cut}, by species and bins of the conditions", [5])
        )
    return blocks


def _features(result: TableResult, real: TableSet, samples: Mapping[str, TableSet]) -> list[Block]:
    blocks: list[Block] = []
    images = []
    named = {OTHER_REAL if name == FLOOR else name: rows for name, rows in samples.items()}
    complete = {
        label: (result.schema.completed(rows.features.values), rows.weight.double().numpy())
        for label, rows in {REAL: real, **named}.items()
    }
    for column in result.schema.features:
        values = complete[REAL][0].column(column.name).numpy()
        low, high = np.quantile(values, [0.001, 0.999])
        edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        curves = {}
        for label, (table, weight) in complete.items():
            x = table.column(column.name).numpy()
            counts, _ = np.histogram(x, edges, weights=weight)
            squares, _ = np.histogram(x, edges, weights=weight**2)
            scale = weight.sum() * np.diff(edges)
            curves[label] = Estimate(counts / scale, np.sqrt(squares) / scale)
        unit = f" [{column.unit}]" if column.unit else ""
        density = f"share of rows / {column.unit}" if column.unit else "share of rows / unit"
        with styled():
            figure = png(steps(edges, curves, f"{column.name}{unit}", density, reference=REAL))
        caption = (
            f"{column.name}, weighted; 0.1 % of the real rows lie beyond either end. Bands are one sigma."
        )
        images.append(Image(figure, f"{column.name}: generated and real", caption))
    for start in range(0, len(images), 2):
        blocks.append(SideBySide(images[start : start + 2]))
    return blocks
