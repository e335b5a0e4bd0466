"""The families of networks, by the name that recipes and checkpoints use."""

from __future__ import annotations

from monsoon.models.families.flow.flow import Flow
from monsoon.models.families.transport import TransportedLibrary

Network = Flow | TransportedLibrary
FAMILIES: dict[str, type[Network]] = {"flow": Flow, "transported-library": TransportedLibrary}
