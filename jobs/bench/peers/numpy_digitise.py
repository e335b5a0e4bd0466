"""The peers' noise, digitisation and compaction: the integers of `digitise`, vectorised in numpy."""

from __future__ import annotations

import numpy as np

from monsoon.engine.detector.detector import Detector
from monsoon.engine.kernels.digitise import COUNT_BITS
from monsoon.engine.records import Array, offsets_of
from monsoon.jobs.bench.deposits import Hits
from monsoon.jobs.bench.peers.numpy_numbers import Numbers


class NumpyDigitise:
    """Noise for all cells of a few events at once; light only where there is any."""

    def __init__(self, detector: Detector, numbers: Numbers) -> None:
        self.tables, self.numbers = detector.electronics, numbers
        self.gain = self.tables.gain.numpy()
        self.mev_per_count = self.tables.mev_per_count.numpy()

    def __call__(self, cells: Array, event: Array) -> Hits:
        """Hits of cells [E, C], visible energy in 1/256 MeV, in the events numbered event int64 [E]."""
        tables = self.tables
        normal, shared = self.numbers.noise(event, cells.shape[1])
        counts = normal * tables.incoherent
        counts += shared * tables.coherent + (1 << (COUNT_BITS - 1))

        e, c = np.nonzero(cells > 0)
        signal = cells[e, c].astype(np.int64)
        if tables.photons_per_unit:
            signal = self.numbers.photoelectrons(event, e, c, signal, cells.shape[1])
        counts[e, c] += signal * self.gain[c]

        counts >>= COUNT_BITS
        kept = counts >= tables.threshold
        cell = np.nonzero(kept)[1]
        adc = np.minimum(counts[kept], tables.ceiling)
        energy = adc.astype(np.float32) * self.mev_per_count[cell]
        return Hits(
            offsets_of(np.count_nonzero(kept, 1)), cell.astype(np.uint32), adc.astype(np.uint16), energy
        )
