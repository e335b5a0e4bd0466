"""The families of networks, by the name that recipes and checkpoints use."""

from __future__ import annotations

from monsoon.models.families.flow.flow import Flow

FAMILIES = {"flow": Flow}
