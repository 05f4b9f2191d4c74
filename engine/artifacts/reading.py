"""The YAML of a public artifact as plain values, with the line and the very text of each of them.

A YAML file from elsewhere may name objects to be built, hold one part a million times by aliases,
or say a key twice. None of that is needed here, so all of it is refused; the text is read once.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.nodes import ScalarNode

MAX_DEPTH = 24
"""Sections within sections; an artifact needs 6."""

MAX_VALUES = 20_000
"""Values of one file; an artifact with forty tables has some thousand."""

_TAG = "tag:yaml.org,2002:"
_TRUTH = {"true": True, "false": False}


class NotPlain(Exception):
    """A text that is no plain YAML mapping; the sentence says why. ``line`` is from 1, 0 where it
    is the whole."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.line = line


@dataclass(slots=True)
class Plain:
    """``lines``: JSON pointer → line, from 1. ``written``: JSON pointer → a number as it is typed,
    with its digits."""

    value: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    written: dict[str, str] = field(default_factory=dict)


def read_plain_yaml(text: str) -> Plain:
    """The mapping of ``text``. Numbers, truth values and nothing are themselves; dates are texts.
    NotPlain for everything else."""
    try:
        return _Reader(text).read()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise NotPlain(f"It is not YAML: {error.problem or 'it cannot be read'}.", line) from error
    except RecursionError as error:
        raise NotPlain("Its sections lie too deep in each other.") from error
    except (YAMLError, ValueError) as error:
        raise NotPlain(f"It is not YAML: {_why(error)}.", _line_of(error, text)) from error


def _why(error: Exception) -> str:
    code = getattr(error, "character", None)
    if isinstance(code, int):
        return f"it holds the control character U+{code:04X}"
    return f"it cannot be read ({type(error).__name__})"


def _line_of(error: Exception, text: str) -> int:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 0


class _Reader:
    def __init__(self, text: str) -> None:
        yaml = YAML(typ="safe", pure=True)
        self._events: Iterator[Event] = yaml.parse(io.StringIO(text))
        self._resolver = yaml.resolver
        self._found = Plain()
        self._count = 0

    def read(self) -> Plain:
        first = next((one for one in self._events if not _is_frame(one)), None)
        if first is None or (isinstance(first, ScalarEvent) and not first.value):
            raise NotPlain("It is empty.", 1)
        if not isinstance(first, MappingStartEvent):
            raise NotPlain("It is no mapping of keys to values.", _line(first))
        self._found.value = self._mapping(first, "", 0)
        for more in self._events:
            if isinstance(more, DocumentStartEvent):
                raise NotPlain("It holds a second document; keep one.", _line(more))
        return self._found

    def _value(self, event: Any, pointer: str, depth: int) -> Any:
        self._count += 1
        if depth > MAX_DEPTH:
            raise NotPlain("Its sections lie too deep in each other.", _line(event))
        if self._count > MAX_VALUES:
            raise NotPlain(f"It holds over {MAX_VALUES:,} values; no artifact does.", _line(event))
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise NotPlain(
                "It has an anchor (&) or an alias (*): write the value out.", _line(event)
            )
        if isinstance(event, MappingStartEvent):
            return self._mapping(event, pointer, depth)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(event, pointer, depth)
        return self._scalar(event, pointer)

    def _mapping(self, start: Event, pointer: str, depth: int) -> dict[str, Any]:
        _refuse_tag(start)
        value: dict[str, Any] = {}
        while not isinstance(key := next(self._events), MappingEndEvent):
            if not isinstance(key, ScalarEvent) or key.anchor is not None:
                raise NotPlain("A key is no plain word.", _line(key))
            name = str(key.value)
            if name in value:
                raise NotPlain(
                    f"The key {name[:60]} stands twice; keep the one that is meant.", _line(key)
                )
            below = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            self._found.lines[below] = _line(key)
            value[name] = self._value(next(self._events), below, depth + 1)
        return value

    def _sequence(self, start: Event, pointer: str, depth: int) -> list[Any]:
        _refuse_tag(start)
        value: list[Any] = []
        while not isinstance(one := next(self._events), SequenceEndEvent):
            below = f"{pointer}/{len(value)}"
            self._found.lines[below] = _line(one)
            value.append(self._value(one, below, depth + 1))
        return value

    def _scalar(self, event: Any, pointer: str) -> Any:
        text = str(event.value)
        tag = event.tag
        if tag is None or tag == "!":
            tag = str(self._resolver.resolve(ScalarNode, text, event.implicit))
        kind = tag.removeprefix(_TAG)
        if kind in ("str", "timestamp"):
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        if kind in ("int", "float"):
            self._found.written[pointer] = text
            return _number(text, kind, _line(event))
        raise NotPlain(f"The tag {tag[:60]} is not read here.", _line(event))


def _number(text: str, kind: str, line: int) -> float | int:
    try:
        return int(text) if kind == "int" else float(text)
    except ValueError:
        # 0x1F, .nan, a number of five thousand digits: no number of an artifact is written so.
        shown = text if len(text) <= 60 else text[:60] + "…"
        raise NotPlain(
            f"{shown} is no number that is read here: write it in digits, or in quotes.", line
        ) from None


def _refuse_tag(event: Any) -> None:
    if event.tag is not None:
        raise NotPlain(f"The tag {str(event.tag)[:60]} is not read here.", _line(event))


def _is_frame(event: Event) -> bool:
    """The beginning of the stream or of the document, which hold nothing themselves."""
    return type(event).__name__ in ("StreamStartEvent", "DocumentStartEvent", "StreamEndEvent")


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1
