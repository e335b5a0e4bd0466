"""A Merkle tree over SHA-256, as certificate logs use it: one hash that stands for a list, in its order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_LEAF, _NODE = b"\x00", b"\x01"  # apart, so that no leaf passes for a node


class MerkleTree:
    """The root over the leaves appended so far, of which no more than one hash per level is kept.

    A leaf's hash is SHA-256(0x00, leaf), that of a node SHA-256(0x01, left, right); of n > 1 leaves the
    left part of a tree has the largest power of two below n. Whoever holds the root can be shown by log2(n)
    hashes that a leaf is in the list, and no other list with the same root can be made.

    References
    ----------
    B. Laurie, A. Langley, E. Kasper, Certificate Transparency, RFC 6962, section 2.1.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._whole: list[tuple[int, bytes]] = []  # leaves and hash of perfect trees, ever smaller
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> None:
        """Add a leaf behind the others."""
        size, digest = 1, hashlib.sha256(_LEAF + leaf).digest()
        while self._whole and self._whole[-1][0] == size:
            _, left = self._whole.pop()
            size, digest = 2 * size, _node(left, digest)
        self._whole.append((size, digest))

    def root(self) -> str:
        """The root in hexadecimal; that of no leaves is SHA-256 of nothing."""
        if not self._whole:
            return hashlib.sha256().hexdigest()
        digest = self._whole[-1][1]
        for _, left in reversed(self._whole[:-1]):
            digest = _node(left, digest)
        return digest.hex()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
