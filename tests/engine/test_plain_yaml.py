"""YAML from elsewhere: plain values of bounded size, or a reason."""

from __future__ import annotations

import time

import pytest
import yaml

from monsoon.engine.plain_yaml import LARGEST, plain_yaml

BAD = {
    "aliases": ("a: &a [1, 1]\nb: [*a, *a]", "line 2: an alias"),
    "merged aliases": ("a: &a {b: 1}\nc: {<<: *a}", "an alias"),
    "lists in lists": ("a: " + "[" * 100_000, "nested deeper than 20"),
    "mappings in mappings": ("{a: " * 30 + "1" + "}" * 30, "nested deeper than 20"),
    "length": ("a: " + "x" * LARGEST, "longer than"),
    "a number of 6000 digits": ("seed: " + "9" * 6000, "a number of more than 100 digits"),
    "a hexadecimal number of 6000 digits": ("seed: 0x" + "f" * 6000, "a number of more than 100 digits"),
    "a binary number without digits": ("seed: 0b_", "invalid literal"),
    "a date that no calendar has": ("day: 2001-99-99", "month"),
    "a zone that there is not": ("day: 2001-01-01t00:00:00+99:99", "offset"),
    "minutes without end": ("length: " + "1:" + "10:" * 800 + "1.5", "too large"),
    "NUL": ("a: x\0y", "does not allow"),
    "NUL that is escaped": ('a: "x\\0y"', "a NUL character"),
    "NUL in a key": ('"x\\0y": 1', "a NUL character"),
    "a tag": ("a: !!python/object/apply:os.system [ls]", "a tag"),
    "a tag of YAML itself": ("a: !!int x", "a tag"),
    "an unhashable key": ("? [1]\n: 2", "unhashable"),
    "two documents": ("a: 1\n---\nb: 1", "another document"),
    "no end": ("a: [1", "line 1"),
    "not UTF-8": (b"\xff\xfe\x00\x00a", "not UTF-8"),
}


@pytest.mark.parametrize(("text", "reason"), BAD.values(), ids=BAD)
def test_what_is_not_plain_is_refused_with_the_reason_at_once(text: str | bytes, reason: str) -> None:
    begin = time.monotonic()
    with pytest.raises(ValueError, match=reason) as caught:
        plain_yaml(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize(
    "text",
    [
        "mu: 5.2\npools: [{workers: 2, cpus: 1}]\nname: 'a\tb'",
        "a: 1e3\nb: 0x1f\nc: 1_000\nd: 2026-11-27\ne: null\nf: yes\ng: |\n  two\n  lines\n",
        "{}",
        "",
        "- 1\n- [2, [3]]",
    ],
)
def test_plain_values_are_those_of_yaml(text: str) -> None:
    assert plain_yaml(text) == plain_yaml(text.encode()) == yaml.safe_load(text)
