"""The plot of the learning curve."""

from __future__ import annotations

from collections.abc import Sequence

from monsoon.jobs.plots.style import BLUE, GREY, ORANGE, png, single, styled
from monsoon.models.training.history import Record


def draw_curve(curve: Sequence[Record]) -> bytes:
    """Plot the scores on validation and training rows against the step.

    Parameters
    ----------
    curve : sequence of Record
        The records of the training. That of the untrained network is left out.

    Returns
    -------
    bytes
        A PNG file.
    """
    trained = [record for record in curve if record.step]
    with styled():
        figure, axes = single(7.0, 4.6)
        for name, colour in (("fit", GREY), ("score", ORANGE)):
            known = [(r.step, s) for r in trained if (s := getattr(r, name))]
            steps, scores = [step for step, _ in known], [s for _, s in known]
            low, high = ([s.mean + sign * s.error for s in scores] for sign in (-1, 1))
            axes.fill_between(steps, low, high, color=colour, alpha=0.25, linewidth=0)
            label = {"score": "validation", "fit": "training rows"}[name]
            axes.plot(steps, [s.mean for s in scores], color=colour, label=label)
        best = min(trained, key=lambda record: record.score.mean)
        axes.plot([best.step], [best.score.mean], "o", color=BLUE, label=f"best: {best.score.mean:.5g}")
        axes.set_xlabel("step")
        axes.set_ylabel("score")
        axes.legend()
        return png(figure)
