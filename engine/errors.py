"""What a person can mend, said in one line."""

from __future__ import annotations

from pydantic import ValidationError

from monsoon.models.errors import InputError, SuspiciousInput

__all__ = ["InputError", "SuspiciousInput", "first_problem"]


def first_problem(error: ValidationError) -> str:
    """The first complaint of a failed validation as `field: what is wrong`."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = "unknown key"
    elif "input" in problem and problem["type"] not in ("missing", "value_error"):
        message = f"{message}, not {problem['input']!r}"
    return f"{field}: {message}" if field else message
