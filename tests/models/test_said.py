"""What is said of foreign text is one line that does nothing to a terminal, and gives no secret away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monsoon.models.errors import InputError
from monsoon.models.said import escaped, redacted, said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nmonsoon: finished", r"a\nmonsoon: finished"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\udcff", r"\udcff"),
        ("GeV ± µ", "GeV ± µ"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, line: str) -> None:
    assert escaped(text) == line


@given(st.text())
def test_anything_is_one_printable_line_of_bounded_length(text: str) -> None:
    assert said(text).isprintable()
    assert len(said(text * 50, 100)) < 1200
    said(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("root://me:secret@host//data", "root://me:***@host//data"),
        ("s3://KEY:se/c@ret@bucket/a: cannot", "s3://KEY:***@bucket/a: cannot"),
        ("https://host/a?X-Amz-Signature=secret, no", "https://host/a?***, no"),
        ("root://host//d?authz=secret: gone", "root://host//d?***: gone"),
        ("root://host:1094//data?authz=secret (no)", "root://host:1094//data?*** (no)"),
        ("root://me@host:1094//data", "root://me@host:1094//data"),
        ("file:///data/what?.h5", "file:///data/what?.h5"),
    ],
)
def test_secrets_of_urls_are_not_repeated(text: str, shown: str) -> None:
    assert redacted(text) == shown
    assert redacted(shown) == shown


def test_an_input_error_is_said_so() -> None:
    assert str(InputError("s3://a:secret@b: \x1b[2J\n")) == r"s3://a:***@b: \x1b[2J\n"
