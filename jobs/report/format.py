"""How the report writes numbers and names."""

from __future__ import annotations

from enum import Enum


def in_words(member: Enum) -> str:
    """The name of a member of an enumeration as text: OUTSIDE_DOMAIN is `outside domain`."""
    return member.name.lower().replace("_", " ")


def number(count: int) -> str:
    """A count with its thousands apart, by a narrow space that does not break."""
    return f"{count:,}".replace(",", "\u202f")


def per_event(total: int, events: int) -> str:
    """A mean per event; a dash where there is no event."""
    return f"{total / events:,.1f}" if events else "-"
