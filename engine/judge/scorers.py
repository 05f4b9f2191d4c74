"""Scorers: small named functions from (expected, got) to a score.

Each takes the expected text and the answer as text, and never raises because of what
a model answered. To add one: write the function, give it to ``_register`` with a check
of the expected text, and it can be named in a target.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from engine.judge.answers import Answer, parse_json, same_field, same_json, show
from engine.judge.patterns import PatternError, compile_pattern, search


@dataclass(frozen=True, slots=True)
class Score:
    """How one answer did.

    ``score`` is in [0, 1] and ``correct`` whether it counts as right. ``error`` says in
    words why it is not. ``parsed`` is whether the answer was in the asked format at all,
    ``prose`` whether words stood around or instead of it, ``forbidden`` whether it holds a
    command that no answer may hold.
    """

    score: float
    correct: bool
    error: str | None = None
    parsed: bool = True
    prose: bool = False
    forbidden: bool = False


class ScorerError(ValueError):
    """A scorer or an option that does not exist; the text names those that do."""


@dataclass(frozen=True, slots=True)
class _Entry:
    score: Callable[..., Score]
    check: Callable[[str], str | None]
    options: frozenset[str]


def _right() -> Score:
    return Score(1.0, True)


def _wrong(error: str, *, parsed: bool = True, prose: bool = False) -> Score:
    return Score(0.0, False, error, parsed, prose)


def _unreadable(answer: Answer) -> Score:
    return _wrong(answer.error or "the answer cannot be read", parsed=False, prose=answer.prose)


# --- text ------------------------------------------------------------------------


def exact(expected: str, got: str) -> Score:
    """The answer is what was expected.

    Where the expected text is a JSON object, each of its top-level keys must be there with
    an equal field (see ``same_field``); other keys of the answer are ignored and a missing
    key equals null. Any other expected text must equal the answer once both are stripped.
    """
    wanted = parse_json(expected)
    if wanted.parsed and isinstance(wanted.value, dict):
        return _fields(wanted.value, got)
    if not got.strip():
        return _wrong("the answer is empty", parsed=False)
    if expected.strip() == got.strip():
        return _right()
    return _wrong(f"expected {show(expected.strip())}, got {show(got.strip())}")


def contains(expected: str, got: str, *, ignore_case: bool = False) -> Score:
    """The stripped expected text stands somewhere in the answer."""
    if not got.strip():
        return _wrong("the answer is empty", parsed=False)
    needle, hay = expected.strip(), got
    if not needle:
        return _wrong("there is nothing to look for: the expected text is empty")
    if ignore_case:
        needle, hay = needle.casefold(), hay.casefold()
    return _right() if needle in hay else _wrong(f"{show(expected.strip())} is not in the answer")


def regex(expected: str, got: str) -> Score:
    """The expected text, taken as a Python regular expression, is found in the answer.

    Only the first 10,000 characters of the answer are searched, the pattern has at most
    2,000, and a search that takes longer than a second counts as wrong with that reason.
    """
    if not got.strip():
        return _wrong("the answer is empty", parsed=False)
    try:
        found = search(expected, got)
    except PatternError as error:
        return _wrong(str(error))
    return _right() if found else _wrong(f"the pattern {show(expected)} is not found")


# --- JSON ------------------------------------------------------------------------


def json_exact(expected: str, got: str) -> Score:
    """The answer is the expected JSON value: same keys, same types, numbers by value.

    Key order and white space do not count; 1 equals 1.0; true is not 1.
    """
    wanted = parse_json(expected)
    if not wanted.parsed:
        return _wrong(f"the expected text is no JSON: {wanted.error}")
    answer = parse_json(got)
    if not answer.parsed:
        return _unreadable(answer)
    if same_json(wanted.value, answer.value):
        return _right()
    return _wrong(f"expected {show(wanted.value)}, got {show(answer.value)}")


def json_cmd(
    expected: str,
    got: str,
    *,
    ignore: Collection[str] = ("confidence",),
    forbidden: Collection[str] = (),
) -> Score:
    """The answer is a JSON object whose ``cmd`` and other expected fields are right.

    ``cmd`` is compared first, then every other top-level key that was expected but those
    in ``ignore`` (a confidence is a matter of degree). Fields compare as in ``exact``. A
    ``cmd`` in ``forbidden`` is wrong whatever was expected. Fences, prose and an empty
    answer are wrong with that reason, and so is JSON that is no object.
    """
    wanted = parse_json(expected)
    if not wanted.parsed or not isinstance(wanted.value, dict):
        return _wrong("the expected text is no JSON object")
    answer = parse_json(got)
    if not answer.parsed:
        return _unreadable(answer)
    if not isinstance(answer.value, dict):
        return _wrong(f"the answer is no object but {show(answer.value)}", parsed=False)
    command = answer.value.get("cmd")
    if isinstance(command, str) and command.strip() in forbidden:
        return Score(0.0, False, f"the command {show(command)} is forbidden", forbidden=True)
    if not same_field(wanted.value.get("cmd"), command):
        return _wrong(f"cmd: expected {show(wanted.value.get('cmd'))}, got {show(command)}")
    return _fields({k: v for k, v in wanted.value.items() if k not in ignore}, got)


def _fields(wanted: dict[str, Any], got: str) -> Score:
    answer = parse_json(got)
    if not answer.parsed:
        return _unreadable(answer)
    if not isinstance(answer.value, dict):
        return _wrong(f"the answer is no object but {show(answer.value)}", parsed=False)
    for key, value in wanted.items():
        if not same_field(value, answer.value.get(key)):
            there = show(answer.value[key]) if key in answer.value else "nothing"
            return _wrong(f"{key}: expected {show(value)}, got {there}")
    return _right()


# --- what a suite's expected texts must be ---------------------------------------------


def _not_empty(expected: str) -> str | None:
    return None if expected.strip() else "the expected answer is empty"


def _is_pattern(expected: str) -> str | None:
    try:
        compile_pattern(expected)
    except PatternError as error:
        return str(error)
    return None


def _is_json(expected: str) -> str | None:
    answer = parse_json(expected)
    return None if answer.parsed else f"the expected answer must be JSON ({answer.error})"


def _is_command(expected: str) -> str | None:
    answer = parse_json(expected)
    if not answer.parsed:
        return f"the expected answer must be JSON ({answer.error})"
    if not isinstance(answer.value, dict) or "cmd" not in answer.value:
        return 'the expected answer must be a JSON object with a "cmd"'
    return None


_REGISTRY: dict[str, _Entry] = {}


def _register(
    name: str, score: Callable[..., Score], check: Callable[[str], str | None], *options: str
) -> None:
    _REGISTRY[name] = _Entry(score, check, frozenset(options))


_register("exact", exact, _not_empty)
_register("json_cmd", json_cmd, _is_command, "ignore", "forbidden")
_register("json_exact", json_exact, _is_json)
_register("contains", contains, _not_empty, "ignore_case")
_register("regex", regex, _is_pattern)

METRIC = "accuracy"
"""What the mean of a suite's scores is called: all scorers here give 0 or 1."""


def names() -> tuple[str, ...]:
    """The names of all scorers."""
    return tuple(_REGISTRY)


def _entry(name: str) -> _Entry:
    try:
        return _REGISTRY[name]
    except KeyError:
        raise ScorerError(
            f"there is no scorer {name!r}; there are {', '.join(_REGISTRY)}"
        ) from None


def check_expected(name: str, expected: str) -> str | None:
    """Why this expected text cannot be scored by ``name``, or None where it can."""
    return _entry(name).check(expected)


def has_option(name: str, option: str) -> bool:
    """Whether the scorer ``name`` takes ``option``. ScorerError for one that is not there."""
    return option in _entry(name).options


def score(name: str, expected: str, got: str, **options: Any) -> Score:
    """Score one answer with the scorer ``name``.

    Never raises because of ``got``. ScorerError for a scorer or an option that is not there.
    """
    entry = _entry(name)
    unknown = sorted(set(options) - entry.options)
    if unknown:
        there = ", ".join(sorted(entry.options)) or "none"
        raise ScorerError(f"the scorer {name} has no option {unknown[0]!r}; it has {there}")
    try:
        return entry.score(expected, got, **options)
    except RecursionError:
        return _wrong("the answer is nested too deeply", parsed=False)
