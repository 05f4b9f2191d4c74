"""The scalars at the top level of a YAML, TOML or JSON file, by where they stand."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import TypeGuard

from engine.loops.research.spans import Span, Value

_SPACE = re.compile(r"[ \t\r\n]*")
_TOML_LINE = re.compile(
    r"^[ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*"
    r"(\"[^\"\\\r\n]*\"|'[^'\r\n]*'|[-+\w.]+)[ \t]*(?:#([^\r\n]*))?\r?$",
    re.MULTILINE,
)
_YAML_NUMBER = re.compile(r"[-+]?(?:\d[\d_]*)(?:\.\d*)?(?:[eE][-+]?\d+)?")
_YAML_QUOTED = re.compile(r"\"[^\"\\\r\n]*\"|'[^'\r\n]*'")


def json_spans(text: str) -> list[Span]:
    """ValueError where it is no JSON; of an array there are none."""
    if not isinstance(json.loads(text), dict):
        return []
    found = []
    for name, start, end in _json_pairs(text):
        value = json.loads(text[start:end])
        if _is_scalar(value) and (not isinstance(value, str) or "\\" not in text[start:end]):
            found.append(Span(name, value, start, end))
    return _once(found)


def _json_pairs(text: str) -> Iterator[tuple[str, int, int]]:
    decoder = json.JSONDecoder()
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = decoder.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)  # the colon
        _, end = decoder.raw_decode(text, at)
        yield name, at, end
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def toml_spans(text: str) -> list[Span]:
    """ValueError where it is no TOML. A value over several lines is left out."""
    known = tomllib.loads(text)
    header = re.search(r"^[ \t]*\[", text, re.MULTILINE)
    head = text[: header.start()] if header else text
    found = []
    for line in _TOML_LINE.finditer(head):
        value = known.get(line[1])
        written = line[2]
        # The line may lie within a text of several lines: what it says must be what TOML says.
        if _is_scalar(value) and _same(tomllib.loads(f"v = {written}")["v"], value):
            found.append(Span(line[1], value, *line.span(2), (line[3] or "").strip()))
    return _once(found)


def yaml_spans(text: str) -> list[Span]:
    """ValueError where it is no YAML; of a list there are none."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import MappingNode, ScalarNode

    from engine.yaml_bounds import ODD_VALUES, unbounded

    if (why := unbounded(text)) is not None:
        raise ValueError(why)
    try:
        tree = YAML(typ="safe", pure=True).compose(text)
        known = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, *ODD_VALUES, RecursionError) as error:
        raise ValueError("it is no YAML") from error
    found = []
    for key, node in tree.value if isinstance(tree, MappingNode) else ():
        if not (isinstance(key, ScalarNode) and isinstance(node, ScalarNode)):
            continue
        start, end = node.start_mark.index, node.end_mark.index
        written, value = text[start:end], known.get(key.value)
        plain = (
            _YAML_QUOTED.fullmatch(written)
            or _YAML_NUMBER.fullmatch(written)
            or written in ("true", "false", "True", "False")
            or (isinstance(value, str) and re.fullmatch(r"[A-Za-z]\w*", written))
        )
        if plain and _is_scalar(value):
            comment = re.match(r"[ \t]+#([^\r\n]*)", text[end:])
            found.append(Span(key.value, value, start, end, comment[1].strip() if comment else ""))
    return _once(found)


def _is_scalar(value: object) -> TypeGuard[Value]:
    return isinstance(value, bool | int | float | str)


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other


def _once(found: list[Span]) -> list[Span]:
    names = [one.name for one in found]
    return [one for one in found if names.count(one.name) == 1]
