"""Numbers of listings, taken apart by compiled code: the same as Python's, to the bit, or left to Python."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monsoon.engine.incidents.hepmc.columns import Unreadable, columns_of, real, whole
from monsoon.engine.incidents.hepmc.digits import INTEGER, REAL, numbers


def taken(field: str, kind: np.uint8) -> tuple[bool, float]:
    """Whether a field is written plainly, and what it is then."""
    integers, reals = (
        np.zeros((1, int(kind == each)), type_) for each, type_ in ((INTEGER, np.int64), (REAL, float))
    )
    text = np.frombuffer(f"P {field}\n".encode(), np.uint8)
    plain = numbers(text, np.array([kind]), integers, reals, 0)
    return plain, (integers if kind == INTEGER else reals)[0, 0]


def bits(value: float) -> bytes:
    return struct.pack("d", value)


@settings(max_examples=1000, deadline=None)  # it is compiled in the first
@given(value=st.floats(1e-250, 1e250), digits=st.integers(0, 18), negative=st.booleans())
def test_a_real_number_is_what_python_reads(value: float, digits: int, negative: bool) -> None:
    for written in (f"{value:.{digits}e}", repr(value), f"{value:.{digits}g}"):
        field = f"-{written}" if negative else written
        assert taken(field, REAL)[0]
        assert bits(taken(field, REAL)[1]) == bits(float(field))


@settings(max_examples=1000, deadline=None)  # it is compiled in the first
@given(bits_=st.integers(1 << 52, (1 << 53) - 1), power=st.integers(0, 10))
@example(bits_=1 << 52, power=0)
@example(bits_=(1 << 53) - 1, power=10)
def test_ties_between_two_doubles_go_to_the_even_one(bits_: int, power: int) -> None:
    tie = (2 * bits_ + 1) << power
    for field in (str(tie), f"{tie}.0", f"{tie - 1}", f"{tie + 1}", f"{tie * 5}e-1"):
        plain, value = taken(field, REAL)
        assert not plain or bits(value) == bits(float(field))
    assert taken(str(tie), REAL)[0] or power > 9


@settings(deadline=None)
@given(mantissa=st.integers(0, 1 << 70), exponent=st.integers(-400, 400), zeros=st.integers(0, 20))
@example(mantissa=1 << 64, exponent=0, zeros=0)  # its last digit makes an unsigned word 0 again
@example(mantissa=1, exponent=-324, zeros=0)
@example(mantissa=1, exponent=400, zeros=0)
def test_what_is_not_left_to_python_is_as_python_reads_it(mantissa: int, exponent: int, zeros: int) -> None:
    for field in (
        f"{'0' * zeros}{mantissa}e{exponent}",
        f"0.{'0' * zeros}{mantissa}E{exponent:+d}",
        f"{mantissa}",
    ):
        plain, value = taken(field, REAL)
        assert not plain or bits(value) == bits(float(field))


@settings(deadline=None)
@given(value=st.integers(-(1 << 70), 1 << 70))
def test_an_integer_is_what_python_reads(value: int) -> None:
    plain, taken_ = taken(str(value), INTEGER)
    assert plain == (len(str(abs(value))) <= 18)
    assert not plain or taken_ == value


@pytest.mark.parametrize(
    "field",
    ["", "-", ".", "-.", "e5", "1e", "1e+", "1.2.3", "0x10", "1_0", "nan", "inf", "+1", "1 2", "1,5", "1\t"],
)
@pytest.mark.parametrize("kind", [INTEGER, REAL])
def test_what_is_not_plain_is_left_to_python(field: str, kind: np.uint8) -> None:
    assert not taken(field, kind)[0]


@pytest.mark.parametrize(
    "odd", [b"P 3 0.5 y  1\r", b"P +3 0.5 y 1", b"P 03 5e-1 y 1", b"P 3 0.50000000000000000000 y 1"]
)
def test_lines_that_are_not_plain_give_the_same(odd: bytes) -> None:
    plain, other = (columns_of(b"P", lines, b"if-i") for lines in ([b"P 3 0.5 x 1"], [odd]))
    assert isinstance(plain[1], np.ndarray)
    assert not isinstance(other[1], np.ndarray)
    for column, read in ((1, whole), (2, real), (4, whole)):
        assert read(plain[column]).tolist() == read(other[column]).tolist()


@pytest.mark.parametrize(
    "line", [b"P 3 0.5 x", b"P 3 0.5 x 1 1", b"P 3 0.5  1", b"P", b"P 3 0.5 x_x 1", b"P 3 0.5 x 1_0"]
)
def test_a_line_with_other_fields_is_refused(line: bytes) -> None:
    with pytest.raises(Unreadable, match="other fields"):
        columns_of(b"P", [b"P 3 0.5 x 1", line], b"if-i")


def test_lists_behind_a_line_are_passed_over_if_they_are_as_long_as_it_says() -> None:
    for lists in (b"0", b"1 5 6", b"2 5 6 7 8"):
        assert whole(columns_of(b"P", [b"P 3 " + lists, b"P 4 0"], b"ii", each=2)[1]).tolist() == [3, 4]
    for lists in (b"1", b"1 5", b"0 5 6", b"-1", b"1 5 6 7", b"9" * 18):
        with pytest.raises(Unreadable):
            columns_of(b"P", [b"P 3 " + lists, b"P 4 0"], b"ii", each=2)
