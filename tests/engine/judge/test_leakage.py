"""A question is the same question however it is dressed."""

from __future__ import annotations

from engine.judge.leakage import leaked, prompt_key


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


def test_leaked_keeps_golds_order_and_counts_each_once() -> None:
    assert leaked(["c", "a", "b", "a"], ["a", "x", "c"]) == ["c", "a"]
