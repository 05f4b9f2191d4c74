"""What Loops says of a loop, as plain values."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.loops.folder import Request
from engine.loops.story import LoopStory, StepTime
from engine.records.loop import Limits, LoopPhase
from engine.records.trace_review import FailureClass
from engine.workspace import Workspace
from tests.engine.loops.make_loops import Turn, dead_runner, make_loop_folder
from tui.views.entries import Entry
from tui.views.loops_course import MANY, course_chart, iteration_entries, outcome_of
from tui.views.loops_facts import fact_entries, failing, growth, spent, spread
from tui.views.loops_failures import Failures, read_failures
from tui.views.loops_form import (
    FOR_GOOD,
    plan_fields,
    plan_problems,
    plan_typed,
    plan_words,
    start_fields,
    wish_of,
)
from tui.views.loops_look import LoopsReader
from tui.views.loops_now import banner, ladder, top_words
from tui.views.loops_plan import own_before, plan_entries
from tui.views.loops_reader import LoopReader, LoopView, Measured
from tui.views.loops_target import Origins
from tui.widgets.picture import render_chart

KEYS = dict.fromkeys(
    ("flywheel", "pause", "stop", "resume", "skip", "approve", "edit_plan", "gold"), "K"
)
UGLY = "[red]markup[/] \x1b[31mred\x1b[0m \u202eevil " + "and so on " * 40


def text(entries: list[Entry]) -> str:
    return "\n".join("".join(part for part, _ in one.row) for one in entries)


def view_of(tmp_path: Path, turns: list[Turn], **words: object) -> LoopView:
    return LoopReader(make_loop_folder(tmp_path, turns, **words)).read()  # type: ignore[arg-type]


@pytest.fixture
def three(tmp_path: Path) -> LoopView:
    turns = [
        Turn(score=0.5, before=0.3),
        Turn("dropped", 0.48, 0.5),
        Turn("crashed", None, 0.5, plan={"patches": {"lora.r": 64}}),
    ]
    return view_of(tmp_path, turns)


# --- course --------------------------------------------------------------------------------


def test_the_course_has_a_step_line_signs_and_gold_apart(three: LoopView) -> None:
    assert three.status is not None
    with_gold = replace(
        three, status=three.status.model_copy(update={"gold_score": 0.46, "gold_run": "g"})
    )
    title, curves, options = course_chart(with_gold, 2)
    words = "".join(part for part, _ in title)
    assert "best so far  0.50" in words and "◆ gold 0.46" in words
    assert "● 1 kept" in words and "○ 1 dropped" in words and "✘ 1 crashed" in words
    line = next(one for one in curves if one.role == "smooth")
    assert list(line.y) == [0.3, 0.3, 0.5, 0.5] and list(line.x)[:2] == [0.0, 1.0]
    gold = next(one for one in curves if one.sign == "◆")
    assert list(gold.x) == [4.0] and options.marks == [2.0]
    crashed = next(one for one in curves if one.sign == "✘")
    assert list(crashed.y) == [0.3], "without a score it stands at the bottom"
    rows = render_chart(curves, 60, 12, options)
    assert "◆" in "".join(part for row in rows for part, _ in row)


def test_of_many_iterations_the_line_stays_in_sight(tmp_path: Path) -> None:
    turns = [Turn("dropped", 0.3, 0.4) for _ in range(MANY)] + [Turn(score=0.6)]
    view = view_of(tmp_path, turns)
    title, curves, _ = course_chart(view, None)
    assert "· 100 dropped" in "".join(part for part, _ in title)
    assert any(one.sign == "·" and one.count == MANY for one in curves)
    assert curves[-1].sign == "●", "those that were kept lie on top"


def test_a_loop_without_iterations_draws_nothing(tmp_path: Path) -> None:
    view = view_of(tmp_path, [], phase=LoopPhase.CREATED, reason=None)
    title, curves, options = course_chart(view, None)
    assert curves == [] and options.empty == "no iteration yet" and title
    assert "A flywheel improves a target" in text(iteration_entries(view, 60))
    assert ladder(view, 0.0) == []


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200])
def test_lines_never_pass_their_width(tmp_path: Path, width: int) -> None:
    turns = [
        Turn(hypothesis=UGLY),
        Turn("crashed", None, hypothesis=UGLY, plan={"rationale": UGLY}, verdict={"reason": UGLY}),
        Turn(outcome=None),
    ]
    view = view_of(tmp_path, turns, phase=LoopPhase.PAUSED, reason=UGLY)
    for entries in (
        iteration_entries(view, width, roomy=True),
        plan_entries(view, 2, width),
        fact_entries(view, 0.0, width),
    ):
        for one in entries:
            line = "".join(part for part, _ in one.row)
            assert "\x1b" not in line and "\u202e" not in line
            assert len(line) <= max(width, 58)
    assert "[red]markup[/]" in text(plan_entries(view, 1, 200))


# --- plan ----------------------------------------------------------------------------------


def test_the_plan_tells_old_and_new_expected_and_measured(tmp_path: Path) -> None:
    plan = {
        "patches": {"lora.r": 64, "lora.dropout": 0.1},
        "permanent": {"training.learning_rate": 0.002},
        "refused": [{"name": "eval.target_accuracy", "value": 0, "reason": "it is the ruler"}],
        "expected_pp": 4.0,
        "augment_n": 40,
        "augment_focus": "large",
        "edited": True,
        "approved": True,
    }
    view = view_of(tmp_path, [Turn(plan=plan), Turn(plan={"patches": {"lora.r": 32}})])
    view = replace(view, settings={"lora.r": 8, "training.learning_rate": 0.002})
    said = text(plan_entries(view, 1, 100))
    assert "changed by a person, approved" in said
    assert "lora.r  8 → 64" in said and "lora.dropout  not set → 0.1" in said
    assert "training.learning_rate  not recorded → 0.002  for good" in said
    assert "✘ refused: eval.target_accuracy = 0: it is the ruler" in said
    assert "expected +4.0pp, measured +10pp (+4.0pp to +16pp)" in said
    assert "12 fixed, 3 broken · p = 0.01" in said
    assert "asks for 40 rows on large" in said and "20 rows added of 20 asked for" in said
    assert own_before(view, 2, "training.learning_rate") == "0.002"
    bare = text(plan_entries(view, 2, 100))
    assert "expected not recorded" in bare and "breadth" not in bare


def test_what_was_said_stands_at_its_iteration(three: LoopView) -> None:
    story = LoopStory()
    story.apply({"kind": "message", "iteration": 2, "level": "warning", "text": "Out of memory."})
    view = replace(three, said=tuple(story.said))
    assert "⚠ Out of memory." in text(plan_entries(view, 2, 80))
    assert "Out of memory." not in text(plan_entries(view, 1, 80))


def test_a_record_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = make_loop_folder(tmp_path, [Turn(), Turn()])
    (folder.iteration(2) / "verdict.json").write_text('{"outcome": "ke')
    view = LoopReader(folder).read()
    assert outcome_of(view, view.iterations[1]) == "unreadable"
    assert "verdict.json" in text(plan_entries(view, 2, 80))
    (folder.path / "loop-status.json").write_text("{")
    broken = LoopReader(folder).read()
    assert broken.status is None and "loop-status.json" in broken.problem
    assert top_words(broken, 0.0) == ("✘ cannot be read", "bad")
    assert "loop-status.json" in "".join(one.text for one in banner(broken, KEYS))
    assert "not recorded" in text(spent(broken, 0.0, 60))


# --- facts ---------------------------------------------------------------------------------


def test_growth_is_stacked_by_origin(three: LoopView) -> None:
    assert "not recorded" in text(growth(three, 60))
    origins = Origins(
        {"by hand": 12, "augmented": 40},
        {"by hand": 12},
        {1: {"augmented": 20}, 2: {"augmented": 20}},
    )
    lines = text(growth(replace(three, origins=origins), 60)).split("\n")
    assert "░ augmented 40" in lines[0] and "█ by hand 12" in lines[0]
    bars = [(line.count("█"), line.count("░")) for line in lines[1:]]
    assert bars[0][1] == 0 and bars[0][0] == bars[2][0] > 0
    assert 0 < bars[1][1] < bars[2][1] and lines[3].split()[-2:] == ["52", "+20"]


def test_failures_are_told_first_to_last(three: LoopView) -> None:
    assert "not recorded" in text(failing(three, 80))
    assert "reading" in text(failing(replace(three, reading=True), 80))
    wrong = FailureClass.WRONG_COMMAND.value
    seen = [
        Failures(60, 180, {"large": 40, "small": 20}, {wrong: 60}),
        Failures(12, 180, {"large": 2, "small": 10}, {wrong: 9, "format-collapse": 3}, tagged=3),
    ]
    found = tuple(
        replace(one, measured=Measured(None, failures))
        for one, failures in zip(three.iterations, seen, strict=False)
    )
    said = text(failing(replace(three, iterations=found), 80))
    assert "60 → 12" in said and "40 → 2" in said and "20 → 10" in said
    assert "wrong command" in said and "3 of 12 given by people" in said
    assert said.index("small") < said.index("large"), "what fails most now comes first"


def test_the_budget_in_words(tmp_path: Path) -> None:
    limits = Limits(iterations=10, hours=2, tokens=1000, usd=1.0, plateau=3, target_score=0.9)
    view = view_of(
        tmp_path,
        [Turn(), Turn("dropped")],
        loop={"limits": limits},
        status={"spent": {"calls": 2, "tokens": 840, "usd": 0.42}},
    )
    said = text(spent(view, 0.0, 80))
    assert "2 of 10" in said and "20:34 of 2:00:00" in said
    assert "840 of 1,000" in said and "$0.42 of $1.00" in said and "2 calls" in said
    assert "0.50 of 0.90" in said and "1 of 3 in a row not kept" in said
    free = view_of(tmp_path / "other", [Turn()], loop={"limits": Limits(iterations=3)})
    assert "no teacher was asked" in text(spent(free, 0.0, 80))
    assert "20:34, no limit" in text(spent(free, 0.0, 80))


@given(st.integers(0, 5000), st.integers(2, 20))
def test_a_spread_has_both_ends(count: int, most: int) -> None:
    found = spread(count, most)
    assert len(found) <= most and found == sorted(set(found))
    assert not count or (found[0], found[-1]) == (0, count - 1)


# --- now -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"phase": LoopPhase.COMPLETED}, "✔ The limit"),
        ({"phase": LoopPhase.PAUSED, "reason": "Paused, as asked."}, "‖ Paused, as asked. K goes"),
        ({"phase": LoopPhase.CANCELLED, "reason": "Cancelled."}, "■ Cancelled. K goes on"),
        ({"phase": LoopPhase.CREATED, "reason": None}, "K starts it"),
        (
            {"phase": LoopPhase.RUNNING, "runner": dead_runner()},
            "runner died in iteration 2 (commit). Nothing is lost: K goes on",
        ),
        (
            {
                "phase": LoopPhase.FAILED,
                "reason": "It broke.",
                "status": {"last_error": {"stage": "x", "message": "m", "fix": "Mend it."}},
            },
            "✘ It broke. → Mend it.",
        ),
        (
            {"status": {"gold_run": "2026-11-21-g", "gold_score": 0.81}},
            "On gold: 0.81. K decides it.",
        ),
    ],
)
def test_the_banner_says_what_to_do(tmp_path: Path, words: dict[str, object], says: str) -> None:
    view = view_of(tmp_path, [Turn(), Turn()], **words)
    assert says in "".join(one.text for one in banner(view, KEYS))


def test_the_last_words_of_a_runner_that_died(tmp_path: Path) -> None:
    folder = make_loop_folder(tmp_path, [], phase=LoopPhase.RUNNING, runner=dead_runner())
    (folder.path / "runner.log").write_text("Traceback\n  File x\nOSError: no \x1b[1m space\n")
    words = "".join(one.text for one in banner(LoopReader(folder).read(), KEYS))
    assert "died before its first iteration. It said last: OSError: no ␛[1m space Nothing" in words


def test_a_plan_that_waits_is_said_with_its_keys(tmp_path: Path) -> None:
    view = view_of(
        tmp_path,
        [Turn(), Turn(draft=True)],
        phase=LoopPhase.PAUSED,
        loop={"approve": True},
        status={"step": "plan"},
    )
    assert view.waiting is not None and view.waiting.number == 2
    assert "The plan of iteration 2 waits. K approves it" in "".join(
        one.text for one in banner(view, KEYS)
    )
    assert top_words(view, 0.0)[0] == "◌ a plan waits"
    assert [one.state for one in ladder(view, 0.0)] == ["stopped", *["pending"] * 4]
    assert "draft of a plan" in text(plan_entries(view, 2, 80))


def test_while_gold_is_opened_its_run_is_followed(three: LoopView) -> None:
    assert three.running is None
    view = replace(three, state="running", opening="2026-11-21-gold")
    assert view.running == "2026-11-21-gold"
    assert top_words(view, 0.0)[0] == "▶ gold is opened for the best"


def test_what_was_asked_is_said(tmp_path: Path) -> None:
    folder = make_loop_folder(tmp_path, [Turn()], phase=LoopPhase.PAUSED)
    for request in Request:
        folder.ask(request)
    words = "".join(one.text for one in banner(LoopReader(folder).read(), KEYS))
    assert "pauses after this step" in words and "stops after this iteration" in words
    assert "Training is skipped the next time" in words


def test_the_ladder_has_clocks_and_a_crash(three: LoopView) -> None:
    steps = {"plan": StepTime(10.0, 12.0), "train": StepTime(12.0, 75.0)}
    found = ladder(replace(three, steps=steps), 100.0)
    assert [one.name for one in found] == ["plan", "train", "judge", "augment", "commit"]
    assert [one.clock for one in found][:3] == ["0:02", "1:03", "·"]
    assert [one.state for one in found] == ["done", "done", "failed", "done", "done"]


def test_a_story_takes_any_event() -> None:
    story = LoopStory()
    story.apply_all(
        [
            {"kind": "loop-running", "iteration": 0, "t": "2026-11-20T08:00:00Z"},
            {"kind": "step-start", "iteration": 1, "step": "train", "t": "2026-11-20T08:00:01Z"},
            {"kind": "run-created", "iteration": 1, "run": "a"},
            {"kind": "run-taken-over", "iteration": 1, "run": "b"},
            {"kind": "step-end", "iteration": 1, "step": "train", "t": "2026-11-20T08:00:09Z"},
            {"kind": "step-start", "iteration": "1", "step": 3},
            {"kind": "step-start", "iteration": 2, "step": None},
            {"kind": "message", "iteration": 1, "text": 4},
            {"kind": "gold", "iteration": 2, "run": "g"},
            {"kind": 7},
            {},
        ]
    )
    assert (
        story.gold == "g"
        and story.runs == {1: "b"}
        and not story.said
        and story.sitting is not None
    )
    time = story.steps[1]["train"]
    assert time.began is not None and time.ended is not None and time.ended - time.began == 8.0


# --- reading ---------------------------------------------------------------------------------


def test_only_what_changed_is_another_object(tmp_path: Path) -> None:
    folder = make_loop_folder(tmp_path, [Turn() for _ in range(5)])
    reader = LoopReader(folder)
    before, after = reader.read(), reader.read()
    assert before == after
    assert [one is other for one, other in zip(before.iterations, after.iterations, strict=True)][
        :3
    ] == [True] * 3


def test_rows_tell_what_failed_and_how_people_classed_it(tmp_path: Path) -> None:
    from tests.tui.make_tries import Try, make_tries

    make_tries(tmp_path, [Try("one", right=100)])
    run = tmp_path / "runs/one"
    found = read_failures(run)
    assert found is not None and (found.wrong, found.total) == (20, 120)
    assert sum(found.classes.values()) == 20 and found.tagged == 0
    review = {
        "record": "eval-candidate.json",
        "row_id": "g119",
        "suite": "router-gold",
        "failure_class": "reward-hacking",
    }
    (run / "trace-review.json").write_text(json.dumps({"reviews": [review]}))
    tagged = read_failures(run)
    assert tagged is not None and tagged.tagged == 1 and tagged.classes["reward-hacking"] == 1
    assert read_failures(tmp_path / "runs/none") is None


def test_places_are_loops_then_targets_without_one(tmp_path: Path) -> None:
    from tests.tui.make_tries import Try, make_tries

    make_tries(tmp_path, [Try("one")], "sql")
    make_tries(tmp_path, [Try("two")], "counter")
    make_loop_folder(tmp_path, [Turn()], "2026-11-20-counter-flywheel")
    make_loop_folder(tmp_path, [Turn()], "2026-11-21-broken-flywheel", target="broken")
    (tmp_path / "loops/2026-11-21-broken-flywheel/loop.json").write_text("{")
    reader = LoopsReader(Workspace(tmp_path))
    first = reader.read(None)
    assert first.shown is not None and first.shown.name == "2026-11-20-counter-flywheel"
    assert first.loop is not None and first.tries is None
    look = reader.read("sql")
    assert [one.name for one in look.places] == [
        "2026-11-20-counter-flywheel",
        "2026-11-21-broken-flywheel",
        "sql",
    ]
    assert look.tries is not None and look.loop is None
    assert "cannot be read" in look.places[1].words
    assert reader.place_of("one") == ("sql", None)


# --- forms -----------------------------------------------------------------------------------


def test_a_form_becomes_a_wish() -> None:
    typed = {one.key: "" for one in start_fields(["counter"])}
    plain = wish_of(typed)
    assert (plain.iterations, plain.plateau, plain.approve, plain.hours) == (None, 5, False, None)
    filled = wish_of(
        typed
        | {"iterations": "4", "hours": "0.5", "plateau": "0", "approve": "true", "planner": "local"}
    )
    assert (filled.iterations, filled.hours, filled.plateau, filled.approve) == (4, 0.5, None, True)
    assert filled.planner == "local" and filled.data_from is None


def test_a_plan_goes_through_its_form_unchanged(three: LoopView) -> None:
    from engine.loops.patches import ALLOWED

    plan = three.iterations[2].plan
    assert plan is not None
    plan = plan.model_copy(update={"permanent": {"training.learning_rate": 0.01}})
    keys = [one.key for one in plan_fields(plan, ALLOWED)]
    assert keys[0] == "hypothesis" and FOR_GOOD + "training.learning_rate" in keys
    words = plan_words(plan_typed(plan))
    assert words["hypothesis"] == plan.hypothesis and words["patches"] == {"lora.r": "64"}
    assert words["permanent"] == {"training.learning_rate": "0.01"}
    assert plan_problems(words, None) == {}
    wrong = words | {"patches": {"lora.r": "900"}, "permanent": {"eval.scorer": "x"}}
    problems = plan_problems(wrong, None)
    assert "lies outside" in problems["lora.r"] and FOR_GOOD + "eval.scorer" in problems
