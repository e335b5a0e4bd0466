"""The path on a GPU: a library's events are those of the CPU bit for bit, by Triton's kernels alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields

import numpy as np
import pytest

from monsoon.engine.detector.placing import Placing
from monsoon.engine.pipeline import generate
from monsoon.engine.records import Incidents
from monsoon.models.kernels.operation import Operation, ran
from monsoon.models.store.suite import Suite
from tests.on_gpu import DEVICE, NEEDS_TRITON, poisoned

pytestmark = NEEDS_TRITON
OPERATIONS = ("uniform", "gather", "place", "digitise", "attribute")


def test_events_of_a_library_are_those_of_the_cpu(
    suite: Suite,
    placing: Placing,
    make_incidents: Callable[..., Incidents],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An empty event among them. Where there is no GPU the interpreter stands in for it."""
    incidents = make_incidents([17, 0, 12], seed=5, first_event=(1 << 32) - 1)
    expected = generate(incidents, suite, placing, 1 << 40, contributions=True)
    if DEVICE == "cpu":
        by = Operation.by
        monkeypatch.setattr(Operation, "on", lambda self, device: by(self, "cuda"))
        monkeypatch.setattr(Operation, "by", lambda self, provider: by(self, "cuda"))
    with ran() as kernels, poisoned():
        found = generate(incidents, suite, placing, 1 << 40, contributions=True, device=DEVICE)
    assert kernels == {(name, "cuda") for name in OPERATIONS}
    assert len(expected.hit_cell) > 50
    assert len(expected.contribution_hit) > 50
    for field in fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(other, np.ndarray):
            assert one.dtype == other.dtype, field.name
            assert np.array_equal(one, other), field.name
        else:
            assert one == other, field.name
