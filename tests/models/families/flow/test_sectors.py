"""Regions and their trees cover an image once, and symmetries map regions onto each other."""

from __future__ import annotations

import pytest
import torch

from monsoon.models.families.flow.sectors import Sectors
from monsoon.models.geometry.planar import Planar

GRID = Planar()
SECTORS = Sectors(GRID)


def test_there_are_49_single_pixels_and_24_sectors() -> None:
    counts = torch.bincount(SECTORS.region)
    assert counts[:49].tolist() == [1] * 49
    assert len(counts) == SECTORS.count == 73
    assert int(counts.sum()) == 900
    assert torch.equal(SECTORS.region[SECTORS.pixels], torch.arange(49))


def test_symmetries_map_sectors_onto_each_other() -> None:
    """Row and column 0, which have no partners, apart."""
    inside = (GRID.centres_mm.abs() < 14.5 * GRID.pixel_mm).all(1)
    for symmetry in GRID.symmetries:
        moved = SECTORS.region[symmetry][inside]
        pairs = torch.unique(torch.stack([SECTORS.region[inside], moved], 1), dim=0)
        assert len(pairs) == SECTORS.count


def test_an_image_too_large_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="more than the 65536 of a flow"):
        Sectors(Planar(rows=400, columns=400, centre=20))


def test_every_pixel_of_a_sector_hangs_once_below_it() -> None:
    tree = SECTORS.fine
    seen = []
    for sector, root in enumerate(tree.roots.tolist()):
        places = [root]
        while places:
            place = places.pop()
            if place < 0:
                assert SECTORS.region[~place] == 49 + sector
                seen.append(~place)
            else:
                assert tree.root_of[place] == sector
                children = tree.children[place].tolist()
                assert all(child < 0 or child > place for child in children)
                places += children
    assert sorted(seen + SECTORS.pixels.tolist()) == list(range(900))


def test_the_energies_of_roots_are_the_sectors_sums() -> None:
    image = torch.rand(5, 900, generator=torch.Generator().manual_seed(0))
    nodes = SECTORS.fine.roots.long()
    torch.testing.assert_close(
        SECTORS.fine.energies(image)[:, nodes].sum(2), SECTORS.sums(image)[:, 49:], rtol=1e-5, atol=1e-5
    )
