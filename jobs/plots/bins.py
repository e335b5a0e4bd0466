"""The bins that plots of several rooms share, so that their curves can be compared."""

from __future__ import annotations

import numpy as np

ENERGY_EDGES_MEV = np.geomspace(1e3, 1e5, 9)
"""Incident energy, MeV: four bins a decade from 1 to 100 GeV, float64 [9]."""
