"""What the readout window of the triggered bunch crossing integrates of the signals of others."""

from __future__ import annotations

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.records import Array, Incidents

SPACING_NS = 25.0  # of bunch crossings
LIGHT_MM_PER_NS = 299.792458


def crossings_of(detector: Detector) -> tuple[int, ...]:
    """The other crossings that leave something in the triggered one, by their number from it on.

    Raises InputError where the detector's description does not say.
    """
    spill_over = detector.description.electronics.spill_over
    if spill_over is None:
        raise InputError(
            f"out_of_time: detector {detector.description.name} has no electronics.spill_over; describe "
            "which fraction of other crossings' signals its readout window integrates, or leave it out"
        )
    return tuple(spill_over)


def prompt_crossings(detector: Detector) -> tuple[int, ...]:
    """Those of `crossings_of` in which particles as fast as light leave something; of others few do."""
    spill_over = detector.description.electronics.spill_over or {}
    return tuple(k for k in crossings_of(detector) if np.atleast_1d(spill_over[k])[0] > 0)


def integrated_fraction(incidents: Incidents, detector: Detector) -> Array:
    """Fraction of each particle's signal that the readout window integrates, float32 [N].

    It is 1 for particles of the triggered crossing. For others the detector's `spill_over` has it, perhaps by
    how much later they are than light from the interaction point, t - 25 ns k - |x| / c, rounded to whole
    nanoseconds; who is earlier has the first fraction, who is later than all the last.

    Parameters
    ----------
    incidents
        Events with N particles of several crossings.
    detector
        Whose description has `spill_over`.

    Raises
    ------
    ValueError
        If it does not have one of the crossings.
    """
    assert incidents.crossing is not None
    fraction = np.ones(len(incidents.crossing), np.float32)
    spill_over = detector.description.electronics.spill_over or {}
    late_ns = incidents.time_ns - SPACING_NS * incidents.crossing
    late_ns -= np.linalg.norm(incidents.position_mm.astype(np.float64), axis=1) / LIGHT_MM_PER_NS
    for crossing in set(incidents.crossing.tolist()) - {0}:
        if crossing not in spill_over:
            raise ValueError(f"detector {detector.description.name} has no spill_over of crossing {crossing}")
        by_delay = np.atleast_1d(np.array(spill_over[crossing], np.float32))
        rows = incidents.crossing == crossing
        fraction[rows] = by_delay[np.clip(np.rint(late_ns[rows]), 0, len(by_delay) - 1).astype(np.int64)]
    return fraction
