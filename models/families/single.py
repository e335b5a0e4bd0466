"""The families that stand on their own: none of them asks another trained model for its samples."""

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

SINGLE: dict[str, Any] = {
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
