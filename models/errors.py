"""What a person can mend."""


class InputError(Exception):
    """Unusable input or configuration, in one line: what, where, and the remedy. Exit code 2."""
