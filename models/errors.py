"""What a person can correct, and what a person should look at."""

from monsoon.models.said import said

# what comes of content that is not what its reader expects; RecursionError is a RuntimeError
UNUSABLE = (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class InputError(Exception):
    """Unusable input or configuration, in one line: what, where, and the remedy. Exit code 2.

    As text it is escaped and redacted: it repeats names, keys and URLs that others wrote.
    """

    def __str__(self) -> str:
        return said(super().__str__())


class SuspiciousInput(UserWarning):
    """Input that can be used and is probably not what was meant, in one line: what, where, and the remedy."""

    def __str__(self) -> str:
        return said(super().__str__())
