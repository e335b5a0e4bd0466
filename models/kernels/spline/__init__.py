"""Monotone rational-quadratic splines: `reference.py` is the truth, in plain torch and differentiable.

The reference has `spline(x, parameters, bound, inverse)`; `cpu.py` has `spline(x, parameters, bound)`, with
first gradients, and `inverse_spline`, which gives values only.
"""

from __future__ import annotations

import math

MIN_SIZE = 1e-3  # least width and height of a bin, as a share of the interval
MIN_SLOPE = 1e-3
SLOPE_ONE = math.log(math.expm1(1 - MIN_SLOPE))  # the raw slope that means one
