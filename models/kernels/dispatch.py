"""The operations of generators, each with its implementations."""

from __future__ import annotations

from torch import Tensor

from monsoon.models.kernels.gather import cpu as gather_cpu
from monsoon.models.kernels.gather import reference as gather_reference
from monsoon.models.kernels.hits import cpu as hits_cpu
from monsoon.models.kernels.hits import reference as hits_reference
from monsoon.models.kernels.operation import Operation, in_triton
from monsoon.models.kernels.spline import cpu as spline_cpu
from monsoon.models.kernels.spline import reference as spline_reference
from monsoon.models.kernels.split import cpu as split_cpu
from monsoon.models.kernels.split import reference as split_reference
from monsoon.models.kernels.transport import cpu as transport_cpu
from monsoon.models.kernels.transport import reference as transport_reference

GATHER = Operation(
    "gather",
    gather_reference.gather,
    cpu=gather_cpu.gather,
    cuda=in_triton("monsoon.models.kernels.gather.gpu", "gather"),
)
HITS = Operation(
    "hits", hits_reference.hits, cpu=hits_cpu.hits, cuda=in_triton("monsoon.models.kernels.hits.gpu", "hits")
)
SPLIT = Operation(
    "split",
    split_reference.split,
    cpu=split_cpu.split,
    cuda=in_triton("monsoon.models.kernels.split.gpu", "split"),
)
SPLINE: Operation[[Tensor, Tensor, float], tuple[Tensor, Tensor]] = Operation(
    "spline",
    spline_reference.spline,
    cpu=spline_cpu.spline,
    cuda=in_triton("monsoon.models.kernels.spline.gpu", "spline"),
)
INVERSE_SPLINE = Operation(
    "inverse spline",
    spline_reference.inverse_spline,
    cpu=spline_cpu.inverse_spline,
    cuda=in_triton("monsoon.models.kernels.spline.gpu", "inverse_spline"),
)
TRANSPORT = Operation(
    "transport",
    transport_reference.transport,
    cpu=transport_cpu.transport,
    cuda=in_triton("monsoon.models.kernels.transport.gpu", "transport"),
)
