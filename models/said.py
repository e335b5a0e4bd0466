"""What is printed of foreign names, keys and URLs: one line, without terminal codes and without secrets."""

from __future__ import annotations

import re

LONGEST = 2000  # characters of one line
HIDDEN = "***"
# user:password@, where a password may hold slashes; host:port/ is none
_PASSWORD = re.compile(r"(\w://[^/\s:@]*):(?!\d+/)\S*@")
_QUERY = re.compile(r"(?<!\bfile)(://[^\s?'\"]*)\?[^\s'\")]*?(?=[:;,]?(?:[\s'\")]|$))")


def said(value: object, longest: int = LONGEST) -> str:
    """The text of anything as it may be printed: redacted, escaped and at most about `longest` long."""
    text = str(value)
    if len(text) > longest:
        text = f"{text[: longest // 2]} ... {text[-longest // 2 :]}"
    return escaped(redacted(text))


def escaped(text: str) -> str:
    """The same text on one line, with every character that is not printable as its escape.

    Newlines, terminal escapes, marks that turn the direction of writing and bytes that are not UTF-8
    come out as `\\n`, `\\x1b`, `\\u202e` and `\\udc80`.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def redacted(text: str) -> str:
    """The same text without the passwords and query strings of the URLs in it.

    A query string is where signed URLs keep their signature, and XRootD its tokens.
    """
    return _QUERY.sub(rf"\1?{HIDDEN}", _PASSWORD.sub(rf"\1:{HIDDEN}@", text))


def tell(line: object) -> None:
    """Print one line of what was said."""
    print(said(line))
