"""All readers of foreign data, by name."""

from __future__ import annotations

from tests.fuzz.reader import Reader
from tests.fuzz.readers.collisions import COLLISIONS
from tests.fuzz.readers.configs import CONFIGS
from tests.fuzz.readers.networks import NETWORKS
from tests.fuzz.readers.outputs import OUTPUTS
from tests.fuzz.readers.shards import SHARDS
from tests.fuzz.readers.showers import SHOWERS
from tests.fuzz.readers.tables import TABLES
from tests.fuzz.readers.trainings import TRAININGS

READERS: dict[str, Reader] = {
    **COLLISIONS,
    **SHARDS,
    **SHOWERS,
    **CONFIGS,
    **NETWORKS,
    **TRAININGS,
    **OUTPUTS,
    **TABLES,
}
