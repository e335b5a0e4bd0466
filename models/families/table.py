"""The families of networks, by the name that recipes and checkpoints use."""

from __future__ import annotations

from typing import Any

from monsoon.models.families.coupling import CouplingFlow
from monsoon.models.families.diffusion.denoiser import Diffusion, FlowMatching
from monsoon.models.families.diffusion.student import Student
from monsoon.models.families.flow.flow import Flow
from monsoon.models.families.gan import Gan
from monsoon.models.families.table_library import TableLibrary
from monsoon.models.families.transport import TransportedLibrary
from monsoon.models.families.vae import Vae

FAMILIES: dict[str, Any] = {
    "flow": Flow,
    "transported-library": TransportedLibrary,
    "coupling-flow": CouplingFlow,
    "flow-matching": FlowMatching,
    "diffusion": Diffusion,
    "student": Student,
    "vae": Vae,
    "gan": Gan,
    "table-library": TableLibrary,
}
ONLY_SHOWERS = ("flow", "transported-library")
ONLY_TABLES = ("table-library",)
