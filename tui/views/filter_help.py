"""Completes a filter as it is typed: field names, then values that occur in the workspace. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.catalogue.run_filter import FIELDS, SHORT, Field, FilterError, Kind, parse
from tui.views.plain import plain
from tui.views.run_columns import SETTING

MOST = 8
"""How many candidates are offered at once."""

KEPT = 20
"""How many filters are remembered."""

_STATES = {
    "live": "a supervisor is at work on it",
    "waiting": "it waits for the accelerator",
    "lost": "its supervisor died in the middle",
    "undecided": "measured, and nobody has decided",
    "decided": "there is a decision",
    "failed": "a stage failed",
    "cancelled": "it was stopped",
}
_GATES = {
    "pass": "every gate holds",
    "fail": "a gate does not hold",
    "undecided": "a gate cannot be decided",
}
_AGES = {"<1d": "made today or yesterday", "<7d": "made in the last week", ">30d": "over a month"}
_EXAMPLES = {
    "score": {">0.8": "better than 80 %", ":none": "without a score"},
    "baseline": {"<0.5": "the base model is below half"},
    "delta": {">0": "better than the base model", "<0": "worse than the base model"},
    "breadth": {"<-2": "breadth fell by over 2 points"},
    "tok_s": {">1k": "over 1,000 tokens a second"},
    "loss": {"<0.5": "last loss below 0.5"},
    "peak": {">4G": "over 4 GB at the peak"},
    "age": _AGES,
    "duration": {">1h": "longer than an hour"},
    "n": {">=100": "100 examples or more"},
    "seed": {"=0": "seed 0"},
}
_TEXT_END = re.compile(r'(?:"[^"]*"?|[^\s"])*$')
_CONDITION = re.compile(r"(-?)([A-Za-z_][\w./-]*?)(>=|<=|!=|:|=|>|<)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What can stand where the cursor is: ``text`` replaces ``start`` to the cursor."""

    text: str
    help: str
    start: int


Words = Mapping[str, Mapping[str, int]]
"""Field to the values that occur and the number of runs that have them, see `RunIndex.words`."""


def candidates(text: str, cursor: int, words: Words) -> list[Candidate]:
    """What fits the word at the cursor, the likeliest first; none between words of a filter."""
    head = text[:cursor]
    match = _TEXT_END.search(head)
    term = match.group() if match else ""
    start = cursor - len(term)
    if term.startswith('"') or (not term and head.strip()):
        return []
    condition = _CONDITION.fullmatch(term)
    if condition is None:
        return _names(term, start, words)
    minus, name, operator, value = condition.groups()
    return _values(name.casefold(), operator, value, start + len(minus) + len(name), words)


def _names(term: str, start: int, words: Words) -> list[Candidate]:
    """Fields whose name begins as the term does, then those that hold it, then settings."""
    minus = "-" if term.startswith("-") else ""
    begun = term[len(minus) :].casefold()
    known = [(_opened(field), field.help) for field in FIELDS.values()]
    known += [(name, f"the setting {full[len(SETTING) :]}") for name, full in SHORT.items()]
    if begun:
        known += [(SETTING + name, "a setting of the run") for name in words.get(SETTING, ())]
    if begun in _EXAMPLES:
        known += [(begun + example, help_) for example, help_ in _EXAMPLES[begun].items()]
    first = [one for one in known if one[0].startswith(begun)]
    later = [one for one in known if begun and begun in one[0] and one not in first]
    return [
        Candidate(minus + name, help_, start)
        for name, help_ in (first + later)[:MOST]
        if minus + name != term
    ]


def _opened(field: Field) -> str:
    """A field's name as one goes on from it: text fields with their colon."""
    return field.name + (":" if field.kind in (Kind.TEXT, Kind.WORDS) else "")


def _values(name: str, operator: str, value: str, at: int, words: Words) -> list[Candidate]:
    """Values for a field; after a comma those for the next one."""
    done, comma, begun = value.rpartition(",")
    start = at + len(operator) + len(done) + len(comma)
    field = FIELDS.get(name)
    if field is None or field.kind not in (Kind.TEXT, Kind.WORDS):
        offered = _EXAMPLES.get(name, {})
        shown = [
            Candidate(one, help_, at)
            for one, help_ in offered.items()
            if one.startswith(operator + value) and one != operator + value
        ]
        return shown[:MOST]
    there = {one.casefold() for one in done.replace('"', "").split(",")}
    wanted = begun.replace('"', "").casefold()
    fitting = [
        (word, help_)
        for word, help_ in _known_values(field, words)
        if wanted in word.casefold() and word.casefold() not in (wanted, *there)
    ]
    # What begins so comes first; ``qwen`` finds mlx-community/Qwen3 as well.
    fitting.sort(key=lambda one: not one[0].casefold().startswith(wanted))
    return [Candidate(_quoted(word), help_, start) for word, help_ in fitting[:MOST]]


def _known_values(field: Field, words: Words) -> list[tuple[str, str]]:
    if field.name == "is":
        return list(_STATES.items())
    if field.name == "gates":
        return list(_GATES.items())
    found = [
        (plain(word, clip=120), runs_of(count)) for word, count in words.get(field.name, {}).items()
    ]
    if field.name in ("decision", "tag"):
        found.append(("none", f"without a {field.name}"))
    return found


def runs_of(count: int) -> str:
    """1 run, 1,200 runs."""
    return f"{count:,} run" + ("" if count == 1 else "s")


def _quoted(word: str) -> str:
    return f'"{word}"' if any(char.isspace() for char in word) else word


def without_word(text: str, cursor: int) -> str:
    """The filter before the word at the cursor."""
    match = _TEXT_END.search(text[:cursor])
    return text[: match.start()] if match else text


def accepted(text: str, cursor: int, candidate: Candidate) -> tuple[str, int]:
    """The filter and the cursor after a candidate was taken."""
    head = text[: candidate.start] + candidate.text
    return head + text[cursor:], len(head)


def remembered(filters: Sequence[object], new: str = "") -> list[str]:
    """The filters that are kept, the last one first; one that cannot be read is not kept."""
    found: list[str] = []
    for text in (new, *filters):
        if not isinstance(text, str) or not text.strip() or text.strip() in found:
            continue
        try:
            parse(text)
        except FilterError:
            continue
        found.append(text.strip()[:500])
    return found[:KEPT]
