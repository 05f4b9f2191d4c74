"""What teachers are told of failures: how, and of which kind; no question, no answer, no value."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.loops.flywheel.failing import described, form_of, slices_of, ways_to_fail
from engine.records.evaluation import RowResult


def row(expected: str, got: str, slice_: str | None = "nav", right: bool = False) -> RowResult:
    return RowResult(
        id="1",
        prompt="please bring the zebra home",
        expected=expected,
        got=got,
        score=float(right),
        correct=right,
        slice=slice_,
    )


def command(name: str, **args: Any) -> str:
    return json.dumps({"cmd": name, "args": args})


ROWS = [
    row(command("climb", height=4711), command("climb", height=4712)),
    row(command("climb", height=4713), command("climb", height=4714)),
    row(command("climb", height=1), command("land"), "up"),
    row(command("land"), command("land"), "down", right=True),
    row(command("say", text="sesame"), "I would say sesame", None),
]


def test_ways_are_counted_and_values_stay_here() -> None:
    first, *rest = ways_to_fail(ROWS)
    assert first == {
        "slice": "nav",
        "kind": "wrong argument",
        "what": "args.height differ",
        "came": "JSON {cmd: text, args: {height: number}}",
        "times": 2,
    }
    assert {key: value for key, value in rest[0].items() if key not in ("what", "came")} == {
        "slice": "up",
        "kind": "wrong command",
        "times": 1,
    }
    assert rest[0]["what"] == "climb was right, land came"
    told = described(ROWS)
    for secret in ("zebra", "4711", "4712", "sesame", "home"):
        assert secret not in told + json.dumps(ways_to_fail(ROWS))
    assert "- nav, 2 of them: wrong argument: args.height differ." in told
    assert slices_of(ROWS) == ["nav", "up"]
    assert described([]) == "" and described([ROWS[3]]) == ""


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("", "empty"),
        ("yes", "text, one word"),
        ("I do not know that", "text, a few words"),
        ("word " * 40, "text, many words"),
        ('Sure! {"cmd": "x"}', "text with JSON in it, a few words"),
        ("[1, 2]", "JSON list"),
        ("42", "JSON number"),
        ("null", "JSON null"),
        ('{"a": {"b": {"c": 1}}, "d": true}', "JSON {a: {b: object}, d: truth value}"),
    ],
)
def test_the_form_of_an_answer(text: str, form: str) -> None:
    assert form_of(text) == form


def test_hostile_answers_are_short_and_printable() -> None:
    hostile = [
        row("{}", json.dumps({f"key{i}" * 99 + "\x1b[2J": i for i in range(500)})),
        row("{}", "[" * 100_000),
        row("x", "\x00" * 100_000, "s" * 10_000),
    ]
    told = described(hostile)
    assert len(told) < 3000 and all(one.isprintable() for one in told.splitlines())
