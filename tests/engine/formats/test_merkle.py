"""The Merkle tree is the one of RFC 6962."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from monsoon.engine.formats.merkle import MerkleTree


def as_written(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\x01" + as_written(leaves[:split]) + as_written(leaves[split:])).digest()


@given(st.lists(st.binary(max_size=20), max_size=70))
def test_the_root_is_that_of_the_definition(leaves: list[bytes]) -> None:
    assert MerkleTree(leaves).root() == as_written(leaves).hex()


def test_the_root_of_the_published_test_vector() -> None:
    """The eight leaves of Google's certificate-transparency tests."""
    leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    root = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert MerkleTree(map(bytes.fromhex, leaves)).root() == root


@given(st.lists(st.binary(min_size=1, max_size=4), min_size=2, max_size=20, unique=True))
def test_order_and_number_of_leaves_matter(leaves: list[bytes]) -> None:
    roots = {MerkleTree(part).root() for part in (leaves, leaves[::-1], leaves[1:], [*leaves, leaves[-1]])}
    assert len(roots) == 4
