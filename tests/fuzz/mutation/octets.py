"""Changes of bytes and of lines of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

NUMBER = re.compile(rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
EXTREMES = (
    *(b"0", b"-0", b"1", b"-1", b"2", b"1.5", b"+3", b"1e5", b"1_0", b"0x10", b"1e-320", b"1e39", b"1e308"),
    *(b"-1e308", b"1e309", b"nan", b"NaN", b"inf", b"-inf", b"Infinity", b"none", b"", b"-", b".", b"1,0"),
    *(
        str(number).encode()
        for bits in (7, 8, 15, 16, 31, 32, 63, 64)
        for number in (1 << bits, (1 << bits) - 1)
    ),
    *(str(-(1 << bits) - 1).encode() for bits in (31, 63)),
    *(b"9" * 400, b"9" * 5000, b"0." + b"3" * 2000, "٣".encode(), "½".encode(), b"\xff\xfe", b"\x00"),
)
PIECES = (
    b"\x00",
    b"\xff" * 8,
    b"\x00" * 64,
    b"\n",
    b"\r\n",
    b"\x1b[31m",
    "é\u202e".encode(),
    b"%s%n",
    b"\xef\xbb\xbf",
)

Change = Callable[[bytearray, Random], None]


def mutated_bytes(content: bytes, random: Random) -> bytes:
    """The content with one to four changes of bytes."""
    return _changed(content, random, BYTES)


def mutated_text(content: bytes, random: Random) -> bytes:
    """The content with one to four changes of lines, fields or numbers, sometimes of bytes."""
    return _changed(content, random, TEXT if random.random() < 0.85 else BYTES)


def _changed(content: bytes, random: Random, changes: tuple[Change, ...]) -> bytes:
    found = bytearray(content)
    for _ in range(random.choice((1, 1, 1, 2, 3, 4))):
        random.choice(changes)(found, random)
    return bytes(found)


def _block(content: bytearray, random: Random) -> slice:
    start = random.randrange(len(content) + 1)
    return slice(start, start + min(int(random.expovariate(1 / 64)) + 1, len(content)))


def _flip(content: bytearray, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 8))):
        if content:
            content[random.randrange(len(content))] ^= 1 << random.randrange(8)


def _overwrite(content: bytearray, random: Random) -> None:
    place = _block(content, random)
    content[place] = random.randbytes(len(content[place]))


def _extreme_integer(content: bytearray, random: Random) -> None:
    width = random.choice((1, 2, 4, 8))
    number = random.choice((0, 1, 1 << (8 * width - 1), (1 << (8 * width - 1)) - 1, (1 << (8 * width)) - 1))
    place = random.randrange(len(content) + 1)
    content[place : place + width] = number.to_bytes(width, random.choice(("little", "big")))


def _cut(content: bytearray, random: Random) -> None:
    del content[random.randrange(len(content) + 1) :]


def _cut_out(content: bytearray, random: Random) -> None:
    del content[_block(content, random)]


def _double(content: bytearray, random: Random) -> None:
    place = _block(content, random)
    content[place.start : place.start] = content[place]


def _move(content: bytearray, random: Random) -> None:
    block = content[_block(content, random)]
    content[_block(content, random)] = block


def _insert(content: bytearray, random: Random) -> None:
    place = random.randrange(len(content) + 1)
    content[place:place] = random.choice(PIECES)


def _number(content: bytearray, random: Random) -> None:
    found = list(NUMBER.finditer(bytes(content)))
    if found:
        start, end = random.choice(found).span()
        content[start:end] = random.choice(EXTREMES)


def _same_number(content: bytearray, random: Random) -> None:
    """A number in the place of another: ids and counts that no longer fit."""
    found = list(NUMBER.finditer(bytes(content)))
    if found:
        other = random.choice(found).group()
        start, end = random.choice(found).span()
        content[start:end] = other


def _lines(content: bytearray, random: Random) -> None:
    lines = bytes(content).split(b"\n")
    at = random.randrange(len(lines))
    count = random.choice((1, 1, 2, 5))
    kind = random.randrange(5)
    if kind == 0:
        del lines[at : at + count]
    elif kind == 1:
        lines[at:at] = lines[at : at + count]
    elif kind == 2:
        lines.insert(random.randrange(len(lines)), lines[at])
    elif kind == 3:
        other = random.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        del lines[at:]
    content[:] = b"\n".join(lines)


def _fields(content: bytearray, random: Random) -> None:
    lines = bytes(content).split(b"\n")
    at = random.randrange(len(lines))
    fields = lines[at].split(b" ")
    field = random.randrange(len(fields))
    kind = random.randrange(4)
    if kind == 0:
        del fields[field]
    elif kind == 1:
        fields.insert(field, random.choice(EXTREMES))
    elif kind == 2:
        fields[field] = random.choice((*EXTREMES, *fields))
    else:
        fields[field:field] = fields[field:] * random.choice((1, 1, 100))
    lines[at] = b" ".join(fields)
    content[:] = b"\n".join(lines)


def _line_ends(content: bytearray, random: Random) -> None:
    end = random.choice((b"\r\n", b"\r", b"\n\n", b" \n", b"\n "))
    content[:] = bytes(content).replace(b"\n", end)


BYTES: tuple[Change, ...] = (
    _flip, _flip, _overwrite, _extreme_integer, _cut, _cut_out, _double, _move, _insert, _number,
)  # fmt: skip
TEXT: tuple[Change, ...] = (
    _number,
    _number,
    _same_number,
    _same_number,
    _lines,
    _fields,
    _fields,
    _line_ends,
)
