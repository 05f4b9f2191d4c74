"""Finds the JSON values that stand in any text, and says where one broke. Pure, linear in the text.

Reads what is JSON without doubt but for a comma too many, a line end within a string, or Python's
``True``, ``False`` and ``None``. Never guesses: an object with a key that stands twice, a number
that is none (NaN, 1e999), half of a character or too many levels is spoiled, and so is all that
holds it; what is whole inside a spoiled or broken value is still found, marked ``loose``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

MAX_DEPTH: Final = 64
"""Levels of lists and objects; no row and no plan needs a tenth of it."""

MAX_DIGITS: Final = 300

_OPENING = re.compile(r"[{\[]")
_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?(?![\w.])", re.ASCII)
_WORD = re.compile(r"-?[A-Za-z]+")
_HALF = re.compile("[\ud800-\udfff]")
_BARE_KEY = re.compile(r"\{\s*['\w][^\"{}\n:]{0,60}:")
_STRING = json.JSONDecoder(strict=False)
_WORDS: Final = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None
}  # fmt: skip
_NO_NUMBERS = {"nan", "-nan", "infinity", "-infinity", "inf", "-inf"}


@dataclass(frozen=True, slots=True)
class Found:
    """A whole list or object, and where it stands: ``[start, end)``.

    ``loose``: it was inside of, or comes after, a value that broke, so it may be a part of one.
    """

    value: Any
    start: int
    end: int
    loose: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """A value that is not whole. ``cut_off``: the text ends within it."""

    start: int
    why: str
    cut_off: bool = False


class _Broken(Exception):
    def __init__(self, why: str, *, cut_off: bool) -> None:
        super().__init__(why)
        self.why = why
        self.cut_off = cut_off


def find_values(text: str) -> tuple[list[Found], list[Break]]:
    """Every list and object that stands in ``text``, in order, and every one that broke."""
    found: list[Found] = []
    breaks: list[Break] = []
    position = 0
    while opening := _OPENING.search(text, position):
        start = opening.start()
        reader = _Reader(text, start)
        try:
            reader.read()
        except _Broken as broken:
            position = max(start + 1, reader.resume)
            if reader.tokens or broken.cut_off:
                breaks.append(Break(start, broken.why, broken.cut_off))
            elif _BARE_KEY.match(text, start):
                breaks.append(Break(start, "the keys of an object are not in double quotes"))
        else:
            position = reader.position
            if why := reader.spoiled.get(id(reader.root)):
                breaks.append(Break(start, why))
        whole = reader.whole_parts()
        found += [
            Found(value, start, position, bool(breaks) or value is not reader.root)
            for value in whole
        ]
    return found, breaks


class _Reader:
    """Reads one value that starts with a bracket. What it made so far is kept when it breaks."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.position = start
        self.resume = start + 1
        """Where to go on looking after a break."""
        self.tokens = 0
        """How many names and values were read: a bracket in prose has none."""
        self.root: Any = None
        self.spoiled: dict[int, str] = {}
        self._line: int | None = None
        self._open: list[Any] = []
        self._made: list[Any] = []  # keeps alive what a second key threw out: spoiled goes by id

    def read(self) -> None:
        self.root = self._container()

    def whole_parts(self) -> Iterator[Any]:
        """The root where it is whole; else the largest whole lists and objects inside of it."""
        if self.root is not None:
            yield from self._whole(self.root)
        elif self._made:
            yield from self._whole(self._made[0])

    def _whole(self, node: Any) -> Iterator[Any]:
        if id(node) not in self.spoiled and all(node is not one for one in self._open):
            yield node
            return
        for child in node.values() if isinstance(node, dict) else node:
            if isinstance(child, dict | list):
                yield from self._whole(child)

    # --- containers ---------------------------------------------------------------

    def _container(self, parent: Any = None, key: Any = None) -> Any:
        if len(self._open) >= MAX_DEPTH:
            self.tokens += 1  # no prose has so many brackets: it is worth a sentence
            raise self._broken(f"it is nested more than {MAX_DEPTH} levels deep")
        made: Any = {} if self.text[self.position] == "{" else []
        self._made.append(made)
        self._open.append(made)
        # At once, not when it is whole: what breaks later must be found from the root.
        if isinstance(parent, dict):
            parent[key] = made
        elif isinstance(parent, list):
            parent.append(made)
        self.position += 1
        if isinstance(made, dict):
            self._object(made)
        else:
            self._array(made)
        self.position += 1
        self._open.pop()
        return made

    def _object(self, made: dict[str, Any]) -> None:
        while self._next() != "}":
            if self.text[self.position] != '"':
                raise self._broken("a key is not in double quotes")
            key = self._string()
            if self._next() != ":":
                raise self._broken(f"no colon follows the key {json.dumps(key)[:40]}")
            self.position += 1
            if key in made:
                self._spoil(f"the key {json.dumps(key)[:40]} stands there twice")
            self._value(made, key)
            if self._next() == ",":
                self.position += 1
            elif self.text[self.position] != "}":
                raise self._broken("a comma is missing")

    def _array(self, made: list[Any]) -> None:
        while self._next() != "]":
            self._value(made, None)
            if self._next() == ",":
                self.position += 1
            elif self.text[self.position] != "]":
                raise self._broken("a comma is missing")

    def _value(self, parent: Any, key: Any) -> None:
        if self._next() in "{[":
            self._container(parent, key)
            return
        value = self._scalar()
        if isinstance(parent, dict):
            parent[key] = value
        else:
            parent.append(value)

    # --- scalars ------------------------------------------------------------------

    def _scalar(self) -> Any:
        if self.text[self.position] == '"':
            return self._string()
        if number := _NUMBER.match(self.text, self.position):
            return self._number(number)
        if word := _WORD.match(self.text, self.position):
            name = word[0]
            if name in _WORDS:
                self._took(word.end())
                return _WORDS[name]
            if name.casefold() in _NO_NUMBERS:
                self._spoil(f"{name} is no JSON number")
                self._took(word.end())
                return None
        raise self._broken("something stands there that is no JSON value")

    def _string(self) -> str:
        start = self.position
        try:
            value, end = _STRING.raw_decode(self.text, start)
        except json.JSONDecodeError as error:
            cut_off = error.msg.startswith("Unterminated") or error.pos >= len(self.text)
            self.position = len(self.text) if cut_off else error.pos
            self._line = self._line_after(start, self.position)
            if cut_off:
                raise self._broken("it is cut off within a text", cut_off=True) from None
            raise self._broken("a text holds an escape that is none") from None
        if _HALF.search(value):
            self._spoil("a text holds half of a character")
        self._took(end, line=self._line_after(start, end))
        return str(value)

    def _line_after(self, start: int, end: int) -> int | None:
        line = self.text.find("\n", start, end)
        return None if line < 0 else line + 1

    def _number(self, number: re.Match[str]) -> Any:
        self._took(number.end())
        if len(number[0]) > MAX_DIGITS:
            self._spoil("a number has too many digits")
            return None
        if number[1] is None and number[2] is None:
            return int(number[0])
        value = float(number[0])
        if not math.isfinite(value):
            self._spoil(f"{number[0][:20]} is larger than a number can be")
            return None
        return value

    # --- the course of it ---------------------------------------------------------

    def _next(self) -> str:
        space = _SPACE.match(self.text, self.position)
        assert space is not None  # it may be empty
        self.position = space.end()
        if self.position >= len(self.text):
            raise self._broken("it is cut off", cut_off=True)
        return self.text[self.position]

    def _took(self, end: int, *, line: int | None = None) -> None:
        self.position = end
        self.tokens += 1
        self._line = line

    def _spoil(self, why: str) -> None:
        for one in self._open:
            self.spoiled.setdefault(id(one), why)

    def _broken(self, why: str, *, cut_off: bool = False) -> _Broken:
        """A text that goes over a line's end just before a break was not meant to, and has
        swallowed what stands on the lines below it: these are looked at again."""
        self.resume = self.position if self._line is None else self._line
        return _Broken(why, cut_off=cut_off)
