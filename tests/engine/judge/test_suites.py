"""Suites are read whole, or refused with every bad row."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge import suites
from engine.judge.suites import SuiteError, load_suite, parse_suite


def chat(*turns: tuple[str, str], **extra: Any) -> dict[str, Any]:
    return {"messages": [{"role": r, "content": c} for r, c in turns], **extra}


def lines(*rows: Any) -> list[bytes]:
    return [json.dumps(row).encode() for row in rows]


def parse(*rows: Any, scorer: str = "exact", system_prompt: str | None = None) -> suites.Suite:
    return parse_suite(
        "gold", lines(*rows), scorer=scorer, sha256="0" * 64, system_prompt=system_prompt
    )


def test_the_three_kinds_of_rows() -> None:
    suite = parse(
        chat(("user", "hover"), ("assistant", '{"cmd": "hover"}'), category="nav"),
        {"prompt": "2+2", "completion": "4", "id": "sum"},
        {"question": "Who?", "ideal": "Nobody", "slice": "riddle"},
    )
    assert [(one.id, one.prompt, one.expected, one.slice) for one in suite.examples] == [
        ("1", "hover", '{"cmd": "hover"}', "nav"),
        ("sum", "2+2", "4", None),
        ("3", "Who?", "Nobody", "riddle"),
    ]
    assert (suite.name, suite.scorer, suite.metric, suite.direction) == (
        "gold",
        "exact",
        "accuracy",
        "higher",
    )


def test_several_turns_are_kept_and_only_the_last_answer_is_expected() -> None:
    turns = [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")]
    example = parse(chat(*turns)).examples[0]
    assert [(m["role"], m["content"]) for m in example.messages] == turns[:3]
    assert (example.prompt, example.expected) == ("c", "d")


def test_a_system_prompt_is_added_where_there_is_none() -> None:
    own = chat(("system", "mine"), ("user", "q"), ("assistant", "a"))
    without = chat(("user", "q"), ("assistant", "a"))
    first, second = parse(own, without, system_prompt="Be brief.").examples
    assert first.messages[0]["content"] == "mine" and len(first.messages) == 2
    assert second.messages[0] == {"role": "system", "content": "Be brief."}


def test_an_answer_written_as_an_object_is_taken_as_its_text() -> None:
    row = {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": {"cmd": "hover"}},
        ]
    }
    assert parse(row, scorer="json_cmd").examples[0].expected == '{"cmd": "hover"}'


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b"\n".join([*lines({"prompt": "q", "completion": "a"}), b"", b""]))
    suite = load_suite(path, "gold", "exact", direction="lower")
    assert suite.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert len(suite.examples) == 1 and suite.direction == "lower"


def test_all_bad_rows_are_named_with_file_and_line(tmp_path: Path) -> None:
    good = json.dumps({"prompt": "q", "completion": '{"cmd": "x"}', "id": 7}).encode()
    bad = [
        b'{"prompt": "q"',
        b"[1]",
        b'{"text": "q"}',
        b'{"prompt": "q"}',
        b'{"prompt": " ", "completion": "a"}',
        b'{"prompt": "q", "completion": "no json"}',
        b'{"messages": {}}',
        b'{"messages": [{"role": "user", "content": "q"}]}',
        b'{"messages": [{"role": "assistant", "content": "a"}]}',
        b'{"messages": [7]}',
        b'\xff\xfe{"prompt"',
        b'{"prompt": "q", "completion": "{\\"cmd\\": 1}", "category": []}',
        good,
        b"[" * 100_000,
    ]
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b"\n".join([good, *bad]))
    with pytest.raises(SuiteError) as caught:
        load_suite(path, "gold", "json_cmd")
    problems = caught.value.problems
    assert [problem.split(" ")[0] for problem in problems] == [
        f"gold.jsonl:{number}:" for number in range(2, len(bad) + 2)
    ]
    for problem, words in zip(
        problems,
        [
            "is not JSON",
            "is no JSON object",
            'has neither "messages"',
            'has no "completion"',
            "the content is empty",
            "must be JSON",
            "is no list",
            "must be the assistant's",
            "no user message",
            "messages/0 is no object",
            "is not UTF-8",
            "neither text nor a whole number",
            "the id 7 is taken by line 1",
            "nested too deeply",
        ],
        strict=True,
    ):
        assert words in problem


def test_a_long_list_of_problems_is_shortened_in_the_text_only() -> None:
    with pytest.raises(SuiteError, match="… and 30 more") as caught:
        parse(*([{}] * 50))
    assert len(caught.value.problems) == 50


@pytest.mark.parametrize("text", [b"", b"\n \n"])
def test_an_empty_suite_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "gold.jsonl"
    path.write_bytes(text)
    with pytest.raises(SuiteError, match=r"gold\.jsonl: has no rows"):
        load_suite(path, "gold", "exact")


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SuiteError, match="has no such file"):
        load_suite(tmp_path / "none.jsonl", "gold", "exact")
    with pytest.raises(SuiteError, match="cannot be read"):
        load_suite(tmp_path, "gold", "exact")
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b'{"prompt": "q", "completion": "a"}')
    monkeypatch.setattr(suites, "MAX_SUITE_BYTES", 10)
    with pytest.raises(SuiteError, match="split the suite"):
        load_suite(path, "gold", "exact")


def test_an_unknown_scorer_is_one_problem() -> None:
    with pytest.raises(SuiteError, match="there is no scorer 'best'"):
        parse({"prompt": "q", "completion": "a"}, scorer="best")


@settings(max_examples=150, deadline=None)
@given(
    data=st.lists(
        st.binary(max_size=40)
        | st.dictionaries(
            st.sampled_from(["messages", "prompt", "completion", "question", "ideal", "id"]),
            st.none() | st.text(max_size=5) | st.integers() | st.lists(st.none(), max_size=2),
        ).map(lambda row: json.dumps(row).encode()),
        max_size=5,
    )
)
def test_any_bytes_are_a_suite_or_a_suite_error(data: list[bytes]) -> None:
    try:
        suite = parse_suite("any", data, scorer="exact", sha256="0" * 64)
    except SuiteError as error:
        assert error.problems and all(one.startswith("any") for one in error.problems)
    else:
        assert suite.examples
