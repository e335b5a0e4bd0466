"""`monsoon study physics`: physics quantities of events of held-out showers, and of the same by models."""

from __future__ import annotations

from monsoon.jobs.studies.physics.config import PhysicsConfig

__all__ = ["PhysicsConfig"]
