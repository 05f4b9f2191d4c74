"""What teachers are asked for: rows, reviews, plans; and that gold is in no prompt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.judge.leakage import prompt_key
from engine.teaching.budget import Budget, Caps
from engine.teaching.errors import TeachingError
from engine.teaching.gold import Gold
from engine.teaching.ledger import calls_in
from engine.teaching.plans import PlanContext, propose_plan, read_plan
from engine.teaching.reading import Misfit
from engine.teaching.reviews import review_rows
from engine.teaching.rows import chat_row, generate_rows
from engine.teaching.tasks import Brief
from tests.engine.teaching.double import Refuse, Say

ANSWER = '{"cmd": "land", "args": {}}'
GOLD = [
    {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": ANSWER}]}
    for text in (
        "please bring the drone down near the old barn",
        "up",
        "go higher",
        "Land at 40 m, over there",
    )
]
BRIEF = Brief("Drones.\n- hover stays", "Route.", "You route.", "json_cmd", Gold.of(GOLD))


def row(asked: str, answer: str = ANSWER, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


def said(*rows: Any) -> Say:
    return Say(json.dumps(list(rows)))


# --- rows --------------------------------------------------------------------------------


async def test_rows_are_written_checked_and_kept(double: Any, asking: Any, tmp_path: Path) -> None:
    system = {"role": "system", "content": "You route."}
    server = double(
        said(
            row("land now", category="land"),
            {"messages": [system, *row("set it down")["messages"]]},
            {"prompt": "down you go", "completion": {"cmd": "land", "args": {}}},
            row("no json", "I land."),
            row("no command", '{"order": "land"}'),
            row("LAND  now"),
            {"messages": []},
            "text",
        ),
        Say("[]"),
    )
    async with asking(server, "openai") as teacher:
        written = await generate_rows(
            teacher, BRIEF, 4, examples=[row("touch down")], focus="hover against loiter"
        )
    assert [one["messages"][0]["content"] for one in written.rows] == [
        "land now", "set it down", "down you go",
    ]  # fmt: skip
    assert written.rows[0]["category"] == "land"
    assert all(
        [t["role"] for t in one["messages"]] == ["user", "assistant"] for one in written.rows
    )
    assert json.loads(written.rows[2]["messages"][1]["content"])["cmd"] == "land"
    assert written.asked == 4
    assert len(written.call_of) == 3
    out = " ".join(written.left_out)
    assert "Row 4:" in out and "Row 5:" in out and "Row 7:" in out and "Row 8:" in out
    assert "1 rows ask what another row asks" in out
    prompt = server.prompts()[0]
    for text in ("hover stays", "Route.", "You route.", "touch down", "hover against loiter"):
        assert text in prompt
    assert "Write 4 new rows" in prompt
    # What is missing is asked for again, with what is there already.
    assert "Write 1 new rows" in server.prompts()[1]
    assert '"set it down"' in server.prompts()[1]
    assert {made.purpose for made, _ in calls_in(tmp_path / "teachers.jsonl")} == {"generate"}
    assert server.asked[0]["temperature"] == 0.8


async def test_many_rows_are_asked_for_in_parts(double: Any, asking: Any) -> None:
    count = 0

    def answer(request: Any) -> Say:
        nonlocal count
        count += 1
        return said(*(row(f"land on pad {count * 100 + n}") for n in range(5)))

    server = double(answer)
    async with asking(server, concurrency=3) as teacher:
        written = await generate_rows(teacher, BRIEF, 15, batch=5)
    assert len(written.rows) == 15
    assert len(server.asked) == 3
    assert len(set(written.call_of)) == 3


async def test_a_teacher_that_repeats_itself_ends_it(double: Any, asking: Any) -> None:
    server = double(said(row("land now"), row("land there")))
    known = [prompt_key(row("Land there")) or ""]
    async with asking(server) as teacher:
        written = await generate_rows(teacher, BRIEF, 10, known=known)
    assert [one["messages"][0]["content"] for one in written.rows] == ["land now"]
    assert len(server.asked) == 2


async def test_what_came_before_the_budget_ended_is_kept(double: Any, asking: Any) -> None:
    server = double(said(row("land now")), said(row("land there")))
    async with asking(server, budget=Budget(Caps(calls=2)), concurrency=1) as teacher:
        written = await generate_rows(teacher, BRIEF, 60)
    assert len(written.rows) == 2
    assert any("The budget for teachers" in one for one in written.left_out)
    async with asking(server, budget=Budget(Caps(calls=0))) as teacher:
        with pytest.raises(TeachingError, match="budget"):
            await generate_rows(teacher, BRIEF, 60)


async def test_a_server_that_refuses_is_an_error(double: Any, asking: Any) -> None:
    async with asking(double(Refuse(401, "who are you"))) as teacher:
        with pytest.raises(TeachingError, match="who are you"):
            await generate_rows(teacher, BRIEF, 60)


@pytest.mark.parametrize(
    ("scorer", "n"),
    [("tool_calls", 5), ("sql_exec", 5), ("judge", 5), ("none", 5), ("json_cmd", 0)],
)
async def test_what_a_teacher_is_not_asked_for(
    scorer: str, n: int, double: Any, asking: Any
) -> None:
    server = double(said())
    async with asking(server) as teacher:
        with pytest.raises(TeachingError) as error:
            await generate_rows(teacher, Brief(scorer=scorer), n)
    assert error.value.code == "task"
    assert server.asked == []


@pytest.mark.parametrize(
    ("value", "scorer", "fits"),
    [
        (row("a", "b"), "exact", True),
        (row("a", "b"), "custom", True),
        (row("a", "b"), "json_exact", False),
        (row("a", "[1, 2]"), "json_exact", True),
        (row("a", "7"), "numeric", True),
        (row("a", "seven"), "numeric", False),
        (row("", "b"), "exact", False),
        (row("a", ""), "exact", False),
        ({"question": "a", "ideal": "b"}, "exact", True),
        ({"messages": [{"role": "assistant", "content": "b"}]}, "exact", False),
        ({"messages": [{"role": "user", "content": ["b"]}]}, "exact", False),
        ({"messages": row("a", "b")["messages"] * 2}, "exact", True),
        (
            {"messages": row("a", "b")["messages"][:1] * 2 + row("a", "b")["messages"]},
            "exact",
            False,
        ),
        ({"messages": "a"}, "exact", False),
        ({"database": "x", **row("a", "b")}, "sql_exact", False),
        ([], "exact", False),
    ],
)
def test_chat_rows(value: Any, scorer: str, fits: bool) -> None:
    check = chat_row(scorer)
    if not fits:
        with pytest.raises(Misfit):
            check(value)
        return
    turns = check(value)["messages"]
    assert turns[0] == {"role": "user", "content": "a"}
    assert turns[-1]["role"] == "assistant"


# --- gold --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked",
    [
        "UP",
        "please  bring the drone down near the old BARN",
        "please bring the drone down near the old barn!",
        "Hey! please bring the drone down near the old barn, quickly",
        "please bring that drone down near the old barn",
    ],
)
async def test_gold_rows_are_shown_to_nobody(asked: str, double: Any, asking: Any) -> None:
    server = double(said(row("land now")))
    context = PlanContext("none", failures=[{"input": asked, "expected": "x"}])
    async with asking(server) as teacher:
        with pytest.raises(TeachingError, match="examples, number 2 is a gold row") as error:
            await generate_rows(teacher, BRIEF, 5, examples=[row("land now"), row(asked)])
        with pytest.raises(TeachingError, match="rows, number 1 is a gold row"):
            await review_rows(teacher, BRIEF, [row(asked)])
        with pytest.raises(TeachingError, match="failures, number 1 is a gold row"):
            await propose_plan(teacher, BRIEF, context)
    assert error.value.code == "gold"
    assert server.asked == []


def test_rows_that_are_not_gold_pass() -> None:
    Gold.of(GOLD).refuse(
        "rows", [row("Land at 45 m, over there"), row("upwards"), {}, None, row("")]
    )
    assert not Gold()


async def test_lines_that_hold_gold_are_left_out(double: Any, asking: Any) -> None:
    background = "\n".join(
        [
            "Drones.",
            'Input: "please bring the drone down near the old barn"',
            "Up",
            "- up: climb a bit",
            'Very short: "up", "Go higher"',
        ]
    )
    brief = Brief(background, "Route.", "You route.", "json_cmd", Gold.of(GOLD))
    server = double(said(row("land now")))
    async with asking(server) as teacher:
        written = await generate_rows(teacher, brief, 1)
    assert written.notes[:3] == [
        "BACKGROUND.md, line 2 holds a gold row and was not shown.",
        "BACKGROUND.md, line 3 holds a gold row and was not shown.",
        "BACKGROUND.md, line 5 holds a gold row and was not shown.",
    ]
    prompt = server.prompts()[0]
    assert "old barn" not in prompt
    # As in all that a planner is told.
    notes = "Iteration 3: please bring the drone down near the old barn was wrong."
    async with asking(double(Say(json.dumps(PLAN)))) as teacher:
        told = await propose_plan(teacher, BRIEF, PlanContext("none", notes=notes))
    assert "AGENT_CONTEXT.md, line 1 holds a gold row and was not shown." in told.notes
    assert "- up: climb a bit" in prompt


async def test_gold_over_several_lines_is_refused(double: Any, asking: Any) -> None:
    brief = Brief("please bring the drone\ndown near the old barn", gold=Gold.of(GOLD))
    async with asking(double(said())) as teacher:
        with pytest.raises(TeachingError, match="over several lines"):
            await generate_rows(teacher, brief, 1)


# --- reviews -----------------------------------------------------------------------------


async def test_reviews(double: Any, asking: Any) -> None:
    server = double(
        said(
            {
                "index": "1",
                "severity": "Error",
                "issue": ["it is", "wrong"],
                "suggested_fix": ANSWER,
            },
            {"index": 0, "severity": "ok", "issue": None, "suggested_fix": None},
            {"index": 1, "severity": "ok"},
            {"index": 77, "severity": "ok"},
            {"index": 2, "severity": "awful"},
            {"severity": "ok"},
        )
    )
    rows = [row(f"land {n}") for n in range(4)]
    async with asking(server) as teacher:
        reviewed = await review_rows(teacher, BRIEF, rows)
    assert [(one.index, one.severity, one.issue) for one in reviewed.reviews] == [
        (0, "ok", ""), (1, "error", "it is\nwrong"),
    ]  # fmt: skip
    assert reviewed.reviews[1].suggested_fix == ANSWER
    assert reviewed.not_reviewed == [2, 3]
    assert "A review of row 77, which was not shown." in reviewed.left_out
    assert "A second review of row 1." in reviewed.left_out
    assert '{"index": 3, "row": {"messages"' in server.prompts()[0]


async def test_a_batch_that_fails_leaves_its_rows_unreviewed(double: Any, asking: Any) -> None:
    server = double(said({"index": 0, "severity": "ok"}), Refuse(400, "too much"))
    async with asking(server, concurrency=1) as teacher:
        reviewed = await review_rows(teacher, BRIEF, [row(f"land {n}") for n in range(3)], batch=2)
    assert [one.index for one in reviewed.reviews] == [0]
    assert reviewed.not_reviewed == [1, 2]
    assert any("too much" in one for one in reviewed.left_out)


# --- plans -------------------------------------------------------------------------------

PLAN = {
    "hypothesis": ["Rank is too small.", "Raise it."],
    "rationale": None,
    "config_patches": {"lora.r": "64"},
    "forge_yaml_patches": None,
    "background_additions": ["- hover", "- loiter"],
    "augment_focus": "hover",
    "augment_n": "40",
    "expected_improvement_pp": "+2.5 pp",
    "confidence": "high",
}


async def test_a_plan(double: Any, asking: Any) -> None:
    server = double(Say(f"Here is my plan:\n```json\n{json.dumps(PLAN)}\n```"))
    context = PlanContext(
        "lora.r = 32 (4 to 128)",
        experiments=[{"iteration": 1, "hypothesis": "more data"}],
        failures=[{"input": "circle there", "expected": "loiter", "actual": "hover"}],
        notes="hover and loiter are mixed up",
        plan="try rank",
    )
    async with asking(server) as teacher:
        told = await propose_plan(teacher, BRIEF, context)
    plan = told.value
    assert plan.hypothesis == "Rank is too small.\nRaise it."
    assert plan.config_patches == {"lora.r": "64"}
    assert plan.forge_yaml_patches == {}
    assert plan.background_additions == "- hover\n- loiter"
    assert (plan.augment_n, plan.expected_improvement_pp, plan.rationale) == (40, 2.5, None)
    for text in ("4 to 128", "more data", "circle there", "are mixed up", "try rank"):
        assert text in server.prompts()[0]


@pytest.mark.parametrize(
    ("key", "value", "read"),
    [
        ("augment_n", "a few", None),
        ("augment_n", -3, None),
        ("augment_n", 2.5, None),
        ("augment_n", True, None),
        ("augment_n", "20 rows", 20),
        ("expected_improvement_pp", "2 to 4", None),
        ("expected_improvement_pp", "3%", 3),
        ("expected_improvement_pp", "−1.5", -1.5),
        ("expected_improvement_pp", "1e999", None),
        ("config_patches", '{"lora.r": 8}', {"lora.r": 8}),
        ("config_patches", "raise the rank", {}),
        ("config_patches", ["lora.r"], {}),
        ("background_additions", {"a": 1}, None),
        ("augment_focus", [], None),
    ],
)
def test_a_key_that_is_wrong_is_left_out(key: str, value: Any, read: Any) -> None:
    plan, left_out = read_plan({"hypothesis": "h", key: value})
    assert getattr(plan, key) == read
    fine = read not in (None, {}) or value == []
    assert (len(left_out) == 0) == fine
    assert all(key in one for one in left_out)


@pytest.mark.parametrize(
    "value", [{}, {"hypothesis": ""}, {"hypothesis": None}, {"hypothesis": {}}, []]
)
def test_without_a_hypothesis_there_is_no_plan(value: Any) -> None:
    with pytest.raises(Misfit):
        read_plan(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*PLAN, "x"]), JSON))
@settings(max_examples=400, deadline=None)
def test_any_plan_is_read_or_refused(value: dict[str, Any]) -> None:
    try:
        plan, left_out = read_plan(value)
    except Misfit:
        return
    assert plan.hypothesis
    for key in left_out:
        assert key.split(" ")[0] in value
    if plan.augment_n is not None:
        assert plan.augment_n >= 0


@given(JSON, st.sampled_from(["exact", "json_cmd", "json_exact", "numeric", "regex", "custom"]))
@settings(max_examples=400, deadline=None)
def test_any_row_is_a_chat_row_or_refused(value: Any, scorer: str) -> None:
    for one in (
        value,
        {"messages": value},
        {"prompt": value, "completion": value},
        row("a", value),
    ):
        try:
            made = chat_row(scorer)(one)
        except Misfit:
            continue
        assert [turn["role"] for turn in made["messages"]][-2:] == ["user", "assistant"]
        assert all(isinstance(turn["content"], str) for turn in made["messages"])
