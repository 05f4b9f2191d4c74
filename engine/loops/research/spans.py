"""A value in a text, by where it stands, and how a new one is written in its place."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

Value = bool | int | float | str

_POWER = re.compile(r"(\d+)\s*\*\*\s*(\d+)")
_SAFE_TEXT = re.compile(r"[\w .:/+\-]*")


class WrittenError(ValueError):
    """A value cannot be written where another stands; the text says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """``name`` has ``value``, written as ``text[start:end]``; ``comment`` stands behind it, without
    its sign. Offsets count characters."""

    name: str
    value: Value
    start: int
    end: int
    comment: str = ""


def power(written: str) -> tuple[int, int] | None:
    """Base and exponent of a value written as ``2**16``; None for others."""
    found = _POWER.fullmatch(written)
    return (int(found[1]), int(found[2])) if found else None


def written_like(old: str, value: Value) -> str:
    """``value`` in the form of the text that it replaces: ``2**15`` for ``2**16``, ``7.2e-4`` for
    ``3e-4``, ``50_000`` for ``10_000``, the same quotes, ``false`` for ``true``. WrittenError where
    it is of another kind or cannot be written so."""
    if isinstance(value, bool):
        return str(value).lower() if old.islower() else str(value)
    if isinstance(value, str):
        return _text(old, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise WrittenError(f"{value} is no number to write")
    form = power(old)
    if form is not None:
        return _as_power(old, form[0], value)
    if isinstance(value, int):
        return f"{value:_}" if "_" in old else str(value)
    return _decimal(old, value)


def _text(old: str, value: str) -> str:
    if not _SAFE_TEXT.fullmatch(value):
        raise WrittenError(f"{value!r} has signs that would need quoting")
    if old[:1] in "\"'" and old[:1]:
        return f"{old[0]}{value}{old[0]}"
    if not re.fullmatch(r"[A-Za-z]\w*", value):
        raise WrittenError(f"{value!r} needs quotes, and {old!r} has none")
    return value


def _as_power(old: str, base: int, value: float) -> str:
    exponent = 0
    while base > 1 and base**exponent < value:
        exponent += 1
    if base**exponent != value:
        raise WrittenError(f"{value} is no power of {base}, and {old} is written as one")
    before, after = old.split("**")
    space = after[: len(after) - len(after.lstrip())]
    return f"{before}**{space}{exponent}"


def _decimal(old: str, value: float) -> str:
    if "e" in old.lower():
        mantissa, _, exponent = f"{Decimal(repr(value)).normalize():e}".lower().partition("e")
        dot = ".0" if "." in old and "." not in mantissa else ""
        sign = "E" if "E" in old else "e"
        return f"{mantissa}{dot}{sign}{int(exponent)}"
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"
