"""The error that a person can correct."""

from monsoon.models.said import said


class InputError(Exception):
    """Unusable input or configuration, in one line: what, where, and the remedy. Exit code 2.

    As text it is escaped and redacted: it repeats names, keys and URLs that others wrote.
    """

    def __str__(self) -> str:
        return said(super().__str__())
