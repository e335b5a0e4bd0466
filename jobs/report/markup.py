"""Plain HTML from plain values. All text is escaped here and nowhere else."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light; --ink: #1c2126; --soft: #5c6670; --line: #dde2e7; --bar: #56b4e9; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 1.2rem 1rem 4rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .5rem; padding-top: .9rem; border-top: 2px solid var(--ink); }
h3 { font-size: 1.02rem; margin: 1.6rem 0 .4rem; }
p, li { max-width: 75ch; margin: .4rem 0; }
.lead { color: var(--soft); margin-top: 0; }
nav { font-size: .92rem; margin: .8rem 0; }
nav a { margin-right: 1.1em; color: #0072b2; }
figure { margin: .6rem 0 1.2rem; min-width: 0; }
figure img { width: 100%; height: auto; display: block; }
figcaption { font-size: .88rem; color: var(--soft); max-width: 85ch; margin-top: .25rem; }
.pair { display: grid; gap: 0 1.6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); }
.wide, .scrolled { overflow-x: auto; }
.scrolled img { min-width: 640px; }
td:first-child { min-width: 8.5rem; }
.facts td { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: .92rem; margin: .6rem 0 1rem; }
caption { text-align: left; color: var(--soft); font-size: .88rem; padding-bottom: .3rem; }
th, td { padding: .28rem .9rem .28rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.wrong { color: #b00020; font-weight: 600; }
td.bar { width: 34%; min-width: 7rem; padding-right: 0; }
td.bar span { display: block; height: 1.05em; background: var(--bar); min-width: 1px; }
code { font-size: .88em; overflow-wrap: anywhere; }
"""


def document(title: str, body: Iterable[str]) -> str:
    """A whole page. The policy in its head forbids the browser to fetch anything."""
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
            "style-src 'unsafe-inline'\">",
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def section(anchor: str, title: str, *parts: str) -> str:
    return "\n".join([f'<section id="{escape(anchor)}">', f"<h2>{escape(title)}</h2>", *parts, "</section>"])


def subtitle(text: str) -> str:
    return f"<h3>{escape(text)}</h3>"


def paragraph(text: str, kind: str = "") -> str:
    return f"<p{_class(kind)}>{escape(text)}</p>"


def bullets(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def links(targets: Iterable[tuple[str, str]]) -> str:
    """Anchors of this page with their titles."""
    inside = " ".join(f'<a href="#{escape(anchor)}">{escape(title)}</a>' for anchor, title in targets)
    return f"<nav>{inside}</nav>"


def figure(image: bytes, alt: str, caption: str = "", wide: bool = False) -> str:
    """A PNG inside the page; a wide one is scrolled on a small screen, not shrunk."""
    data = base64.b64encode(image).decode()
    shown = f"<figcaption>{escape(caption)}</figcaption>" if caption else ""
    kind = _class("scrolled" if wide else "")
    return f'<figure{kind}><img alt="{escape(alt)}" src="data:image/png;base64,{data}">{shown}</figure>'


def pair(*figures: str) -> str:
    """Side by side where the screen is wide enough."""
    return f'<div class="pair">{"".join(figures)}</div>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and what they are."""
    inside = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows
    )
    return f'<table class="facts">{inside}</table>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table whose first column is names and whose others are numbers."""
    top = "".join(
        f'<th scope="col"{_class("number" if i else "")}>{escape(t)}</th>' for i, t in enumerate(head)
    )
    inside = "".join(
        "<tr>"
        + "".join(f"<td{_class('number' if i else '')}>{escape(t)}</td>" for i, t in enumerate(r))
        + "</tr>"
        for r in rows
    )
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    return (
        f'<div class="wide"><table>{said}<thead><tr>{top}</tr></thead><tbody>{inside}</tbody></table></div>'
    )


def bars(head: tuple[str, str], rows: Sequence[tuple[str, float, str]], total: str) -> str:
    """Names, values as text and as bars, their shares, and a last row with the total."""
    whole = sum(value for _, value, _ in rows)
    longest = max((value for _, value, _ in rows), default=0.0)
    inside = ""
    for name, value, shown in rows:
        width = 100 * value / longest if longest else 0.0
        bar = f'<span style="width:{width:.2f}%"></span>' if value else ""
        inside += (
            f'<tr><td>{escape(name)}</td><td class="number">{escape(shown)}</td>'
            f'<td class="number">{escape(share(value, whole))}</td><td class="bar">{bar}</td></tr>'
        )
    top = f'<th scope="col">{escape(head[0])}</th><th scope="col" class="number">{escape(head[1])}</th>'
    foot = f'<th scope="row">together</th><td class="number">{escape(total)}</td><td></td><td></td>'
    return (
        '<div class="wide"><table style="width:100%">'
        f'<thead><tr>{top}<th scope="col" class="number">share</th><th></th></tr></thead>'
        f"<tbody>{inside}</tbody><tfoot><tr>{foot}</tr></tfoot></table></div>"
    )


def share(value: float, whole: float) -> str:
    """A part of a whole in per cent; small parts keep two digits."""
    if not whole:
        return "-"
    percent = 100 * value / whole
    return "0 %" if not value else f"{percent:.1f} %" if percent >= 1 else f"{percent:.2g} %"


def _class(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""
