"""Errors and warnings about the user's input."""

from monsoon.models.said import said

# what comes of content that is not what its reader expects; RecursionError is a RuntimeError
UNUSABLE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class InputError(Exception):
    """Unusable input or configuration. The message is one line: file, field, problem and remedy. Exit code 2.

    The text is escaped and redacted, because it may repeat names, keys and URLs from untrusted files.
    """

    def __str__(self) -> str:
        return said(super().__str__())


class SuspiciousInput(UserWarning):
    """Input that is usable but probably not what was meant. The message is like that of `InputError`."""

    def __str__(self) -> str:
        return said(super().__str__())
