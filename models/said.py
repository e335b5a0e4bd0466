"""Printing of untrusted names, keys and URLs: on one line, without terminal codes and without secrets."""

from __future__ import annotations

import re

LONGEST = 2000  # characters of one line
HIDDEN = "***"
# user:password@, where a password may contain slashes; host:port/ does not match
_PASSWORD = re.compile(r"(\w://[^/\s:@]*):(?!\d+/)\S*@")
_QUERY = re.compile(r"(?<!\bfile)(://[^\s?'\"]*)\?[^\s'\")]*?(?=[:;,]?(?:[\s'\")]|$))")


def said(value: object, longest: int = LONGEST) -> str:
    """Text that is safe to print: redacted, escaped and shortened.

    Parameters
    ----------
    value : object
        What to print.
    longest : int
        Approximate largest length, in characters; longer text is cut in the middle.

    Examples
    --------
    >>> said("s3://user:secret@host/file\\n")
    's3://user:***@host/file\\\\n'
    """
    text = str(value)
    if len(text) > longest:
        text = f"{text[: longest // 2]} ... {text[-longest // 2 :]}"
    return escaped(redacted(text))


def escaped(text: str) -> str:
    """The text on one line, with escape sequences for all characters that are not printable.

    Newlines, terminal codes, marks that change the direction of writing and bytes that are not UTF-8 become
    `\\n`, `\\x1b`, `\\u202e` and `\\udc80`.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def redacted(text: str) -> str:
    """The text without passwords and query strings in its URLs.

    Signed URLs have their signature in the query string, and XRootD its tokens.
    """
    return _QUERY.sub(rf"\1?{HIDDEN}", _PASSWORD.sub(rf"\1:{HIDDEN}@", text))


def tell(line: object) -> None:
    """Print one line, made safe by `said`."""
    print(said(line))
