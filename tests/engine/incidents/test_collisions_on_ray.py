"""Chunks made on Ray are the chunks that one process makes."""

from __future__ import annotations

import pytest

from monsoon.engine.detector.detector import Detector
from monsoon.engine.errors import InputError
from monsoon.engine.incidents.chunks import Chunk, cut
from monsoon.engine.incidents.content import content_hash
from monsoon.engine.incidents.pools import PoolSettings, collide_here
from monsoon.engine.incidents.pythia import collider
from monsoon.engine.incidents.transport import Transport
from monsoon.engine.records import concatenate
from monsoon.engine.remote.collisions import collide_on_ray

SOFT = ("SoftQCD:nonDiffractive = on",)  # initialises in a tenth of the time of all inelastic

pytestmark = pytest.mark.usefixtures("cluster")


@pytest.mark.slow
def test_ray_makes_the_collisions_of_one_process_in_their_order(detector: Detector) -> None:
    assert collider(SOFT).soft
    chunks, settings = cut(19, 4), PoolSettings(SOFT, 3, Transport(), detector, chunk=4)
    assert [chunk.count for chunk in chunks] == [4, 4, 4, 4, 3]
    on_ray = list(collide_on_ray(settings, chunks, workers=2))
    assert [part.event[0] for part in on_ray] == [0, 4, 8, 12, 16]
    alone = collide_here(settings, chunks)
    assert content_hash(concatenate(on_ray)) == content_hash(concatenate(alone))


def test_a_refusal_on_ray_is_one_clear_line(detector: Detector) -> None:
    settings = PoolSettings(("HardQCD:all = on", "Beams:eCM = 1"), 3, Transport(), detector, chunk=4)
    with pytest.raises(InputError, match="Pythia cannot be initialised") as caught:
        list(collide_on_ray(settings, [Chunk(0, 4, 4)], workers=1))
    assert "\n" not in str(caught.value)
