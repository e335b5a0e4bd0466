"""The bins that plots of several rooms share, so that their curves can be compared."""

from __future__ import annotations

import numpy as np

PIXEL_MM = 20.2

ENERGY_EDGES_MEV = np.geomspace(1e3, 1e5, 9)
"""Incident energy, MeV: four bins a decade from 1 to 100 GeV, float64 [9]."""

RING_EDGES_MM = PIXEL_MM * np.array([0, 0.5, 1, 1.5, 2, 3, 4, 5, 7, 10, 15])
"""Distance from the impact, mm, float64 [11]."""
