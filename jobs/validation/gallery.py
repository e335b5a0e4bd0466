"""Figures on their way out: into the page, and as PNG and PDF files beside it."""

from __future__ import annotations

import re
from pathlib import Path

from matplotlib.figure import Figure

from monsoon.engine.errors import InputError
from monsoon.jobs.plots.style import png
from monsoon.jobs.report import markup

PLOTS = "plots"  # the folder, in the output


class Gallery:
    """Remembers what it has written."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError where nothing can be written."""
        self._folder = folder / PLOTS
        self.names: list[str] = []
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written ({error.strerror}); choose another --out"
            ) from error

    def hang(self, name: str, figure: Figure, alt: str, caption: str = "", wide: bool = False) -> str:
        """HTML of a figure with what it shows in words."""
        stem = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-")
        image = png(figure)
        (self._folder / f"{stem}.png").write_bytes(image)
        # no time in the file: made twice, it is the same
        figure.savefig(self._folder / f"{stem}.pdf", metadata={"CreationDate": None})
        self.names.append(stem)
        return markup.figure(image, alt, caption, wide)
