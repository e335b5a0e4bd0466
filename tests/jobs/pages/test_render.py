"""Pages as a browser gets them, whatever the texts are that they show."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import fields
from html.parser import HTMLParser
from typing import get_args

import pytest
from jinja2 import UndefinedError

from monsoon.jobs.pages.blocks import (
    Badge,
    Bar,
    Bars,
    Block,
    Bullets,
    EventDisplay,
    Facts,
    Image,
    Page,
    Paragraph,
    Section,
    SideBySide,
    Subtitle,
    Table,
    Tone,
)
from monsoon.jobs.pages.render import TEMPLATES, environment, render
from tests.jobs.pages.fragments import fragment

HOSTILE = [
    "<script>alert(1)</script>",
    '" onerror="alert(1)" x=\'',
    "' autofocus onfocus='alert(1)",
    "</title></style><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & <!-- -->",
]
TAGS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "nav", "a", "section"),
    *("h1", "h2", "h3", "p", "ul", "li", "strong", "div", "figure", "figcaption", "img", "span"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td"),
    *("canvas", "output", "noscript", "label", "select", "input", "button", "script"),
}
ATTRIBUTES = {
    *("lang", "charset", "name", "content", "http-equiv", "class", "id", "href", "src", "alt", "style"),
    *("scope", "role", "tabindex", "aria-label", "aria-labelledby"),
    *("data-events", "data-kind", "type", "min", "max", "step", "value", "hidden", "checked"),
}


def every_block(text: str) -> list[Block]:
    """All kinds of blocks with a text wherever they take one."""
    image = Image(b"png", text, text, scrolled=True)
    return [
        Badge(text, Tone.BAD),
        Subtitle(text),
        Paragraph(text),
        Paragraph(text, warning=True),
        Bullets([text]),
        Facts([(text, text), (text, Badge(text))]),
        Table([text, text], [[text, text], [Badge(text), text]], text),
        Bars(text, text, [Bar(text, 3.0, text), Bar(text, 1.0, text)], text),
        image,
        SideBySide([image, Image(b"png", text)]),
        EventDisplay(text, [text], text, text),
    ]


def page_of(text: str) -> str:
    return render(Page(text, text, [Section("first", text, every_block(text))])).decode()


class Parsed(HTMLParser):
    """What a browser makes of a page: tags, attributes, text; every tag that opens must close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in ("meta", "img", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())


def test_every_kind_of_block_is_tried_below() -> None:
    assert {type(block) for block in every_block("x")} == set(get_args(Block))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_stays_text_in_every_place(text: str) -> None:
    harmless, hostile = Parsed(page_of("harmless")), Parsed(page_of(text))
    assert hostile.tags == harmless.tags
    assert [name for name, _ in hostile.attributes] == [name for name, _ in harmless.attributes]
    assert set(hostile.tags) <= TAGS
    assert {name for name, _ in hostile.attributes} <= ATTRIBUTES
    assert hostile.words == [text if word == "harmless" else word for word in harmless.words]
    assert harmless.words.count("harmless") == 32
    # three alt texts, three labels, the data of a display
    assert [value for _, value in hostile.attributes].count(text) == 7


@pytest.mark.parametrize("block", every_block(HOSTILE[0]), ids=lambda block: type(block).__name__)
def test_a_block_alone_is_escaped(block: Block) -> None:
    assert "<script" not in fragment(block)
    assert "&lt;script&gt;" in fragment(block)


def test_a_page_refers_to_nothing_outside_itself() -> None:
    text = page_of("x")
    assert "default-src 'none'" in text
    without_images = re.sub(r"base64,[A-Za-z0-9+/=]*", "", text).replace(script_of(text), "")
    assert not re.search(r"https?:|url\(|@import|<script|<link|srcset|javascript:", without_images)
    assert all(
        value.startswith("data:image/png;base64,") for name, value in Parsed(text).attributes if name == "src"
    )


def script_of(text: str) -> str:
    """The one script of a page, with its tags."""
    (script,) = re.findall(r"<script>.*?</script>", text, re.DOTALL)
    return str(script)


def test_the_policy_lets_the_script_of_displays_run_and_no_other() -> None:
    text = page_of("x")
    script = script_of(text).removeprefix("<script>").removesuffix("</script>")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'\">" in text
    assert not re.search(r"fetch|XMLHttp|WebSocket|import\b|eval|innerHTML|document\.write|https?:", script)
    without = render(Page("x", "x", [Section("a", "a", [Paragraph("x")])])).decode()
    assert "script" not in without


def test_a_name_that_is_not_unicode_is_shown_with_its_bytes() -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    assert "caf\\udce9" in page_of(name)


def test_shares_and_bars_are_of_the_sum_and_of_the_longest() -> None:
    bars = Bars(
        "n", "s", [Bar("a", 3.0, "3"), Bar("b", 1.0, "1"), Bar("c", 0.001, "0"), Bar("d", 0.0, "0")], "4"
    )
    assert [bars.share(bar) for bar in bars.rows] == ["75.0 %", "25.0 %", "0.025 %", "0 %"]
    html = fragment(bars)
    assert re.findall(r"width:([\d.]+)%", html) == ["100.00", "33.33", "0.03"]
    assert Bars("n", "s", [Bar("a", 0.0, "0")], "0").share(Bar("a", 0.0, "0")) == "-"


def test_numbers_are_aligned_to_the_right_and_words_are_not() -> None:
    html = fragment(Table(["a", "b", "c"], [["x", "1", "y"]], text_columns=(2,)))
    assert re.findall(r"<t[dh]\b([^>]*)>", html) == [
        *[' scope="col"', ' scope="col" class="number"', ' scope="col"'],
        *[' scope="row"', ' class="number"', ""],
    ]


def test_a_name_that_a_record_does_not_have_is_an_error_and_not_an_empty_place() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ block.nothing }}").render(block=Paragraph("x"))


def test_every_record_has_a_macro_and_every_field_is_shown() -> None:
    source = (TEMPLATES / "blocks.html").read_text()
    for kind in get_args(Block):
        macro = source.split(f"{{% macro {kind.macro}(block) %}}")[1].split("endmacro")[0]
        for field in fields(kind):
            shown = "source" if field.name == "png" else field.name
            assert f"block.{shown}" in macro
