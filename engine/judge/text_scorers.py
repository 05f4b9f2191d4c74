"""Scorers that look for something in a text: contains, regex, keywords."""

from __future__ import annotations

from collections.abc import Sequence

from engine.judge.answers import parse_json, show
from engine.judge.leakage import normalise
from engine.judge.patterns import PatternError, compile_pattern, search
from engine.judge.score import Score, empty, partly, right, wrong

SHOWN_KEYWORDS = 3
"""How many of the missing keywords an error names."""


def contains(expected: str, got: str, *, ignore_case: bool = False) -> Score:
    """The stripped expected text stands somewhere in the answer."""
    if not got.strip():
        return empty()
    needle, hay = expected.strip(), got
    if not needle:
        return wrong("there is nothing to look for: the expected text is empty")
    if ignore_case:
        needle, hay = needle.casefold(), hay.casefold()
    return right() if needle in hay else wrong(f"{show(expected.strip())} is not in the answer")


def regex(expected: str, got: str) -> Score:
    """The expected text, taken as a Python regular expression, is found in the answer.

    Only the first 10,000 characters of the answer are searched, the pattern has at most
    2,000, and a search that takes longer than a second counts as wrong with that reason.
    """
    if not got.strip():
        return empty()
    try:
        found = search(expected, got)
    except PatternError as error:
        return wrong(str(error))
    return right() if found else wrong(f"the pattern {show(expected)} is not found")


def keywords(expected: str, got: str) -> Score:
    """The share of the expected keywords that stand in the answer, in [0, 1].

    The expected text is a JSON list of texts, or one keyword a line. A keyword may be of
    several words; it counts once, is compared without regard to case, to white space and to
    Unicode forms, and may stand within a longer word ("index" in "indexes"). Right is an
    answer that has all of them.
    """
    wanted = keyword_list(expected)
    if not wanted:
        return wrong("there is nothing to look for: no keyword is expected")
    if not got.strip():
        return empty()
    return keyword_share(wanted, got)


def keyword_share(wanted: Sequence[str], text: str) -> Score:
    """How many of ``wanted`` stand in ``text``; see ``keywords``."""
    hay = normalise(text)
    once = {normalise(one): one for one in reversed(wanted)}
    missing = [once[key] for key in reversed(once) if key not in hay]
    names = ", ".join(show(one) for one in missing[:SHOWN_KEYWORDS])
    more = f" and {len(missing) - SHOWN_KEYWORDS} more" if len(missing) > SHOWN_KEYWORDS else ""
    verb = "is" if len(missing) == 1 else "are"
    share = (len(once) - len(missing)) / len(once)
    return partly(share, f"{names}{more} {verb} not in the answer")


def keyword_list(expected: str) -> list[str]:
    """The keywords of an expected text; empty where it is JSON and no list of texts."""
    answer = parse_json(expected)
    found = answer.value if answer.parsed else expected.splitlines()
    if isinstance(found, dict):
        found = found.get("keywords")
    elif isinstance(found, str | int | float) and not isinstance(found, bool):
        found = [expected]  # a line such as 42 is JSON by accident
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return []
    return [one.strip() for one in found if one.strip()]


def not_empty(expected: str) -> str | None:
    """Why an expected text has nothing to compare with, or None."""
    return None if expected.strip() else "the expected answer is empty"


def is_pattern(expected: str) -> str | None:
    """Why an expected text is no pattern, or None."""
    try:
        compile_pattern(expected)
    except PatternError as error:
        return str(error)
    return None


def are_keywords(expected: str) -> str | None:
    """Why an expected text holds no keywords, or None."""
    if keyword_list(expected):
        return None
    return "the expected keywords must be a JSON list of texts, or one keyword a line"
