"""Chunks made on Ray are the chunks that one process makes."""

from __future__ import annotations

import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk, cut, incidents_of
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.pythia import collider
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.records import concatenate
from monsoon.engine.remote.collisions import collide

SOFT = ("SoftQCD:nonDiffractive = on",)  # initialises in a tenth of the time of all inelastic

pytestmark = pytest.mark.usefixtures("cluster")


def test_ray_makes_the_collisions_of_one_process_in_their_order(detector: Detector) -> None:
    assert collider(SOFT).soft
    chunks = cut(19, 4)
    assert [chunk.count for chunk in chunks] == [4, 4, 4, 4, 3]
    alone = [incidents_of(SOFT, 3, chunk, detector, Transport()) for chunk in chunks]
    on_ray = list(collide(SOFT, 3, chunks, detector, Transport(), workers=2))
    assert [part.event[0] for part in on_ray] == [0, 4, 8, 12, 16]
    assert content_hash(concatenate(on_ray)) == content_hash(concatenate(alone))


def test_a_refusal_on_ray_is_one_clear_line(detector: Detector) -> None:
    with pytest.raises(InputError, match="Pythia cannot start") as caught:
        list(collide(("HardQCD:all = on", "Beams:eCM = 1"), 3, [Chunk(0, 4, 4)], detector, Transport(), 1))
    assert "\n" not in str(caught.value)
