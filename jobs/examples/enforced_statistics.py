"""What it does to other statistics of a sample that a GAN's loss enforces some: trained with it and without.

    python -m monsoon.jobs.examples.enforced_statistics --steps 200 --out out/enforced

ends with a table and a plot: how far means and spreads of generated likelihoods are from those of held-out
tracks, of what was enforced and of what was held out. Both trainings start from the same seed and see the
same rows; the floor is as many training tracks. Interrupted, the same command goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pyarrow.parquet as pq
import typer
from numpy.typing import NDArray

import monsoon
from monsoon.jobs.plots.style import BLACK, BLUE, ORANGE, png, single, styled
from monsoon.models.files import write_whole
from monsoon.models.store.shipped import SAMPLES

ENFORCED = ("RichDLLk", "RichDLLp")
HELD_OUT = ("RichDLLe", "RichDLLmu", "RichDLLk-RichDLLp")
HELD_OUT_FILE, TRAINING_FILE = SAMPLES / "rich-heldout.parquet", SAMPLES / "rich.parquet"
RESAMPLED = 100  # for the uncertainties
Array = NDArray[Any]


def trained(out: Path, steps: int, further: Mapping[str, Any]) -> str:
    """Train a Cramer GAN of likelihoods with further options, and generate a row for each held-out track."""
    words = [f"steps={steps}", f"warm_up={steps // 20}", f"output={out / 'model'}"]
    config = monsoon.load_training("gan-rich", words)
    options = {**config.options, **further}
    model = monsoon.train(config.model_copy(update={"options": options}), local=True)
    rows = str(out / "rows.parquet")
    monsoon.sample(model.output, str(HELD_OUT_FILE), rows)
    return rows


def quantity(path: str | Path, name: str, rows: Array | None = None) -> Array:
    """A column of a table, or the difference `a-b` of two, float64 [N]; of some rows."""
    first, *other = (pq.read_table(path, columns=[part])[part].to_numpy() for part in name.split("-"))
    values: Array = (first - other[0] if other else first).astype(np.float64)
    return values if rows is None else values[rows]


def off(found: Array, real: Array, moment: Callable[[Array], float]) -> tuple[float, float]:
    """How far a mean or spread of one sample is from another's, in spreads of that, with its uncertainty."""
    rng = np.random.default_rng(0)
    spread = real.std()
    again = [
        moment(rng.choice(found, len(found))) - moment(rng.choice(real, len(real))) for _ in range(RESAMPLED)
    ]
    return (moment(found) - moment(real)) / spread, float(np.std(again)) / spread


def compare(samples: dict[str, Callable[[str], Array]]) -> dict[str, dict[str, tuple[float, float]]]:
    """For each sample and each mean or spread its distance from that of held-out tracks, and uncertainty."""
    moments: dict[str, Callable[[Array], float]] = {"mean": np.mean, "spread": np.std}
    return {
        who: {
            f"{moment} {name}": off(values(name), quantity(HELD_OUT_FILE, name), moments[moment])
            for name in (*ENFORCED, *HELD_OUT)
            for moment in moments
        }
        for who, values in samples.items()
    }


def draw(found: dict[str, dict[str, tuple[float, float]]]) -> bytes:
    """The distances as a PNG: one row a statistic, the enforced ones above the line."""
    names = list(next(iter(found.values())))
    with styled():
        figure, axes = single(8.2, 5.6)
        for place, (who, colour) in enumerate(zip(found, (BLUE, ORANGE, BLACK), strict=True)):
            values, errors = np.transpose([found[who][name] for name in names])
            y = np.arange(len(names)) + 0.22 * (place - 1)
            axes.errorbar(100 * values, y, xerr=100 * errors, fmt="o", ms=5, color=colour, label=who)
        axes.axvline(0, color=BLACK, lw=0.8)
        axes.axhline(2 * len(ENFORCED) - 0.5, color=BLACK, lw=0.8, ls=":")
        axes.set_yticks(range(len(names)), names, fontsize=11)
        axes.invert_yaxis()
        axes.set_xlabel("off by, per cent of the spread; above the dotted line: enforced")
        axes.legend(loc="best")
        figure.subplots_adjust(left=0.33)
        return png(figure)


def main(
    steps: Annotated[int, typer.Option(help="training steps of each GAN")] = 200,
    out: Annotated[Path, typer.Option(help="folder of models, rows, table and plot")] = Path("out/enforced"),
) -> None:
    """Train a GAN of identification likelihoods with enforced statistics and without, and compare."""
    rows = {
        "without": trained(out / "without", steps, {}),
        "enforced": trained(out / "enforced", steps, {"enforce": ENFORCED, "hold_out": HELD_OUT}),
    }
    size = len(quantity(HELD_OUT_FILE, "RichDLLk"))
    some = np.random.default_rng(0).permutation(len(quantity(TRAINING_FILE, "RichDLLk")))[:size]
    found = compare(
        {
            "without": lambda name: quantity(rows["without"], name),
            "enforced": lambda name: quantity(rows["enforced"], name),
            "floor": lambda name: quantity(TRAINING_FILE, name, some),
        }
    )
    print(f"| off by, % of the spread | {' | '.join(found)} |")
    print(f"|---|{'---|' * len(found)}")
    for name in found["floor"]:
        cells = (
            f"{100 * value:.1f} +- {100 * error:.1f}"
            for value, error in (who[name] for who in found.values())
        )
        print(f"| {name} | {' | '.join(cells)} |")
    write_whole(out / "enforced.png", draw(found))
    print(f"plot: {out / 'enforced.png'}")


if __name__ == "__main__":
    typer.run(main)
