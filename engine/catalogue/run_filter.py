"""The filter language of the list of runs: words and conditions, all of which must hold.

    target:sql decision:ship score>0.8 age<7d -tag:x "free text"

A condition is a field, an operator and a value without spaces between them (or with the value
in double quotes). ``:`` on a text field asks whether the text holds the value, ``=`` whether it
is the value, both without regard to case; on a number ``:`` means ``=``. ``a,b`` is "a or b".
A ``-`` in front turns a condition or a word round. A value that was not recorded fulfils no
condition, so ``score<0.5`` does not list runs without a score; ``score:none`` does.
``set.NAME`` is a setting of the run: ``set.learning_rate>=1e-3``; those that are asked for most
have a short name, see SHORT: ``lr>=1e-3``.

Pure: no clock, no files. Whoever calls hands in the facts of a run, see FIELDS.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

FactValue = str | float | Sequence[str] | None
Facts = Mapping[str, FactValue]
"""What is known of one run: field name to text, number, several texts, or None (not recorded).

One that has an attribute ``text``, all its texts without regard to case, is searched faster.
"""


class Kind(Enum):
    """What a field's value is, and so how the value of a condition is read."""

    TEXT = "text"
    WORDS = "words"
    NUMBER = "number"
    BYTES = "size"
    SECONDS = "age"
    SETTING = "setting"
    """A number or a text, whichever the run has."""


@dataclass(frozen=True)
class Field:
    """A field that a filter may name."""

    name: str
    kind: Kind
    help: str


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("run", Kind.TEXT, "the run's name"),
        Field("target", Kind.TEXT, "what is being built"),
        Field("model", Kind.TEXT, "the base model"),
        Field("phase", Kind.TEXT, "created, training, evaluated, decided, failed, …"),
        Field("decision", Kind.TEXT, "ship, reject, retry-data, …, none"),
        Field("is", Kind.WORDS, "live, waiting, lost, undecided, decided, failed, cancelled"),
        Field("tag", Kind.WORDS, "a tag of the run"),
        Field("gates", Kind.TEXT, "pass, fail, undecided"),
        Field("score", Kind.NUMBER, "primary score of the candidate, 0 to 1"),
        Field("baseline", Kind.NUMBER, "primary score of the base model, 0 to 1"),
        Field("delta", Kind.NUMBER, "candidate less baseline, in percentage points"),
        Field("breadth", Kind.NUMBER, "change of the regression suites, in percentage points"),
        Field("tok_s", Kind.NUMBER, "tokens a second"),
        Field("loss", Kind.NUMBER, "last training loss"),
        Field("peak", Kind.BYTES, "peak memory: 900M, 1.9G"),
        Field("seed", Kind.NUMBER, "the run's seed"),
        Field("n", Kind.NUMBER, "examples that were scored"),
        Field("duration", Kind.SECONDS, "first start to last end: 90s, 20m, 3h"),
        Field("age", Kind.SECONDS, "since the run was made: 30m, 12h, 7d, 2w"),
    )
}

_ALIASES = {
    "id": "run",
    "name": "run",
    "base": "model",
    "status": "phase",
    "candidate": "score",
    "primary": "score",
    "tok/s": "tok_s",
    "memory": "peak",
}

SHORT = {
    "lr": "set.learning_rate",
    "iters": "set.iters",
    "rank": "set.lora.rank",
    "batch": "set.batch_size",
    "rows": "set.rows",
    "schedule": "set.schedule",
    "layers": "set.num_layers",
}
"""Short names of settings."""

_UNITS = {
    Kind.NUMBER: {"": 1.0, "%": 0.01, "pp": 1.0, "k": 1e3},
    Kind.BYTES: {
        "": 1.0,
        "b": 1.0,
        **dict.fromkeys(("k", "kb", "kib"), 2.0**10),
        **dict.fromkeys(("m", "mb", "mib"), 2.0**20),
        **dict.fromkeys(("g", "gb", "gib"), 2.0**30),
        **dict.fromkeys(("t", "tb", "tib"), 2.0**40),
    },
    Kind.SECONDS: {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0},
}

_EXAMPLE = {Kind.NUMBER: "0.8", Kind.BYTES: "1.9G", Kind.SECONDS: "7d"}

_TERM = re.compile(r"""-?(?:"[^"]*"?|[^\s"])+""")
_CONDITION = re.compile(r"([A-Za-z_][\w./-]*?)(>=|<=|!=|:|=|>|<)(.*)", re.DOTALL)
_NUMBER = re.compile(r"([+\-−]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)([a-z%]*)", re.IGNORECASE)


class FilterError(ValueError):
    """A filter that cannot be read. ``start`` and ``end`` bound the wrong part, counted from 0."""

    def __init__(self, message: str, start: int, end: int) -> None:
        super().__init__(f"{message} (at character {start + 1})")
        self.message = message
        self.start = start
        self.end = max(end, start + 1)

    def marked(self) -> str:
        """A line of carets that lies under the wrong part."""
        return " " * self.start + "^" * (self.end - self.start)


_Test = Callable[[Facts], bool]


@dataclass(frozen=True)
class RunFilter:
    """A filter that was understood."""

    text: str
    _tests: tuple[_Test, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether every run matches."""
        return not self._tests

    def matches(self, facts: Facts) -> bool:
        """Whether a run with these facts is listed."""
        return all(test(facts) for test in self._tests)


def parse(text: str) -> RunFilter:
    """Understand a filter; FilterError says in a sentence what is wrong, and where."""
    tests: list[_Test] = []
    for match in _TERM.finditer(text):
        term, start = match.group(), match.start()
        if term.count('"') % 2:
            raise FilterError("the quotation mark is not closed", match.end() - 1, match.end())
        negated = term.startswith("-")
        body, at = (term[1:], start + 1) if negated else (term, start)
        if not body:
            raise FilterError("a “-” needs a word or a condition after it", start, match.end())
        test = _term(body, at)
        tests.append(_negate(test) if negated else test)
    return RunFilter(text, tuple(tests))


def _negate(test: _Test) -> _Test:
    return lambda facts: not test(facts)


def _term(body: str, at: int) -> _Test:
    found = None if body.startswith('"') else _CONDITION.fullmatch(body)
    if found is None:
        return _free_text(body.replace('"', "").casefold())
    name, operator, value = found.groups()
    field = _field(name, at)
    value_at = at + found.start(3)
    if not value.replace('"', ""):
        raise FilterError(
            f"“{name}{operator}” needs a value after it: {field.help}", at, at + len(body)
        )
    if field.kind is Kind.SETTING:
        if _NUMBER.fullmatch(value.replace('"', "")) is None and operator in (":", "=", "!="):
            return _text_test(field, operator, value)
        field = Field(field.name, Kind.NUMBER, field.help)
    if field.kind in (Kind.TEXT, Kind.WORDS):
        if operator in (">", "<", ">=", "<="):
            raise FilterError(
                f"“{name}” is text and cannot be compared by “{operator}”; use {name}:{value}",
                at + found.start(2),
                at + found.end(2),
            )
        return _text_test(field, operator, value)
    return _number_test(field, operator, value, value_at)


def _field(name: str, at: int) -> Field:
    key = name.casefold()
    key = _ALIASES.get(key) or SHORT.get(key, key)
    field = FIELDS.get(key)
    if field is not None:
        return field
    if key.startswith("set.") and len(key) > len("set."):
        return Field(key, Kind.SETTING, "a setting of the run, such as set.iters>=300")
    near = difflib.get_close_matches(key, [*FIELDS, *_ALIASES, *SHORT], n=1, cutoff=0.6)
    hint = f"did you mean “{near[0]}”?" if near else "the fields are " + ", ".join(FIELDS)
    raise FilterError(
        f"there is no field “{name}”; {hint} To search for the text, put it in quotation marks"
        if near
        else f"there is no field “{name}”; {hint}",
        at,
        at + len(name),
    )


def _free_text(wanted: str) -> _Test:
    """A word on its own is looked for in every text of the run."""

    def test(facts: Facts) -> bool:
        text = getattr(facts, "text", None)
        if isinstance(text, str):
            return wanted in text
        return any(wanted in text for value in facts.values() for text in _texts(value))

    return test


def _texts(value: FactValue) -> list[str]:
    if isinstance(value, str):
        return [value.casefold()]
    if isinstance(value, Sequence):
        return [str(item).casefold() for item in value]
    return []


def _text_test(field: Field, operator: str, value: str) -> _Test:
    exact = operator != ":" or field.kind is Kind.WORDS
    wanted = [part.strip().casefold() for part in value.replace('"', "").split(",") if part.strip()]

    def test(facts: Facts) -> bool:
        texts = _texts(facts.get(field.name))
        if not texts:
            return "none" in wanted
        return any(word == text if exact else word in text for word in wanted for text in texts)

    return _negate(test) if operator == "!=" else test


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b or _equal(a, b),
    "<=": lambda a, b: a <= b or _equal(a, b),
    "=": lambda a, b: _equal(a, b),
    ":": lambda a, b: _equal(a, b),
    "!=": lambda a, b: not _equal(a, b),
}


def _equal(a: float, b: float) -> bool:
    """Equal as written: 0.1 + 0.2 is 0.3 to someone who types 0.3."""
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _number_test(field: Field, operator: str, value: str, at: int) -> _Test:
    plain = value.replace('"', "").strip()
    if plain.casefold() == "none":
        if operator not in (":", "=", "!="):
            raise FilterError(f"“none” cannot be compared by “{operator}”", at, at + len(value))
        wants_none = operator != "!="
        return lambda facts: (_number(facts.get(field.name)) is None) is wants_none
    bounds = [_read_number(field, part.strip(), value, at) for part in plain.split(",")]
    if len(bounds) > 1 and operator not in (":", "=", "!="):
        raise FilterError(f"“{operator}” takes one value, not several", at, at + len(value))
    compare = _COMPARE[operator]
    combine = all if operator == "!=" else any

    def test(facts: Facts) -> bool:
        number = _number(facts.get(field.name))
        return number is not None and combine(compare(number, bound) for bound in bounds)

    return test


def _number(value: FactValue) -> float | None:
    """The number of a fact; None where it was not recorded or is not a finite number."""
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return None


def _read_number(field: Field, part: str, value: str, at: int) -> float:
    match = _NUMBER.fullmatch(part)
    units = _UNITS[field.kind]
    if match is None:
        raise FilterError(
            f"“{part}” is not a value of “{field.name}”; write for example "
            f"{field.name}>{_EXAMPLE[field.kind]}",
            at,
            at + len(value),
        )
    number, unit = match.group(1).replace("−", "-"), match.group(2).casefold()
    if unit not in units:
        known = ", ".join(name for name in units if name)
        raise FilterError(
            f"“{part}” needs a unit that “{field.name}” has: {known}", at, at + len(value)
        )
    return float(number) * units[unit]
