"""How much a generator gains from more training rows: a sweep as a job script.

    python jobs/examples/training_sizes.py                     # minutes, on one core
    python jobs/examples/training_sizes.py out/sizes 100 500   # folder, steps, sizes ...

Every training makes equally many updates of equally many rows each, drawn from more or fewer different ones;
all are judged on the same held-out rows.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import monsoon

SIZES = (1_000, 4_000, 16_000, 64_000)


def training_sizes(output: str, steps: int = 2_000, sizes: Sequence[int] = SIZES) -> str | None:
    """Train the coupling flow of identification likelihoods on samples of these sizes.

    Parameters
    ----------
    output : str
        Folder for the models, the table and the plot.
    steps : int
        Updates of each training.
    sizes : sequence of int
        Rows of each training sample, drawn from the shipped one.

    Returns
    -------
    str or None
        The folder of the model with the best score; None if every training failed.
    """
    asked = monsoon.Sweep(
        verb="train",
        base="flow-rich",
        settings={"steps": steps, "validate_every": max(1, steps // 4)},
        axes={"rows": tuple(sizes)},
        output=output,
    )
    return monsoon.sweep(asked).best


if __name__ == "__main__":
    words = sys.argv[1:] or ["out/training-sizes", "2000", *map(str, SIZES)]
    print(f"best: {training_sizes(words[0], int(words[1]), [int(word) for word in words[2:]])}")
