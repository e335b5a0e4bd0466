"""The plot of what a denoiser's sampling steps buy."""

from __future__ import annotations

from collections.abc import Mapping

from monsoon.jobs.plots.style import BLUE, GREY, png, single, styled


def draw_steps(found: Mapping[str, Mapping[str, float]]) -> bytes:
    """Plot the area under the curve against the number of sampling steps, each with its time.

    Parameters
    ----------
    found
        By number of steps: `auc` and its `error`, the `floor`, and the time of a row in `us_per_row`.

    Returns
    -------
    bytes
        A PNG file.
    """
    counts, values = [int(count) for count in found], list(found.values())
    with styled():
        figure, axes = single(6.6, 4.6)
        axes.axhline(values[0]["floor"], color=GREY, label="floor")
        axes.errorbar(
            counts, [of["auc"] for of in values], [of["error"] for of in values], fmt="o-", color=BLUE,
            label="all columns at once",
        )  # fmt: skip
        for count, of in zip(counts, values, strict=True):
            time = f"{of['us_per_row']:.0f} us"
            axes.annotate(time, (count, of["auc"]), (6, 6), textcoords="offset points", fontsize=10)
        axes.margins(y=0.12)
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xlim(counts[0] / 1.3, counts[-1] * 1.6)
        axes.set_xlabel("sampling steps")
        axes.set_ylabel("AUC of the classifier")
        axes.legend()
        return png(figure)
