"""Rows of numbers from their bytes, compiled: what is written plainly, and to the bit as Python reads it."""

from __future__ import annotations

import math

import numba as nb
import numpy as np

from monsoon.engine.records import Array

INTEGER, REAL, PASSED = np.uint8(ord("i")), np.uint8(ord("f")), np.uint8(ord("-"))
NEWLINE, BLANK, MINUS, PLUS, POINT, ZERO, NINE, UNDERSCORE, EXPONENT, LARGE_EXPONENT = np.frombuffer(
    b"\n -+.09_eE", np.uint8
)
LOWEST, HIGHEST = -290, 290  # powers of ten of a mantissa below 2**64: no result is subnormal or infinite
INTEGER_DIGITS, REAL_DIGITS = 18, 19  # at most: 10**18 is below 2**63, 10**19 below 2**64
EXPONENT_DIGITS = 4
ONE, HALF_BITS, HALF = np.uint64(1), np.uint64(32), np.uint64(0xFFFFFFFF)
ALL, NINE_BITS = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0x1FF)


def _powers_of_five() -> Array:
    """The upper 128 bits of 5**q, uint64 [q - LOWEST, 2], rounded as the paper wants them."""
    powers = []
    for q in range(LOWEST, HIGHEST + 1):
        five = 5 ** abs(q)
        if q < 0:
            power = (1 << (five.bit_length() + 127)) // five + (q >= -27)
        else:
            power = (five << 128) >> five.bit_length()
        powers.append((power >> 64, power & ((1 << 64) - 1)))
    return np.array(powers, np.uint64)


POWERS = _powers_of_five()


@nb.njit(cache=True)
def _product(a: np.uint64, b: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The upper and the lower 64 bits of a * b."""
    a1, a0, b1, b0 = a >> HALF_BITS, a & HALF, b >> HALF_BITS, b & HALF
    low, middle = a0 * b0, a1 * b0
    middle += low >> HALF_BITS
    other = a0 * b1 + (middle & HALF)
    return a1 * b1 + (middle >> HALF_BITS) + (other >> HALF_BITS), a * b


@nb.njit(cache=True)
def decimal(mantissa: np.uint64, exponent: int) -> float:
    """The double next to mantissa * 10**exponent, ties to even; NaN where that takes longer to tell.

    References
    ----------
    D. Lemire, Number parsing at a gigabyte per second, Softw. Pract. Exp. 51 (2021), arXiv:2101.11408.
    """
    if mantissa == 0:
        return 0.0
    if exponent < LOWEST or exponent > HIGHEST:
        return np.nan
    shift = np.uint64(0)
    while (mantissa >> np.uint64(63)) == 0:
        mantissa <<= ONE
        shift += ONE
    high, low = _product(mantissa, POWERS[exponent - LOWEST, 0])
    if (high & NINE_BITS) == NINE_BITS:
        more, _ = _product(mantissa, POWERS[exponent - LOWEST, 1])
        low += more
        if low < more:
            high += ONE
    if low == ALL and not -27 <= exponent <= 55:
        return np.nan
    upper = high >> np.uint64(63)
    bits = high >> (upper + np.uint64(9))
    tie = (low <= ONE) and -4 <= exponent <= 23 and (bits & np.uint64(3)) == ONE
    if tie and (bits << (upper + np.uint64(9))) == high:
        bits &= ~ONE
    bits = (bits + (bits & ONE)) >> ONE
    power = ((152170 + 65536) * exponent >> 16) + 63 + int(upper) - int(shift)
    return math.ldexp(float(bits), power - 52)


@nb.njit(cache=True)
def _behind(text: Array, at: int) -> int:
    """Where the field ends that begins there: -1 where none does."""
    begin = at
    while text[at] > BLANK and text[at] != UNDERSCORE:  # Python would read 1_0 as a number
        at += 1
    return at if at > begin else -1


@nb.njit(cache=True)
def _integer(text: Array, at: int) -> tuple[int, int]:
    """The integer that begins there, and where it ends: -1 where it is not one."""
    negative = text[at] == MINUS
    begin = at = at + negative
    value = 0
    while ZERO <= text[at] <= NINE and at < begin + INTEGER_DIGITS:
        value = 10 * value + int(text[at] - ZERO)
        at += 1
    if at == begin or (text[begin] == ZERO and at > begin + 1):
        return 0, -1
    return (-value if negative else value), at


@nb.njit(cache=True)
def _real(text: Array, at: int) -> tuple[float, int]:
    """The number that begins there, and where it ends: -1 where it is not one."""
    negative = text[at] == MINUS
    begin = at = at + negative
    mantissa, significant, fraction, point = np.uint64(0), 0, 0, False
    while ZERO <= text[at] <= NINE or (text[at] == POINT and not point):
        if text[at] == POINT:
            point = True
        else:
            mantissa = np.uint64(10) * mantissa + np.uint64(text[at] - ZERO)
            significant += significant > 0 or text[at] != ZERO
            fraction += point
            if significant > REAL_DIGITS:
                return 0.0, -1
        at += 1
    if at == begin + point:
        return 0.0, -1
    exponent = 0
    if text[at] == EXPONENT or text[at] == LARGE_EXPONENT:
        at += 1
        below = text[at] == MINUS
        begin = at = at + (below or text[at] == PLUS)
        while ZERO <= text[at] <= NINE and at < begin + EXPONENT_DIGITS:
            exponent = 10 * exponent + int(text[at] - ZERO)
            at += 1
        if at == begin:
            return 0.0, -1
        exponent = -exponent if below else exponent
    value = decimal(mantissa, exponent - fraction)
    return (-value if negative else value), (-1 if math.isnan(value) else at)


@nb.njit(cache=True)
def numbers(text: Array, kinds: Array, integers: Array, reals: Array, each: int) -> bool:
    """Take lines of numbers apart.

    Parameters
    ----------
    text
        Lines, uint8, as many as there are rows, each with a newline; the first byte of each is passed over.
    kinds
        Of each further field INTEGER, REAL or PASSED, uint8.
    integers, reals
        Filled with the fields of their kind, a row a line: int64 [N, I], float64 [N, R].
    each
        How many fields follow for each one that the last integer counts; they are passed over, too.

    Returns
    -------
    bool
        Whether all lines are written plainly; the rows hold nothing of use otherwise.
    """
    at = 0
    for row in range(len(integers)):
        at += 1
        integer, real, field, fields = 0, 0, 0, len(kinds)
        while field < fields:
            if text[at] != BLANK:
                return False
            while text[at] == BLANK:
                at += 1
            kind = kinds[field] if field < len(kinds) else PASSED
            if kind == INTEGER:
                integers[row, integer], at = _integer(text, at)
                integer += 1
            elif kind == REAL:
                reals[row, real], at = _real(text, at)
                real += 1
            else:
                at = _behind(text, at)
            if at < 0:
                return False
            field += 1
            if field == len(kinds):
                fields += each * min(max(integers[row, -1], 0), len(text))
        if text[at] != NEWLINE or (each and integers[row, -1] < 0):
            return False
        at += 1
    return True
