"""Regions and their trees cover a picture once."""

from __future__ import annotations

import torch

from models.grid import Grid
from models.sectors import Sectors

SECTORS = Sectors(Grid())


def test_there_are_49_single_pixels_and_20_sectors() -> None:
    counts = torch.bincount(SECTORS.region)
    assert counts[:49].tolist() == [1] * 49
    assert len(counts) == SECTORS.count == 69
    assert int(counts.sum()) == 900


def test_every_pixel_hangs_once_below_its_region() -> None:
    tree = SECTORS.fine
    seen = []
    for region, root in enumerate(tree.roots.tolist()):
        places = [root]
        while places:
            place = places.pop()
            if place < 0:
                assert SECTORS.region[~place] == region
                seen.append(~place)
            else:
                children = tree.children[place].tolist()
                assert all(child < 0 or child > place for child in children)
                places += children
    assert sorted(seen) == list(range(900))


def test_the_energies_of_roots_are_the_regions_sums() -> None:
    picture = torch.rand(5, 900, generator=torch.Generator().manual_seed(0))
    nodes = SECTORS.fine.roots[49:].long()
    torch.testing.assert_close(
        SECTORS.fine.energies(picture)[:, nodes].sum(2), SECTORS.sums(picture)[:, 49:], rtol=1e-5, atol=1e-5
    )


def test_what_is_shared_out_is_what_was_there() -> None:
    """Log ratios at the coarse nodes and the total give the regions back, whatever is empty."""
    regions = torch.rand(50, 69, generator=torch.Generator().manual_seed(1)) + 0.1
    regions[torch.rand(50, 69, generator=torch.Generator().manual_seed(2)) < 0.6] = 0
    tree = SECTORS.coarse
    parts = tree.energies(regions).clamp(min=1e-9)
    logits = torch.log(parts[:, :, 0] / parts[:, :, 1])
    shared = tree.share_out(regions.sum(1), logits, 0.01, 0.005)
    torch.testing.assert_close(shared, regions, rtol=1e-4, atol=1e-4)
    assert torch.equal(shared > 0, regions > 0)


def test_no_region_gets_less_than_the_least_and_nothing_is_lost() -> None:
    generator = torch.Generator().manual_seed(3)
    total = 0.1 * torch.rand(200, generator=generator)
    logits = 4 * torch.randn(200, len(SECTORS.coarse.children), generator=generator)
    shared = SECTORS.coarse.share_out(total, logits, 0.01, 0.005)
    assert ((shared == 0) | (shared >= 0.01 - 1e-8) | (shared == total[:, None])).all()
    torch.testing.assert_close(shared.sum(1), total)
