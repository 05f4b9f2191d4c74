"""The scorers by their names: small functions from (expected, got) to a score.

Each takes the expected text and the answer as text, and never raises because of what
a model answered. To add one: write the function, give it to ``_register`` with a check
of the expected text, and it can be named in a target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.judge import json_scorers, numeric, output_scorers, sql_scorers, text_scorers
from engine.judge import tool_scorers as tools
from engine.judge.score import Score, ScorerError, wrong
from engine.judge.teacher import judged

__all__ = [
    "CUSTOM",
    "JUDGE",
    "METRIC",
    "Score",
    "ScorerError",
    "check_expected",
    "has_option",
    "knows_form",
    "metric_of",
    "names",
    "needs",
    "score",
]

METRIC = "accuracy"
"""What the mean of a suite's scores is called where each is 0 or 1."""

CUSTOM = "custom"
"""The scorer that is a file of the target; it runs in a child (``engine.custom_scorer``)."""

JUDGE = "judge"
"""The scorer that is a teacher model; what it is asked with is ``engine.judge.teacher``."""


@dataclass(frozen=True, slots=True)
class _Entry:
    score: Callable[..., Score]
    check: Callable[[str], str | None]
    options: frozenset[str]
    needs: frozenset[str]
    metric: str


_REGISTRY: dict[str, _Entry] = {}


def _register(
    name: str,
    score: Callable[..., Score],
    check: Callable[[str], str | None],
    *options: str,
    needs: tuple[str, ...] = (),
    metric: str = METRIC,
) -> None:
    """``needs`` are options without which the scorer cannot work."""
    every = frozenset((*options, *needs))
    _REGISTRY[name] = _Entry(score, check, every, frozenset(needs), metric)


def _custom(expected: str, got: str, *, scorer_file: Callable[[str, str], Score]) -> Score:
    """``score(expected, actual)`` of the target's ``scorer.py``, asked of the child it runs in."""
    return scorer_file(expected, got)


_register("exact", json_scorers.exact, text_scorers.not_empty)
_register("json_cmd", json_scorers.json_cmd, json_scorers.is_command, "ignore", "forbidden")
_register("json_exact", json_scorers.json_exact, json_scorers.is_json)
_register("contains", text_scorers.contains, text_scorers.not_empty, "ignore_case")
_register("regex", text_scorers.regex, text_scorers.is_pattern)
_register("numeric", numeric.numeric, numeric.is_number, "tolerance", "relative", "which")
_register("keywords", text_scorers.keywords, text_scorers.are_keywords, metric="keywords found")
_register("tool_calls", tools.tool_calls, tools.are_calls, "only", metric="tools called")
_register("sql_exact", sql_scorers.sql_exact, sql_scorers.is_query)
_register(
    "sql_exec",
    sql_scorers.sql_exec,
    sql_scorers.is_query,
    "seconds",
    "max_rows",
    needs=("database",),
)
_register("clean_output", output_scorers.clean_output, text_scorers.not_empty, "kind")
_register("forbidden", output_scorers.forbidden, output_scorers.is_forbidden_list, "forbidden")
_register(CUSTOM, _custom, text_scorers.not_empty, needs=("scorer_file",), metric="custom score")
_register(JUDGE, judged, text_scorers.not_empty, needs=("teacher",), metric="judged score")


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


def knows_form(name: str) -> bool:
    """Whether the scorer sees if an answer has the asked form; one that asks others does not."""
    return name not in (CUSTOM, JUDGE)


def needs(name: str) -> frozenset[str]:
    """The options without which the scorer ``name`` cannot work."""
    return _entry(name).needs


def metric_of(name: str) -> str:
    """What the mean of the scores of ``name`` is called: accuracy where each is 0 or 1."""
    return _entry(name).metric


def score(name: str, expected: str, got: str, **options: Any) -> Score:
    """Score one answer with the scorer ``name``.

    Never raises because of ``got``. ScorerError for a scorer or an option that is not there, for
    one that the scorer needs and was not given, and for a gold query that fails.
    """
    entry = _entry(name)
    unknown = sorted(set(options) - entry.options)
    if unknown:
        there = ", ".join(sorted(entry.options)) or "none"
        raise ScorerError(f"the scorer {name} has no option {unknown[0]!r}; it has {there}")
    if missing := sorted(entry.needs - set(options)):
        raise ScorerError(f"the scorer {name} needs a {missing[0]}")
    try:
        return entry.score(expected, got, **options)
    except RecursionError:
        return wrong("the answer is nested too deeply", parsed=False)
