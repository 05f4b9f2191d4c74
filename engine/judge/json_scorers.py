"""Scorers that compare JSON: ``exact`` (where the expected text is JSON), json_cmd, json_exact."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from engine.judge.answers import parse_json, same_field, same_json, show
from engine.judge.score import Score, empty, right, unreadable, wrong


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
        return empty()
    if expected.strip() == got.strip():
        return right()
    return wrong(f"expected {show(expected.strip())}, got {show(got.strip())}")


def json_exact(expected: str, got: str) -> Score:
    """The answer is the expected JSON value: same keys, same types, numbers by value.

    Key order and white space do not count; 1 equals 1.0; true is not 1.
    """
    wanted = parse_json(expected)
    if not wanted.parsed:
        return wrong(f"the expected text is no JSON: {wanted.error}")
    answer = parse_json(got)
    if not answer.parsed:
        return unreadable(answer)
    if same_json(wanted.value, answer.value):
        return right()
    return wrong(f"expected {show(wanted.value)}, got {show(answer.value)}")


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
        return wrong("the expected text is no JSON object")
    answer = parse_json(got)
    if not answer.parsed:
        return unreadable(answer)
    if not isinstance(answer.value, dict):
        return wrong(f"the answer is no object but {show(answer.value)}", parsed=False)
    command = answer.value.get("cmd")
    if isinstance(command, str) and command.strip() in forbidden:
        return Score(0.0, False, f"the command {show(command)} is forbidden", forbidden=True)
    if not same_field(wanted.value.get("cmd"), command):
        return wrong(f"cmd: expected {show(wanted.value.get('cmd'))}, got {show(command)}")
    return _fields({k: v for k, v in wanted.value.items() if k not in ignore}, got)


def _fields(wanted: dict[str, Any], got: str) -> Score:
    answer = parse_json(got)
    if not answer.parsed:
        return unreadable(answer)
    if not isinstance(answer.value, dict):
        return wrong(f"the answer is no object but {show(answer.value)}", parsed=False)
    for key, value in wanted.items():
        if not same_field(value, answer.value.get(key)):
            there = show(answer.value[key]) if key in answer.value else "nothing"
            return wrong(f"{key}: expected {show(value)}, got {there}")
    return right()


def is_json(expected: str) -> str | None:
    """Why an expected text cannot be one of json_exact, or None."""
    answer = parse_json(expected)
    return None if answer.parsed else f"the expected answer must be JSON ({answer.error})"


def is_command(expected: str) -> str | None:
    """Why an expected text cannot be one of json_cmd, or None."""
    answer = parse_json(expected)
    if not answer.parsed:
        return f"the expected answer must be JSON ({answer.error})"
    if not isinstance(answer.value, dict) or "cmd" not in answer.value:
        return 'the expected answer must be a JSON object with a "cmd"'
    return None
