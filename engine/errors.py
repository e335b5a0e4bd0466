"""Messages about bad input: one line each, with the field that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from difflib import get_close_matches
from reprlib import Repr
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from monsoon.models.errors import InputError, SuspiciousInput

__all__ = ["InputError", "SuspiciousInput", "brief", "first_problem", "unknown_key"]

LONGEST_KEY = 100  # characters of an unknown key that are compared with the known keys
_BRIEF = Repr()
_BRIEF.maxstring = _BRIEF.maxlong = _BRIEF.maxother = 100
_BRIEF.maxlevel = 3
UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def first_problem(error: ValidationError, kind: Any = None) -> str:
    """The first problem of a failed validation.

    Parameters
    ----------
    error : ValidationError
        The error that pydantic raised.
    kind : type, optional
        The model that was validated. With it, the message about an unknown key lists the known keys, and
        pydantic's names for the members of a union are left out.

    Returns
    -------
    str
        `field: what is wrong`, with the path of a nested field: `pools.0.workers`.
    """
    problem = _first(error.errors())
    path, known = _place(problem, kind)
    if problem["type"] in UNKNOWN:
        return unknown_key(path, known)
    if problem["type"] == "missing":
        return f"{path}: is missing{'' if kind is None else '; give it a value'}"
    if problem["type"] in ("tuple_type", "list_type"):
        return f"{path}: should be a list, such as [{brief(problem['input']).strip(chr(39))}]"
    message = problem["msg"].removeprefix("Value error, ").partition(", unable to parse")[0]
    if "input" in problem and problem["type"] != "value_error":
        message = f"{message}, not {brief(problem['input'])}"
    return f"{path}: {message}" if path else message


def unknown_key(path: str, known: Iterable[str]) -> str:
    """The message about an unknown key, with the known keys and the closest of them.

    Parameters
    ----------
    path : str
        The unknown key with its path, such as `pools.0.workerz`.
    known : iterable of str
        The keys that are known at that place.

    Examples
    --------
    >>> unknown_key("stepz", ["steps", "seed"])
    'stepz: unknown key; did you mean steps? known keys: steps, seed'
    """
    known = list(known)
    if not known:
        return f"{path}: unknown key"
    close = get_close_matches(path.rpartition(".")[2][:LONGEST_KEY], known, 1)
    guess = f"; did you mean {close[0]}?" if close else ";"
    return f"{path}: unknown key{guess} known keys: {', '.join(known)}"


def brief(value: object) -> str:
    """A value as it is repeated in a message: shortened, however long or deeply nested it is."""
    try:
        return _BRIEF.repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        return f"a {type(value).__name__} too large to print"


def _first(problems: Sequence[ErrorDetails]) -> ErrorDetails:
    """The first problem; of a value that fits no member of a union, the one that lies deepest in it."""
    field = problems[0]["loc"][:1]
    same = [problem for problem in problems if problem["loc"][:1] == field]
    return max(same, key=lambda problem: len(problem["loc"]))


def _place(problem: ErrorDetails, kind: Any) -> tuple[str, list[str]]:
    """The path of a problem without pydantic's names for union members, and the keys known at its end."""
    path: list[str] = []
    known: dict[str, Any] = {}
    previous = ""
    for depth, part in enumerate(problem["loc"], 1):
        known = {key: inner for model in _models(kind) for key, inner in _annotations(model).items()}
        unknown = problem["type"] in UNKNOWN and depth == len(problem["loc"])
        place = isinstance(part, int) or part in known or _is_key(part, kind, previous)
        if kind is None or place or unknown:
            path.append(str(part))
        previous = str(part)
        kind = known.get(str(part), kind)
    return ".".join(path), list(known)


def _models(annotation: Any) -> Iterator[Any]:
    """The models and dataclasses in an annotation, at any depth."""
    if isinstance(annotation, type) and (is_dataclass(annotation) or issubclass(annotation, BaseModel)):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)


def _annotations(model: Any) -> dict[str, Any]:
    if issubclass(model, BaseModel):
        return {key: field.annotation for key, field in model.model_fields.items()}
    return get_type_hints(model)


def _is_key(part: str, annotation: Any, previous: str) -> bool:
    """Whether a part of a path is a key of a mapping.

    Where the mapping is one of several types, pydantic puts the name of the type first: `dict[...]`.
    """
    if "[" in part:
        return False
    kinds = (annotation, *get_args(annotation)) if "[" in previous else (annotation,)
    return any(get_origin(kind) in (dict, Mapping) for kind in kinds)
