"""The scorer ``tool_calls``: which of the expected tools were called."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.judge.answers import parse_json, same_field, show
from engine.judge.score import Score, empty, partly, right, wrong
from engine.judge.text_scorers import keyword_share
from engine.judge.tool_calls import Call, Calls, call_of, read_calls

UNASKED = 0.5
"""The score of an answer that calls a tool where none was expected."""

SHOWN_CALLS = 3


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a row expects. ``calls`` is None where the row says nothing of tools."""

    calls: tuple[Call, ...] | None
    keywords: tuple[str, ...] = ()

    def text(self) -> str:
        """The expected text of such a row, as the rows of a run hold it."""
        parts: dict[str, Any] = {}
        if self.calls is not None:
            parts["tool_calls"] = [
                {"name": call.name, "arguments": call.arguments} if call.arguments else call.name
                for call in self.calls
            ]
        if self.keywords:
            parts["keywords"] = list(self.keywords)
        return json.dumps(parts, ensure_ascii=False)


def tool_calls(expected: str, got: str, *, only: bool = False) -> Score:
    """The share of the expected tools that the answer calls, in [0, 1].

    The expected text is JSON: a list of calls, or ``{"tool_calls": […], "keywords": […]}``. A call
    is a name, or ``{"name", "arguments"}``, whose arguments must then be there with equal fields
    (``same_field``); other arguments are ignored. A tool that is expected twice must be called
    twice; the order does not count. Calls beyond the expected ones cost nothing unless ``only`` is
    set: then the answer is wrong. Where no tool is expected, an answer that calls none is right and
    one that calls any scores 0.5. How calls are read from an answer: ``engine.judge.tool_calls``.

    Where a row expects tools and keywords, the score is the mean of both shares. A list of tools
    that is empty beside keywords asks nothing of the tools: such a row is scored by its keywords.
    Right is a score of 1. An empty answer is wrong, also where no tool is expected.
    """
    wanted = wanted_of(expected)
    if isinstance(wanted, str):
        return wrong(wanted)
    found = read_calls(got)
    if not found.calls and not got.strip():
        return empty()
    parts = []
    if wanted.calls is not None and (wanted.calls or not wanted.keywords):
        parts.append(_called(wanted.calls, found, only))
    if wanted.keywords:
        parts.append(keyword_share(wanted.keywords, _words(found)))
    share = sum(part.score for part in parts) / len(parts)
    reasons = "; ".join(part.error for part in parts if part.error)
    parsed = all(part.parsed for part in parts)
    prose = bool(found.text) and bool(wanted.calls)
    if share >= 1.0:
        return right(prose=prose)
    return Score(share, False, reasons, parsed, prose)


def _called(wanted: Sequence[Call], found: Calls, only: bool) -> Score:
    if not wanted:
        if found.calls:
            return partly(UNASKED, f"no tool was expected, {_names(found.calls)} was called")
        return right()
    missing = _missing(wanted, found.calls)
    if missing:
        share = (len(wanted) - len(missing)) / len(wanted)
        if found.error or not found.calls:
            reason = found.error or "no tool was called"
        else:
            reason = f"called {_names(found.calls)}"
        error = f"{_names(missing)} was expected, {reason}"
        # Nothing that can be read as a call where one was asked for is a matter of format.
        return Score(share, False, error, parsed=bool(found.calls))
    if only and len(found.calls) > len(wanted):
        return wrong(f"{len(found.calls)} calls where {len(wanted)} were expected")
    return right()


def _missing(wanted: Sequence[Call], called: Sequence[Call]) -> list[Call]:
    """The expected calls that stay without a call of their own in the best assignment.

    Augmenting paths for a bipartite matching (H. W. Kuhn, Naval Research Logistics 2, 1955): a call
    with many arguments must not be taken by an expectation that another call fits as well.
    """
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for other, call in enumerate(called):
            if other not in tried and _fits(wanted[index], call):
                tried.add(other)
                if other not in taken or place(taken[other], tried):
                    taken[other] = index
                    return True
        return False

    return [call for index, call in enumerate(wanted) if not place(index, set())]


def _fits(wanted: Call, call: Call) -> bool:
    if wanted.name != call.name:
        return False
    given = call.arguments or {}
    return all(same_field(value, given.get(key)) for key, value in (wanted.arguments or {}).items())


def _words(found: Calls) -> str:
    """Where keywords are looked for: the text, and what the calls say."""
    said = [f"{one.name} {json.dumps(one.arguments, ensure_ascii=False)}" for one in found.calls]
    # An argument of several lines stands there as a JSON text; its line ends are white space.
    return "\n".join([found.text, *said]).replace("\\n", "\n")


def _names(calls: Sequence[Call]) -> str:
    names = ", ".join(
        show(call.name) + (f" with {show(call.arguments)}" if call.arguments else "")
        for call in calls[:SHOWN_CALLS]
    )
    return names + (f" and {len(calls) - SHOWN_CALLS} more" if len(calls) > SHOWN_CALLS else "")


def wanted_of(expected: str) -> Wanted | str:
    """What an expected text asks for, or the sentence why it cannot be read."""
    answer = parse_json(expected)
    if not answer.parsed:
        return f"the expected calls must be JSON ({answer.error})"
    value = answer.value if isinstance(answer.value, dict) else {"tool_calls": answer.value}
    return wanted_from(value.get("tool_calls"), value.get("keywords"))


def wanted_from(calls: Any, words: Any) -> Wanted | str:
    """What the values of ``expected_tool_calls`` and ``expected_keywords`` ask for, or why not."""
    if calls is None and words is None:
        return "neither tool calls nor keywords are expected"
    wanted: tuple[Call, ...] | None = None
    if calls is not None:
        if not isinstance(calls, list):
            return "the expected tool calls are no list"
        wanted = tuple(call for item in calls if (call := call_of(item)) is not None)
        if len(wanted) < len(calls):
            return 'an expected tool call is neither a name nor an object with a "name"'
        if any(call.arguments is None for call in wanted):
            return "the arguments of an expected tool call are no object"
    if words is None:
        return Wanted(wanted)
    if not isinstance(words, list) or not all(isinstance(one, str) for one in words):
        return "the expected keywords are no list of texts"
    kept = tuple(one.strip() for one in words if one.strip())
    if not kept and wanted is None:
        return "neither tool calls nor keywords are expected"
    return Wanted(wanted, kept)


def are_calls(expected: str) -> str | None:
    """Why an expected text holds no calls and no keywords, or None."""
    wanted = wanted_of(expected)
    return wanted if isinstance(wanted, str) else None
