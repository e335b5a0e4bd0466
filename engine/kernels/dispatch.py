"""The operations of events, each with its implementations."""

from __future__ import annotations

from monsoon.engine.kernels.attribute import cpu as attribute_cpu
from monsoon.engine.kernels.attribute import reference as attribute_reference
from monsoon.engine.kernels.digitise import cpu as digitise_cpu
from monsoon.engine.kernels.digitise import reference as digitise_reference
from monsoon.engine.kernels.philox import cpu as philox_cpu
from monsoon.engine.kernels.philox import reference as philox_reference
from monsoon.engine.kernels.place import cpu as place_cpu
from monsoon.engine.kernels.place import reference as place_reference
from monsoon.engine.kernels.spread import cpu as spread_cpu
from monsoon.engine.kernels.spread import reference as spread_reference
from monsoon.models.kernels.operation import Operation, in_triton

PHILOX = Operation(
    "philox",
    philox_reference.philox,
    cpu=philox_cpu.philox,
    cuda=in_triton("monsoon.engine.kernels.philox.gpu", "philox"),
)
UNIFORM = Operation(
    "uniform",
    philox_reference.uniform,
    cpu=philox_cpu.uniform,
    cuda=in_triton("monsoon.engine.kernels.philox.gpu", "uniform"),
)
PLACE = Operation(
    "place",
    place_reference.place,
    cpu=place_cpu.place,
    cuda=in_triton("monsoon.engine.kernels.place.gpu", "place"),
)
SPREAD = Operation("spread", spread_reference.spread, cpu=spread_cpu.spread)
DIGITISE = Operation(
    "digitise",
    digitise_reference.digitise,
    cpu=digitise_cpu.digitise,
    cuda=in_triton("monsoon.engine.kernels.digitise.gpu", "digitise"),
)
DIGITISE_DEPOSITS = Operation(
    "digitise deposits",
    digitise_reference.digitise_deposits,
    cpu=digitise_cpu.digitise_deposits,
    cuda=in_triton("monsoon.engine.kernels.digitise.gpu", "digitise_deposits"),
)
ATTRIBUTE = Operation(
    "attribute",
    attribute_reference.attribute,
    cpu=attribute_cpu.attribute,
    cuda=in_triton("monsoon.engine.kernels.attribute.gpu", "attribute"),
)
