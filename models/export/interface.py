"""What programs give to an exported generator."""

from __future__ import annotations

from typing import Literal

Interface = Literal["ddml", "par04"]
"""`ddml`: two inputs, `conditions` [N, C] and `noise` [N, D], uniform in (0, 1). `par04`: one, `input`
[N, D + C], of Gaussian numbers, then the conditions. All float32."""

CONDITION = ("pdg", "energy_mev", "direction_x", "direction_y", "direction_z", "offset_x_mm", "offset_y_mm")
"""Columns of the conditions of showers; see `Conditions`."""
