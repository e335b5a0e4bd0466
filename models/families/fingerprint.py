"""What of a network determines its samples, as one number."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from torch import nn

# Of the kernels by which networks sample: raised where they give other last bits, so that no campaign mixes
# both. It is part of a campaign's identity; a fingerprint says whose weights they are, and has it not.
ARITHMETIC = 2


def fingerprint(network: nn.Module, settings: Any) -> str:
    """SHA-256 of settings and of all tensors that a network keeps.

    Parameters
    ----------
    network
        Its parameters and buffers, by name, on any device.
    settings
        What else a sample depends on: configuration and constants, as JSON.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
