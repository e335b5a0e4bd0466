"""Which words of a campaign name what Monsoon ships, and open no path or URL.

A manifest comes from elsewhere as often as not: what it names is not opened because it names it.
"""

from __future__ import annotations

from collections.abc import Callable

from monsoon.engine.detector.detector import shipped_detectors
from monsoon.models.store.shipped import is_shipped
from monsoon.models.store.suite import POLICIES


def _models(words: str) -> bool:
    return all(map(is_shipped, words.split(",")))


SHIPPED: dict[str, Callable[[str], bool]] = {
    "model": _models,
    "outside": lambda words: words in POLICIES or _models(words),
    "detector": lambda word: word in shipped_detectors(),
}
"""Of each key of a campaign that may hold a path or a URL, whether its words do not."""
