"""What a study leaves behind: a page, its plots, and all figures in JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from monsoon.engine.errors import InputError
from monsoon.jobs.pages.blocks import Image, Page, Section
from monsoon.jobs.pages.render import render
from monsoon.jobs.studies.pieces import StudyConfig
from monsoon.models.files import write_whole


def write_study(
    config: StudyConfig, title: str, lead: str, sections: Sequence[Section], figures: Mapping[str, Any]
) -> str:
    """Write `report.html`, `figures.json` and a PNG for each image, named by its section.

    Parameters
    ----------
    config
        Of the study; it is stored with the figures.
    title, lead, sections
        Of the page.
    figures
        By name; arrays are lists in the file, what is not finite is null.

    Returns
    -------
    str
        The page's path.

    Raises
    ------
    InputError
        Where something cannot be written.
    """
    output = Path(config.output)
    content = {"config": config.model_dump(mode="json"), **figures}
    try:
        for section in sections:
            images = [block for block in section.blocks if isinstance(block, Image)]
            for number, image in enumerate(images):
                suffix = f"-{number + 1}" if len(images) > 1 else ""
                write_whole(output / f"{section.anchor}{suffix}.png", image.png)
        write_whole(output / "figures.json", as_json(content))
        page = output / "report.html"
        write_whole(page, render(Page(title, lead, sections)))
    except OSError as error:
        raise InputError(f"{output}: cannot be written ({error.strerror}); free some space") from error
    return str(page.absolute())


def plus_minus(value: float, error: float, digits: int = 2) -> str:
    """A value with its uncertainty, which has so many significant digits.

    Examples
    --------
    >>> plus_minus(1.23456, 0.0123)
    '1.235 ± 0.012'
    >>> plus_minus(12345.0, 678.0, 1)
    '12,300 ± 700'
    """
    if not (math.isfinite(value) and math.isfinite(error)):
        return "-"
    if error <= 0:
        return f"{value:.4g}"
    places = digits - 1 - math.floor(math.log10(error))
    if places > 0:
        return f"{value:,.{places}f} ± {error:,.{places}f}"
    return f"{round(value, places):,.0f} ± {round(error, places):,.0f}"


def as_json(content: Mapping[str, Any]) -> bytes:
    """Figures as JSON: arrays are lists, what is not finite is null."""
    return json.dumps(_plain(content), indent=1, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(of_key) for key, of_key in value.items()}
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
