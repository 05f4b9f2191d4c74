"""Tool calls are read in the formats that models write, and scored by the share that was asked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge.scorers import score
from engine.judge.tool_calls import Call, read_calls
from engine.judge.tool_scorers import Wanted, wanted_of

READ = Call("read", {"path": "a.py"})
CALL = '{"name": "read", "arguments": {"path": "a.py"}}'


@pytest.mark.parametrize(
    ("answer", "calls", "text"),
    [
        # OpenAI: a message, a whole response, arguments as text
        (
            '{"role": "assistant", "content": "Let me look.", "tool_calls": [{"id": "1", '
            '"type": "function", "function": {"name": "read", "arguments": "{\\"path\\": '
            '\\"a.py\\"}"}}]}',
            [READ],
            "Let me look.",
        ),
        (
            '{"choices": [{"message": {"content": null, "tool_calls": [{"function": '
            '{"name": "read", "arguments": {"path": "a.py"}}}]}}]}',
            [READ],
            "",
        ),
        ('{"content": "No tool.", "tool_calls": []}', [], "No tool."),
        # Hermes, Qwen
        (f"<tool_call>\n{CALL}\n</tool_call>", [READ], ""),
        (f"I look.\n<tool_call>{CALL}</tool_call><tool_call>{CALL}", [READ, READ], "I look."),
        (
            "<tool_call>\n<function=read>\n<parameter=path>\na.py\n</parameter>\n"
            "<parameter=limit>\n3\n</parameter>\n</function>\n</tool_call>",
            [Call("read", {"path": "a.py", "limit": 3})],
            "",
        ),
        # Llama
        ('<|python_tag|>{"name": "read", "parameters": {"path": "a.py"}}<|eom_id|>', [READ], ""),
        (
            '{"name": "read", "parameters": {"path": "a.py"}}; {"name": "ls", "parameters": {}}',
            [READ, Call("ls", {})],
            "",
        ),
        ('<function=read>{"path": "a.py"}</function>', [READ], ""),
        (
            '[read(path="a.py"), math.add(x=1, y=-2.5)]',
            [READ, Call("math.add", {"x": 1, "y": -2.5})],
            "",
        ),
        # Mistral
        (f"[TOOL_CALLS] [{CALL}, {CALL}]", [READ, READ], ""),
        (f"[TOOL_CALLS] [{CALL}]</s>", [READ], ""),
        (
            'Look: [TOOL_CALLS]read[ARGS]{"path": "a.py"}[TOOL_CALLS]ls{}',
            [READ, Call("ls", {})],
            "Look:",
        ),
        # a fence, a list
        (f"Calling it:\n```json\n{CALL}\n```", [READ], "Calling it:"),
        (f"[{CALL}]", [READ], ""),
        (
            '{"type": "function", "function": {"name": "read", "arguments": {"path": "a.py"}}}',
            [READ],
            "",
        ),
        # none
        ("read(path='a.py')", [], "read(path='a.py')"),
        ('{"name": "Ada", "age": 36}', [], '{"name": "Ada", "age": 36}'),
        (f"You could call {CALL} here.", [], f"You could call {CALL} here."),
        ("[1, 2]", [], "[1, 2]"),
        ("[open('x')]", [], "[open('x')]"),
        ("[f(a=__import__('os'))]", [], "[f(a=__import__('os'))]"),
        ("", [], ""),
    ],
)
def test_the_usual_formats(answer: str, calls: list[Call], text: str) -> None:
    found = read_calls(answer)
    assert (list(found.calls), found.text, found.error) == (calls, text, None)


@pytest.mark.parametrize(
    ("answer", "calls", "error"),
    [
        ("<tool_call>read a.py</tool_call>", 0, "what stands in <tool_call> is no call"),
        ('<tool_call>{"name": "read", "argu', 0, "is no call"),
        ("[TOOL_CALLS] later", 0, "what follows [TOOL_CALLS] is no call"),
        ('<function=read>{"path": </function>', 1, 'arguments of "read" are no JSON object'),
        ('{"tool_calls": [{"function": {"arguments": "{}"}}]}', 0, "has no name"),
        ('{"tool_calls": [{"function": {"name": "x", "arguments": "[1]"}}]}', 1, "no JSON object"),
        ("[TOOL_CALLS]" + "[" * 50_000, 0, "nested too deeply"),
    ],
)
def test_calls_that_are_none_say_why(answer: str, calls: int, error: str) -> None:
    found = read_calls(answer)
    assert len(found.calls) == calls and error in (found.error or "")


TWO = '["read", "write"]'
BOTH = '{"tool_calls": ["read"], "keywords": ["Import", "def main"]}'
ARGS = (
    '[{"name": "read", "arguments": {"path": "a.py", "n": 1}}, '
    '{"name": "read", "arguments": {"path": "a.py"}}]'
)


@pytest.mark.parametrize(
    ("expected", "got", "share", "reason"),
    [
        (TWO, f"[TOOL_CALLS][{CALL}, {CALL.replace('read', 'write')}]", 1.0, None),
        (TWO, CALL, 0.5, '"write" was expected, called "read"'),
        (TWO, "I would read it.", 0.0, "no tool was called"),
        (TWO, '{"name": "rm", "arguments": {}}', 0.0, 'called "rm"'),
        ('["read", "read"]', CALL, 0.5, '"read" was expected'),
        ('["read"]', f"[{CALL}, {CALL}]", 1.0, None),
        ("[]", "Nothing to do.", 1.0, None),
        ("[]", CALL, 0.5, "no tool was expected"),
        ("[]", "  ", 0.0, "empty"),
        (BOTH, CALL, 0.5, '"Import", "def main" are not in the answer'),
        (BOTH, f"IMPORT x\n<tool_call>{CALL}</tool_call>", 0.75, '"def main" is not in the answer'),
        (BOTH, "import x; def  main(): pass", 0.5, "no tool was called"),
        ('{"tool_calls": [], "keywords": ["four"]}', "Four.", 1.0, None),
        ('{"tool_calls": [], "keywords": ["four"]}', CALL, 0.0, "not in the answer"),
        ('{"keywords": ["a.py", "read"]}', CALL, 1.0, None),
        # The call with both arguments is left for the expectation that needs it.
        (
            ARGS,
            '[{"name": "read", "arguments": {"path": "a.py", "n": "1"}}, '
            '{"name": "read", "arguments": {"path": "a.py", "n": 2}}]',
            1.0,
            None,
        ),
        (ARGS, f"[{CALL}, {CALL}]", 0.5, 'with {"n": 1'),
        ("{", CALL, 0.0, "must be JSON"),
    ],
)
def test_the_share_of_expected_tools(
    expected: str, got: str, share: float, reason: str | None
) -> None:
    result = score("tool_calls", expected, got)
    assert (result.score, result.correct) == (share, share == 1.0)
    assert (reason in (result.error or "")) if reason else result.error is None


def test_only_refuses_calls_beyond_the_expected() -> None:
    got = f"[{CALL}, {CALL}]"
    assert score("tool_calls", '["read"]', got).correct
    assert score("tool_calls", '["read"]', got, only=True).error == "2 calls where 1 were expected"


def test_an_answer_without_a_call_is_not_in_the_asked_form() -> None:
    assert score("tool_calls", '["read"]', "I read it.").parsed is False
    assert score("tool_calls", '["read"]', '{"name": "rm", "arguments": {}}').parsed is True


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("{}", "neither tool calls nor keywords"),
        ('{"tool_calls": "read"}', "no list"),
        ("[7]", 'neither a name nor an object with a "name"'),
        ('[{"name": "x", "arguments": [1]}]', "are no object"),
        ('{"keywords": "a"}', "no list of texts"),
        ('{"keywords": [" "]}', "neither tool calls nor keywords"),
    ],
)
def test_expectations_that_cannot_be_read(expected: str, problem: str) -> None:
    found = wanted_of(expected)
    assert isinstance(found, str) and problem in found


_NAMES = st.sampled_from(["read", "write", "ls"])
_CALLS = st.lists(
    st.builds(Call, _NAMES, st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2)),
    max_size=5,
)


@settings(max_examples=150, deadline=None)
@given(wanted=_CALLS, order=st.randoms(use_true_random=False))
def test_calls_as_expected_are_right_in_any_order(wanted: list[Call], order: object) -> None:
    called = list(wanted)
    order.shuffle(called)  # type: ignore[attr-defined]
    got = json.dumps(
        {
            "content": "x",
            "tool_calls": [
                {"function": {"name": c.name, "arguments": json.dumps(c.arguments)}} for c in called
            ],
        }
    )
    expected = Wanted(tuple(wanted)).text()
    assert wanted_of(expected) == Wanted(tuple(wanted))
    assert score("tool_calls", expected, got).correct


@settings(max_examples=150, deadline=None)
@given(wanted=_CALLS.filter(bool), called=_CALLS, more=_CALLS)
def test_a_further_call_never_costs_anything(
    wanted: list[Call], called: list[Call], more: list[Call]
) -> None:
    def share(calls: list[Call]) -> float:
        got = {"tool_calls": [{"name": c.name, "arguments": c.arguments} for c in calls]}
        return score("tool_calls", Wanted(tuple(wanted)).text(), json.dumps(got)).score

    assert 0.0 <= share(called) <= share([*called, *more]) <= 1.0


_PIECES = ["<tool_call>", "</tool_call>", "[TOOL_CALLS]", "[ARGS]", "<function=f>", "{", "}"]
_PIECES += ["[", "]", ";", '"', "\ud800", "f(a=1)", "f(a={1})", "f(a=b'')", "```json\n", "\n```"]
_PIECES += [CALL]


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(_PIECES),
        max_size=8,
    ).map("".join)
)
def test_any_text_is_calls_and_text(answer: str) -> None:
    found = read_calls(answer)
    for call in found.calls:
        assert call.name
        json.dumps(call.arguments)
    assert score("tool_calls", '["f", {"name": "f", "arguments": {"a": 1}}]', answer).score <= 1.0
