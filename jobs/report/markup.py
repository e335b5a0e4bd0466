"""Blocks of jobs/pages as strings, for the page of validation, which still joins strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from markupsafe import Markup

from monsoon.jobs.pages.blocks import Bullets, Facts, Image, Paragraph, Subtitle, Table
from monsoon.jobs.pages.render import environment, fragment

_WHOLE = """{% extends "layout.html" %}{% block title %}{{ title }}{% endblock %}
{% block body %}{{ body }}{% endblock %}"""


def document(title: str, body: Iterable[str]) -> str:
    """A whole page around HTML that the functions below made."""
    return environment().from_string(_WHOLE).render(title=title, body=Markup("\n".join(body)))


def section(anchor: str, title: str, *parts: str) -> str:
    return "\n".join([f'<section id="{escape(anchor)}">', f"<h2>{escape(title)}</h2>", *parts, "</section>"])


def subtitle(text: str) -> str:
    return fragment(Subtitle(text))


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="lead">{escape(text)}</p>' if kind == "lead" else fragment(Paragraph(text, bool(kind)))


def bullets(lines: Iterable[str]) -> str:
    return fragment(Bullets(list(lines)))


def links(targets: Iterable[tuple[str, str]]) -> str:
    inside = " ".join(f'<a href="#{escape(anchor)}">{escape(title)}</a>' for anchor, title in targets)
    return f"<nav>{inside}</nav>"


def figure(image: bytes, alt: str, caption: str = "", wide: bool = False) -> str:
    return fragment(Image(image, alt, caption, wide))


def pair(*figures: str) -> str:
    return f'<div class="side-by-side">{"".join(figures)}</div>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    return fragment(Facts(list(rows)))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    return fragment(Table(head, list(rows), caption))
