"""`monsoon help VERB`: every key of a command with its type, unit, default and meaning."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter, signature
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel, TypeAdapter
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer import Context
from typer.models import OptionInfo

from monsoon.engine.errors import InputError
from monsoon.jobs.columns import aligned

REQUIRED = "required"
COLUMNS = ("key", "type", "unit", "default", "meaning")
BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
Schema = Mapping[str, Any]


class Key(NamedTuple):
    """One key or option in the help.

    Attributes
    ----------
    name : str
        Its name, with a path for keys of nested models: `pools.N.workers`.
    type : str
        Its type and bounds in words.
    unit : str
        Its unit; empty if it has none.
    default : str
        Its default, `required` or `absent`.
    meaning : str
        A sentence about it.
    """

    name: str
    type: str
    unit: str
    default: str
    meaning: str


def config_of(verb: str, source: str | None = None) -> type[BaseModel] | None:
    """The config model for the `key=value` words of a command.

    Parameters
    ----------
    verb : str
        The command.
    source : str, optional
        The source, for `monsoon incidents`; the study's name, for `monsoon study`.

    Returns
    -------
    type of BaseModel or None
        None for a command that has only options, and for `incidents` or `study` without a name.

    Raises
    ------
    InputError
        For an unknown source of incidents.
    """
    # imported here: the modules of a training or a source take a second to import
    if verb in ("generate", "plan", "doctor"):
        from monsoon.engine.config import Campaign

        return Campaign
    if verb == "train":
        from monsoon.jobs.training_config import TrainConfig

        return TrainConfig
    if verb == "sweep":
        from monsoon.jobs.sweeps.config import Sweep

        return Sweep
    if verb == "request":
        from monsoon.jobs.requests.config import Request

        return Request
    if verb == "incidents":
        from monsoon.jobs.incidents import SOURCES

        if source is None:
            return None
        if source not in SOURCES:
            raise InputError(f"help incidents {source}: no such source; there are {', '.join(SOURCES)}")
        return SOURCES[source][0]
    if verb == "study" and source is not None:
        from monsoon.jobs.studies.command import study_of

        return study_of(source)[0]
    return None


def choices_of(verb: str, source: str | None = None) -> list[str]:
    """Lines that say what there is to choose from, where a key of a command names something."""
    if verb == "incidents" and source is None:
        from monsoon.jobs.incidents import SOURCES

        sources = [f"{name.ljust(8)} {config.__doc__}" for name, (config, _) in SOURCES.items()]
        return ["", "sources, with keys of their own (monsoon help incidents SOURCE):", *sources]
    if verb == "study" and source is None:
        from monsoon.jobs.studies.command import STUDIES

        studies = [f"{name.ljust(14)} {what}" for name, what in STUDIES.items()]
        return ["", "studies, with keys of their own (monsoon help study NAME):", *studies]
    if verb == "train":
        from monsoon.jobs.training_config import recipes
        from monsoon.models.families.table import FAMILIES

        return ["", f"recipes:  {', '.join(recipes())}", f"families: {', '.join(FAMILIES)}"]
    if verb in ("generate", "plan", "doctor", "sample", "validate", "report"):
        from monsoon.models.store.shipped import shipped_names

        return ["", f"models: {', '.join(shipped_names())}"]
    return []


def keys_of(config: type[BaseModel]) -> list[Key]:
    """The keys of a config model in the order of its fields; those of nested models follow their field."""
    schema = config.model_json_schema()
    return list(_keys(schema, schema.get("$defs", {}), ""))


def options_of(command: Callable[..., None]) -> list[Key]:
    """The arguments and options of a command, from the signature that typer uses."""
    found = []
    for name, parameter in signature(command, eval_str=True).parameters.items():
        if name == "settings" or parameter.annotation is Context:  # the `key=value` words; no word
            continue
        annotated = get_origin(parameter.annotation) is Annotated
        kind, info = get_args(parameter.annotation)[:2] if annotated else (parameter.annotation, None)
        if isinstance(info, OptionInfo):  # in Annotated, typer stores the first name as the default
            word = next(part for part in (info.default, *(info.param_decls or ())) if str(part)[0] == "-")
        else:
            word = getattr(info, "metavar", None)
        default = REQUIRED if parameter.default is Parameter.empty else _value(parameter.default)
        meaning, unit = _split(getattr(info, "help", None) or "")
        kind_text = _type(TypeAdapter(kind).json_schema())
        found.append(Key(word or name.upper(), kind_text, unit, default, meaning))
    return found


def print_keys(keys: Sequence[Key]) -> None:
    """Print a table on a terminal, or otherwise one plain line for each key, in aligned columns."""
    if sys.stdout.isatty():
        table = Table(*COLUMNS, header_style="bold", pad_edge=False, box=None)
        for key in keys:
            table.add_row(Text(key.name, "bold"), *map(Text, key[1:]))
        Console().print(table)
        return
    for line in aligned([COLUMNS, *keys]):
        print(line)


def _keys(schema: Schema, models: Schema, prefix: str) -> Iterator[Key]:
    for name, field in schema["properties"].items():
        if name == "recipe" and not prefix:  # its keys are given on the same level as the others
            yield from _keys(_model(field, models), models, "")
            continue
        meaning, unit = _split(field.get("description", ""))
        default = _value(field["default"]) if "default" in field else REQUIRED
        yield Key(f"{prefix}{name}", _type(field), unit, default, meaning)
        if "$ref" in field.get("items", {}):
            yield from _keys(_model(field["items"], models), models, f"{prefix}{name}.N.")


def _model(schema: Schema, models: Schema) -> Schema:
    found: Schema = models[schema["$ref"].rpartition("/")[2]]
    return found


def _split(description: str) -> tuple[str, str]:
    """The meaning, and the unit in brackets at its end."""
    text = " ".join(description.split())
    found = re.fullmatch(r"(.*?) \[([^\]]+)\](\.?)", text)
    return (found[1] + found[3], found[2]) if found else (text, "")


def _value(value: Any) -> str:
    """A value as it is written on the command line."""
    if value is None:
        return "absent"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _type(schema: Schema) -> str:
    """A JSON schema in words."""
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"] if part.get("type") != "null")
    if "$ref" in schema:
        return "{key: value}"
    for choices in ([schema["const"]] if "const" in schema else None, schema.get("enum")):
        if choices:
            return " or ".join(map(_value, choices))
    kind = schema.get("type")
    if kind == "array" and "prefixItems" in schema:
        return f"[{', '.join(_type(part) for part in schema['prefixItems'])}]"
    if kind == "array":
        return f"list of {_type(schema['items'])}"
    if kind == "object":
        return "{name: value}"
    return f"{ {'string': 'text', 'boolean': 'true or false'}.get(str(kind), kind) }{_bounds(schema)}"


def _bounds(schema: Schema) -> str:
    """The allowed range of a number, in words."""
    texts = []
    for key, sign in BOUNDS.items():
        if key in schema:
            texts.append(f"{sign} {'2^64' if schema[key] == 1 << 64 else _value(schema[key])}")
    return f" {', '.join(texts)}" if texts else ""
