"""How the report writes numbers."""

from __future__ import annotations


def number(count: int) -> str:
    """A count with its thousands apart, by a narrow space that does not break."""
    return f"{count:,}".replace(",", "\u202f")


def per_event(total: int, events: int) -> str:
    """A mean per event; a dash where there is no event."""
    return f"{total / events:,.1f}" if events else "-"
