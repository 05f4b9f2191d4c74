"""A question is the same question however it is dressed."""

from __future__ import annotations

from engine.judge.leakage import prompt_key, prompt_text


def test_prompts_are_compared_without_dress_and_without_answers() -> None:
    chat = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Fly  to\nPoint"},
            {"role": "assistant", "content": "right"},
        ]
    }
    other = {"prompt": "fly to point", "completion": "wrong"}
    assert prompt_key(chat) == prompt_key(other) == "fly to point"
    assert prompt_key({"question": "ﬁve"}) == "five"


def test_rows_without_a_prompt_have_no_key() -> None:
    for row in (None, [], {}, {"messages": []}, {"messages": [1]}, {"prompt": " "}):
        assert prompt_key(row) is None


def test_a_row_of_any_suite_has_its_prompt() -> None:
    user = {"role": "user", "content": "Hi"}
    call = {"role": "assistant", "tool_calls": [{"name": "x"}]}
    assert prompt_text({"messages": [user], "expected_keywords": ["x"]}) == "Hi"
    assert prompt_text({"messages": [user, call]}) == "Hi"
    assert prompt_text({"prompt_text": "Hi", "expected_tool_calls": []}) == "Hi"
    assert prompt_text({"prompt": {"a": "é"}, "completion": "x"}) == '{"a": "é"}'
    assert prompt_text({"suite": {"name": "a header"}}) == ""
