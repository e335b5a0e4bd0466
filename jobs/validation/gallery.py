"""Figures for the page, which are also written as PNG and PDF files beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from monsoon.engine.errors import InputError
from monsoon.jobs.pages.blocks import Image
from monsoon.jobs.plots.style import png

PLOTS = "plots"  # the folder, in the output


class Gallery:
    """The folder with the figures of one page.

    Parameters
    ----------
    folder
        Of the page; it need not exist.
    written
        Is called with the name of each figure after it was written.

    Raises
    ------
    InputError
        Where the folder cannot be made.
    """

    def __init__(self, folder: Path, written: Callable[[str], None] = lambda name: None) -> None:
        self._folder = folder / PLOTS
        self._written = written
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written ({error.strerror}); choose another --out"
            ) from error

    def add(self, name: str, figure: Figure, alt: str, caption: str = "", scrolled: bool = False) -> Image:
        """Write a figure as PNG and PDF.

        Parameters
        ----------
        name
            Of the files; whatever is not a letter, a digit or a point becomes a hyphen.
        figure
            The figure.
        alt, caption, scrolled
            As in `Image`.

        Returns
        -------
        Image
            The same figure for the page.
        """
        stem = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
        image = png(figure)
        (self._folder / f"{stem}.png").write_bytes(image)
        # without its date the file is the same each time
        figure.savefig(self._folder / f"{stem}.pdf", metadata={"CreationDate": None})
        self._written(stem)
        return Image(image, alt, caption, scrolled)
