"""YAML for configuration files: mappings, lists and plain scalars, of bounded size."""

from __future__ import annotations

from typing import Any

import yaml

LARGEST = 1_000_000  # characters
DEEPEST = 20  # levels of nested lists and mappings
LONGEST_NUMBER = 100  # characters


def plain_yaml(text: str | bytes) -> Any:
    """Read YAML without aliases, tags or deep nesting.

    A few hundred bytes of aliases can expand to gigabytes, and tags ask for types that no configuration has.

    Parameters
    ----------
    text : str or bytes
        The YAML document; bytes must be UTF-8.

    Returns
    -------
    object
        The same as `yaml.safe_load` returns.

    Raises
    ------
    ValueError
        Where the text is not YAML or exceeds these bounds, with a short reason.

    Examples
    --------
    >>> plain_yaml("mu: 5.2")
    {'mu': 5.2}
    """
    if len(text) > LARGEST:
        raise ValueError(f"longer than {LARGEST} characters")
    try:
        text = text.decode() if isinstance(text, bytes) else text
        return yaml.load(text, _PlainLoader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        raise ValueError(_reason(error)) from error
    except yaml.YAMLError as error:
        raise ValueError("a character that YAML does not allow") from error
    except UnicodeDecodeError as error:
        raise ValueError("not UTF-8") from error
    except ArithmeticError as error:  # a sexagesimal number such as 10:10:10, too long
        raise ValueError(str(error)) from error


class _PlainLoader(yaml.SafeLoader):
    """Refuses everything that is not plain while it parses, before any object is built."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _Refused("an alias (*); write the value again", event)
        if getattr(event, "tag", None) is not None:
            raise _Refused("a tag (!); write the value alone", event)
        self._depth += 1
        if self._depth > DEEPEST:
            raise _Refused(f"nested deeper than {DEEPEST}", event)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        if len(node.value) > LONGEST_NUMBER:
            raise _Refused(f"a number of more than {LONGEST_NUMBER} digits", node)
        return super().construct_yaml_int(node)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str) and "\0" in value:
            raise _Refused("a NUL character", node)
        return value


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_yaml_int)


class _Refused(yaml.MarkedYAMLError):
    def __init__(self, what: str, at: Any) -> None:
        """`at` is an event or a node of YAML."""
        super().__init__(problem=what, problem_mark=at.start_mark)


def _reason(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    what = error.problem or error.context or "not YAML"
    return f"line {mark.line + 1}: {what}" if mark else what
