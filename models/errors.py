"""What a person can mend, and what a person should look at."""


class InputError(Exception):
    """Unusable input or configuration, in one line: what, where, and the remedy. Exit code 2."""


class SuspiciousInput(UserWarning):
    """Input that can be used and is probably not what was meant, in one line: what, where, and the remedy."""
