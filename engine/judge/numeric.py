"""The scorer ``numeric``: a number in the answer, within a tolerance of the expected one.

Numbers are compared as decimals, not as floats: 0.1 + 0.2 has no place in a ruler.
"""

from __future__ import annotations

import math
import re
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Literal, NamedTuple, get_args

from engine.judge.answers import parse_json, show
from engine.judge.score import Score, ScorerError, empty, right, wrong

Which = Literal["only", "first", "last"]

MAX_SEARCHED = 10_000
"""Characters of an answer in which numbers are looked for: the first ones, for ``last`` the last
ones."""

MAX_DIGITS = 60
"""Characters of a number; a longer one is no number that anybody asked for."""

_EXACT = Context(prec=4 * MAX_DIGITS, rounding=ROUND_HALF_EVEN, traps=[])
_NUMBER = re.compile(
    r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)?(?:(?<=\d)\.(?!\d)|\.\d+)?"
    r"(?:(?<=[\d.])e[-+]?\d{1,3})?",
    re.IGNORECASE | re.ASCII,
)


class _Wanted(NamedTuple):
    value: Decimal
    tolerance: Decimal


def numbers_in(text: str) -> list[Decimal]:
    """The numbers that stand in a text, in their order.

    Signs, decimals, exponents (``1e-3``) and commas between thousands are read; digits that are
    part of a word or a version (``gpt4``, ``1.2.3``) are none. A true minus sign is a minus.
    """
    found = []
    for match in _NUMBER.finditer(text.replace("\N{MINUS SIGN}", "-")):
        after = text[match.end() : match.end() + 2]
        digits = match[0].replace(",", "").rstrip(".")
        if not any(char.isdigit() for char in digits) or len(digits) > MAX_DIGITS:
            continue
        if after[:1] == "." and after[1:2].isdigit():
            continue  # a version or a date: the rest of it is no number either
        found.append(Decimal(digits))
    return found


def numeric(
    expected: str,
    got: str,
    *,
    tolerance: float = 0.0,
    relative: float = 0.0,
    which: Which = "only",
) -> Score:
    """The number in the answer is the expected one, within a tolerance.

    The expected text is a number, or ``{"value": 3.14, "tolerance": 0.01, "relative": 0.001}``
    where a row has its own. Right is ``|got - value| <= max(tolerance, relative * |value|)``, the
    rule of ``math.isclose`` with the expected number as the measure; both are 0 unless told, and
    the bound itself is inside. ``which`` says what counts where an answer has several numbers:
    ``only`` (the default) takes none of them, ``first`` and ``last`` do what they say. Words and
    units beside the number are no error but are noted as prose; units are not converted, and so
    ``42 %`` is 42.
    """
    if which not in get_args(Which):
        raise ScorerError(f"which is one of {', '.join(get_args(Which))}, not {which!r}")
    wanted = _wanted(expected, tolerance, relative)
    if isinstance(wanted, str):
        return wrong(wanted)
    if not got.strip():
        return empty()
    text = got[-MAX_SEARCHED:] if which == "last" else got[:MAX_SEARCHED]
    found = numbers_in(text)
    if not found:
        return wrong("there is no number in the answer", parsed=False, prose=True)
    prose = any(char.isalpha() for char in re.sub(r"(?<=\d)e(?=[-+]?\d)", "", got, flags=re.I))
    if len(found) > 1 and which == "only":
        return wrong(f"there are {len(found)} numbers in the answer", parsed=False, prose=prose)
    value = found[-1] if which == "last" else found[0]
    away = _EXACT.abs(_EXACT.subtract(value, wanted.value))
    if away <= wanted.tolerance:
        return right(prose=prose)
    within = f" within {_short(wanted.tolerance)}" if wanted.tolerance else ""
    return wrong(f"expected {_short(wanted.value)}{within}, got {_short(value)}", prose=prose)


def is_number(expected: str) -> str | None:
    """Why an expected text is no number with its tolerance, or None."""
    wanted = _wanted(expected, 0.0, 0.0)
    return wanted if isinstance(wanted, str) else None


def _wanted(expected: str, tolerance: float, relative: float) -> _Wanted | str:
    answer = parse_json(expected)
    given: Any = expected
    if answer.parsed and isinstance(answer.value, dict):
        unknown = sorted(set(answer.value) - {"value", "tolerance", "relative"})
        if unknown:
            return f"the expected number has {show(unknown[0])}, which means nothing here"
        given = answer.value.get("value")
        tolerance = answer.value.get("tolerance", tolerance)
        relative = answer.value.get("relative", relative)
    for name, one in (("tolerance", tolerance), ("relative", relative)):
        if isinstance(one, bool) or not isinstance(one, int | float):
            return f"the {name} must be a number"
        if not math.isfinite(one) or one < 0:
            return f"the {name} must be 0 or more"
    text = given.strip() if isinstance(given, str) else show(given)
    values = numbers_in(text)
    if len(values) != 1 or not re.fullmatch(r"[-+\N{MINUS SIGN}\d.,eE]+", text):
        return f"the expected answer must be a number, not {show(given)}"
    value = values[0]
    share = _EXACT.multiply(Decimal(repr(float(relative))), abs(value))
    return _Wanted(value, max(Decimal(repr(float(tolerance))), share))


def _short(value: Decimal) -> str:
    return f"{value:.12g}"
