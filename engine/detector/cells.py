"""The table of a detector's cells: where each one is, and what one count of it means."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from monsoon.engine.detector.detector import Detector

SCHEMA = pa.schema(
    [
        ("cell", pa.uint32()),
        ("x_mm", pa.float64()),
        ("y_mm", pa.float64()),
        ("size_mm", pa.float64()),
        ("zone", pa.string()),
        ("layer", pa.uint8()),
        ("mev_per_count", pa.float32()),
        ("z_mm", pa.float64()),
    ]
)
# of outputs whose events are of schema 1: they stay as they are
SCHEMA_1 = pa.schema([("cell", pa.uint16()), *list(SCHEMA)[1:-1]])


def cell_table(detector: Detector) -> pa.Table:
    """One row for each cell; row i is cell i, as `hit_cell` counts.

    Parameters
    ----------
    detector : Detector
        Of C cells in L layers.

    Returns
    -------
    pyarrow.Table
        Columns of C rows: `cell` (number), `x_mm` and `y_mm` (centre on the face, the beam is at 0),
        `size_mm` (edge of the square), `zone` (name in the description), `layer` (0 .. L - 1 from the face),
        `mev_per_count` (calibrated MeV of one ADC count: a hit's energy is `hit_adc * mev_per_count`) and
        `z_mm` (of the middle of the layer; of the face where no layers are described).
        The footer names the detector and the checksum of its description.
    """
    description = detector.description
    zone = detector.zone_of_cell
    names = np.array([zone.name for zone in description.zones], object)
    columns = [
        np.arange(detector.cells, dtype=np.uint32),
        *detector.cell_centres_mm.T,
        detector.size_mm,
        names[zone],
        detector.layer_of_cell.astype(np.uint8),
        detector.electronics.mev_per_count.numpy(),
        description.face_z_mm + detector.depths_mm[detector.layer_of_cell],
    ]
    about = {"detector": description.name, "description_sha256": description.sha256}
    return pa.table(columns, schema=SCHEMA.with_metadata(about))
