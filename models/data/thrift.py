"""Thrift's compact protocol, in which Parquet says what is in a file and in its pages.

https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from typing import Any

Fields = dict[int, Any]
DEEPEST = 8  # structs and lists in each other; of a footer six
BYTE, DOUBLE, BINARY, LIST, SET, STRUCT = 3, 7, 8, 9, 10, 12
BOOLEANS = 1, 2
INTEGERS = 4, 5, 6


class Compact:
    """Reads bytes from foreign hands: every method raises IndexError where they are no such thing.

    Parameters
    ----------
    content
        The bytes.

    Attributes
    ----------
    at : int
        How many bytes have been read.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.at = 0

    def struct(self, depth: int = 0) -> Fields:
        """Integers, structs and lists of them by the number of their field; of other fields None."""
        if depth > DEEPEST:
            raise IndexError("nested too deep")
        found: Fields = {}
        number = 0
        while kind := self._byte():
            delta = kind >> 4
            number = number + delta if delta else self._integer()
            kind &= 15
            value = kind == BOOLEANS[0] if kind in BOOLEANS else self._value(kind, depth)
            if number in found:
                raise IndexError("a field is there twice")
            found[number] = value
        return found

    def _value(self, kind: int, depth: int) -> Any:
        if kind in (*BOOLEANS, BYTE):  # booleans in a list have a byte each
            return self._byte()
        if kind in INTEGERS:
            return self._integer()
        if kind == DOUBLE:
            return self._skip(8)
        if kind == BINARY:
            return self._skip(self._unsigned())
        if kind in (LIST, SET):
            return self._list(depth + 1)
        if kind == STRUCT:
            return self.struct(depth + 1)
        raise IndexError("a field of another kind")

    def _list(self, depth: int) -> list[Any]:
        if depth > DEEPEST:
            raise IndexError("nested too deep")
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._unsigned()
        return [self._value(head & 15, depth) for _ in range(count)]

    def _byte(self) -> int:
        self.at += 1
        return self._content[self.at - 1]

    def _unsigned(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
        raise IndexError("no integer")

    def _integer(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self._content):
            raise IndexError("beyond the end")
