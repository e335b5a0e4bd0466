"""The error that a person can correct."""


class InputError(Exception):
    """Unusable input or configuration, in one line: what, where, and the remedy. Exit code 2."""
