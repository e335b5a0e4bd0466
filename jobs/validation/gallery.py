"""Figures into the page, and as PNG and PDF files beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from monsoon.engine.errors import InputError
from monsoon.jobs.plots.style import png
from monsoon.jobs.report import markup

PLOTS = "plots"  # the folder, in the output


class Gallery:
    """The figures of one page; remembers the names of what it has written."""

    def __init__(self, folder: Path, written: Callable[[str], None] = lambda name: None) -> None:
        """Make the folder of the figures in that of the page.

        Parameters
        ----------
        folder
            Of the page; it need not exist.
        written
            Is told the name of each figure, when it is written.

        Raises
        ------
        InputError
            Where nothing can be written.
        """
        self._folder = folder / PLOTS
        self._written = written
        self.names: list[str] = []
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written ({error.strerror}); choose another --out"
            ) from error

    def hang(self, name: str, figure: Figure, alt: str, caption: str = "", wide: bool = False) -> str:
        """Write a figure; returns its HTML with what it shows in words."""
        stem = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
        image = png(figure)
        (self._folder / f"{stem}.png").write_bytes(image)
        # no time in the file: made twice, it is the same
        figure.savefig(self._folder / f"{stem}.pdf", metadata={"CreationDate": None})
        self.names.append(stem)
        self._written(stem)
        return markup.figure(image, alt, caption, wide)
