"""The families of networks, by the name that recipes and checkpoints use."""

from __future__ import annotations

from typing import Any

from monsoon.models.families.acceptance.accept_reject import AcceptReject
from monsoon.models.families.single import SINGLE

FAMILIES: dict[str, Any] = {**SINGLE, "accept-reject": AcceptReject}
ONLY_SHOWERS = ("flow", "transported-library", "accept-reject")
ONLY_TABLES = ("table-library",)
