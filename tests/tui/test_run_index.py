"""Columns, orders and groups of the list of runs, without a screen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.catalogue.run_filter import RunFilter, parse
from engine.catalogue.summary import RunSummary
from engine.catalogue.tags import TagError
from tests.tui.make_runs import HOSTILE
from tui.views.cells import Cell
from tui.views.hanging import hang
from tui.views.plain import fit
from tui.views.preview_course import read_course
from tui.views.preview_view import (
    Preview,
    fit_words,
    group_lines,
    preview_lines,
    preview_page,
)
from tui.views.quick_gates import quick_verdicts
from tui.views.run_changes import changes, parent_line
from tui.views.run_columns import (
    COLUMNS,
    DEFAULT,
    MORE,
    chosen_columns,
    column_of,
    furthest,
    layout,
)
from tui.views.run_index import GroupHead, RunIndex, RunList
from tui.views.run_order import SORTS, Order
from tui.views.runs_view import GateSaid, RunRow, Verdicts
from tui.views.tag_edit import TagEdit, common, on_some, read_edit, tag_candidates

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NONE = RunFilter("")


def run(name: str, **values: object) -> RunSummary:
    one = RunSummary(run_id=name, path=Path("/nowhere") / name, created=NOW)
    for key, value in values.items():
        setattr(one, key, value)
    return one


def listed(runs: list[RunSummary], text: str = "", **how: object) -> RunList:
    order = how.pop("order", Order())
    assert isinstance(order, Order)
    return RunIndex(runs, NOW, quick_verdicts).listed(parse(text), order, NOW, **how)  # type: ignore[arg-type]


def said(line: list) -> str:  # type: ignore[type-arg]
    return "".join(cell.text for cell in line)


# --- columns -----------------------------------------------------------------------


def test_every_column_can_be_sorted_by_and_says_what_it_is() -> None:
    for column in COLUMNS.values():
        assert column.sort in SORTS and column.help
    assert {column.sort for column in COLUMNS.values()} == set(SORTS)
    assert set(DEFAULT) <= set(COLUMNS)


def test_remembered_columns_are_known_ones_and_hold_the_name() -> None:
    assert chosen_columns(["peak", 7, "nosuch", "peak", "set.lr", "set."]) == (
        "run",
        "peak",
        "set.lr",
    )
    assert chosen_columns(["seed", "run"]) == ("seed", "run")
    assert chosen_columns(["nosuch", None]) == ()


@given(
    st.integers(20, 250),
    st.lists(st.sampled_from([*COLUMNS, "set.learning_rate", "set.中文"]), unique=True),
    st.integers(0, 20),
)
def test_chosen_columns_fill_any_width_and_each_can_be_reached(
    width: int, keys: list[str], first: int
) -> None:
    chosen = chosen_columns(keys)
    found = layout(width, chosen, first)
    used = 4 + sum(size for _, size in found.shown) + 2 * (len(found.shown) - 1)
    moves = bool(found.before or found.after)
    assert used == width - MORE * moves or width < 64
    assert any(column.key == "run" for column, _ in found.shown)
    if chosen:
        assert len(found.shown) + found.before + found.after == len(chosen)
        if width >= 50:
            seen = {
                column.key
                for number in range(furthest(width, chosen) + 1)
                for column, _ in layout(width, chosen, number).shown
            }
            assert seen == set(chosen)


def test_settings_are_columns_with_the_value_as_it_was_given() -> None:
    settings = {"learning_rate": 1e-4, "schedule": "cosine", "lora": {"rank": 16}, "mask": True}
    row = listed([run("a", hyperparameters=settings, tags=["x", "y"], duration_s=3725.0)]).rows[0]
    texts = {
        key: row.cell(f"set.{key}").text
        for key in ("learning_rate", "schedule", "lora.rank", "mask", "absent")
    }
    assert texts == {
        "learning_rate": "0.0001",
        "schedule": "cosine",
        "lora.rank": "16",
        "mask": "yes",
        "absent": "·",
    }
    assert row.cell("tags").text == "x y" and row.cell("duration").text == "1:02:05"
    title = column_of("set." + "very_long_name_of_a_setting")
    assert title is not None and cell_len(title.title) <= 14


# --- orders ------------------------------------------------------------------------


def test_by_a_setting_that_is_here_a_number_there_a_text() -> None:
    runs = [
        run("none"),
        run("text", hyperparameters={"lr": "auto"}),
        run("low", hyperparameters={"lr": 1e-5}),
        run("high", hyperparameters={"lr": 1e-3}),
    ]
    names = [row.run_id for row in listed(runs, order=Order("set.lr")).rows]
    assert names == ["text", "high", "low", "none"]
    names = [row.run_id for row in listed(runs, order=Order("set.lr", True)).rows]
    assert names == ["low", "high", "text", "none"]


def test_next_goes_through_the_columns_that_are_shown() -> None:
    names = ["newest", "run", "set.lr"]
    order = Order("run").next(names)
    assert order == Order("set.lr") and order.next(names) == Order("newest")
    assert Order("peak").next(names) == Order("newest")
    assert Order("no such order").label == "no such order ▾"


# --- groups -------------------------------------------------------------------------


def test_groups_have_heads_with_count_best_and_latest() -> None:
    runs = [
        run("e1", target="echo", primary_candidate=0.3, direction="lower"),
        run("s1", target="sql", primary_candidate=0.5, created=NOW - timedelta(9)),
        run("s2", target="sql", primary_candidate=0.9, decision="ship"),
        run("e2", target="echo", primary_candidate=0.2, direction="lower"),
        run("x"),
    ]
    shown = listed(runs, order=Order("run"), grouped=True)
    names = [one.target if isinstance(one, GroupHead) else one.run_id for one in shown.lines]
    assert names == ["echo", "e1", "e2", "sql", "s1", "s2", "", "x"]
    heads = [one for one in shown.lines if isinstance(one, GroupHead)]
    assert [head.best for head in heads] == [0.2, 0.9, None]
    assert said(heads[1].parts(NOW)) == "▾ sql  2 runs · best 0.90 · latest 11-20 · 1 to decide"
    assert said(heads[2].parts(NOW)).startswith("▾ no target recorded  1 run")
    closed = listed(runs, order=Order("run"), grouped=True, collapsed={"sql", "gone"})
    names = [one.target if isinstance(one, GroupHead) else one.run_id for one in closed.lines]
    assert names == ["echo", "e1", "e2", "sql", "", "x"] and len(closed.rows) == 5
    lines = [said(line) for line in group_lines(heads[1], shown.rows)]
    assert "best   0.90  s2" in lines and "runs   no decision 1 · ship 1" in lines


def test_a_hostile_target_is_a_group_like_any_other() -> None:
    shown = listed([run("a", target=HOSTILE)], grouped=True)
    head = shown.lines[0]
    assert isinstance(head, GroupHead) and "\x1b" not in said(head.parts(NOW))


# --- what is kept from one look to the next --------------------------------------------


def test_rows_stay_while_their_summaries_are_the_same_objects() -> None:
    one, two = run("a"), run("b")
    before = RunIndex([one, two], NOW, quick_verdicts)
    after = RunIndex([one, run("b", seed=1)], NOW, quick_verdicts, before)
    assert after.rows["a"] is before.rows["a"] and after.rows["b"] is not before.rows["b"]


def test_words_to_complete_from_are_those_that_occur_the_commonest_first() -> None:
    runs = [
        run("a", target="sql", tags=["x"], hyperparameters={"lr": 1, "lora": {"rank": 8}}),
        run("b", target="sql", decision="ship"),
        run("c", target="echo"),
    ]
    index = RunIndex(runs, NOW, quick_verdicts)
    assert list(index.words["target"].items()) == [("sql", 2), ("echo", 1)]
    assert index.words["tag"] == {"x": 1}
    assert {"lr", "lora.rank", "learning_rate"} <= set(index.words["set."])
    same = RunIndex([*runs[:2], run("c", target="sql")], NOW, quick_verdicts, index)
    assert same.words is index.words
    other = RunIndex([*runs[:2], run("c", target="new")], NOW, quick_verdicts, index)
    assert "new" in other.words["target"]


def test_age_goes_on_while_rows_stay() -> None:
    index = RunIndex([run("a")], NOW, quick_verdicts)
    young = parse("age<1d")
    assert len(index.listed(young, Order(), NOW).rows) == 1
    assert index.listed(young, Order(), NOW + timedelta(days=2)).rows == []


# --- preview ------------------------------------------------------------------------


def test_what_a_run_varied_against_its_parent_is_one_line() -> None:
    parent = run("p", primary_candidate=0.5, seed=1, hyperparameters={"lr": 1e-3, "a": 1, "b": 2})
    child = run(
        "c",
        parent_run_id="p",
        primary_candidate=0.6,
        seed=2,
        hyperparameters={"lr": 1e-4, "a": 1, "c": "x"},
    )
    assert "seed 1 → 2" in changes(child, parent)
    line = said(parent_line(child, parent))
    assert line.startswith("after  p  score +10pp  lr 0.001 → 0.0001")
    assert "1 more" in line and "c not set → x" in line
    assert said(parent_line(child, None)).endswith("not in this workspace")
    same = run("d", parent_run_id="p", seed=1, hyperparameters=parent.hyperparameters)
    assert said(parent_line(same, parent)) == "after  p  no setting differs"
    assert parent_line(parent, None) == []


def test_a_long_name_of_a_parent_or_a_target_cuts_nothing_else() -> None:
    name = "2026-11-20-" + "a-long-name-" * 9
    parent = run(name, primary_candidate=0.5, hyperparameters={"a": 1})
    child = run("c", parent_run_id=name, primary_candidate=0.6, hyperparameters={"a": 2})
    line = said(parent_line(child, parent, width=80))
    assert "…" in line and line.endswith("score +10pp  a 1 → 2") and len(line) <= 80
    page = [said(one) for one in preview_page(child, Verdicts(), None, (60, 40), parent)]
    assert page[0] == "c" and any(one.endswith("a-long-name-") for one in page)
    page = [said(one) for one in preview_page(parent, Verdicts(), None, (60, 40))]
    assert page[0].endswith("a-long-name-") and "…" in page[0]
    head = GroupHead("模型-" + name, 11, 0.95, NOW, 0, 8, False)
    shown = said(head.parts(NOW, 76))
    assert cell_len(shown) <= 76 and "…" in shown
    assert shown.endswith("11 runs · best 0.95 · latest 11-20 · 8 to decide")


def test_the_title_of_the_preview_has_the_tags_that_there_is_room_for() -> None:
    one = run("a", tags=["nightly", HOSTILE, "small"])
    title = said(preview_lines(one, Verdicts(), None, 60)[0])
    assert "nightly +2" in title and "\x1b" not in title
    assert fit_words([], 10) == "" and fit_words(["abc"], 2) == "+1"


# --- tags ---------------------------------------------------------------------------


def test_a_line_of_tags_says_what_is_added_and_taken_away() -> None:
    assert read_edit("a b", ["b", "c"]) == TagEdit(("a",), ("c",))
    assert read_edit("a, B", ["a", "b"]).empty
    assert read_edit("-x", []) == TagEdit((), ("x",))
    assert read_edit("a a", []).said() == "adds a"
    assert read_edit("b", ["a", "b"]).said() == "takes a away"
    for wrong in ("a -a", 'q"', "x" * 50):
        with pytest.raises(TagError):
            read_edit(wrong, [])


def test_tags_of_several_runs_are_those_in_common_and_those_of_some() -> None:
    tags = [["a", "b"], ["b", "c"], ["b"]]
    assert common(tags) == ["b"] and on_some(tags) == [("a", 1), ("c", 1)]
    assert common([]) == []


def test_known_tags_are_offered_once() -> None:
    known = {"nightly": 3, "debug": 1, "night-2": 1}
    assert [one.text for one in tag_candidates("ni", 2, known)] == ["nightly", "night-2"]
    assert [one.text for one in tag_candidates("nightly ", 8, known)] == ["debug", "night-2"]
    assert tag_candidates("debug", 5, {"debug": 1}) == []
    (one,) = tag_candidates("-de", 3, known)
    assert (one.text, one.start, one.help) == ("debug", 1, "1 run")


def test_a_row_of_wide_characters_is_as_wide_as_its_columns() -> None:
    row = RunRow(run("2026-11-20-模型-训练", tags=["标签"]), NOW, Verdicts())
    for column, size in layout(100, ("run", "tags", "peak")).shown:
        assert cell_len(fit(row.cell(column.key).text, size)) == size


@given(
    st.lists(st.text(alphabet="ab 中文·\t", max_size=40), max_size=5),
    st.integers(12, 60),
)
def test_hanging_lines_fit_and_keep_their_words(texts: list[str], width: int) -> None:
    line = [Cell("reason ", "muted"), *(Cell(text, "good") for text in texts)]
    lines = hang(line, width, 7)
    assert all(cell_len(said(one)) <= width for one in lines)
    assert all(said(one).startswith(" " * 7) for one in lines[1:])
    words = " ".join(texts).split()
    if all(cell_len(word) <= width - 7 for word in "".join(texts).split()):
        whole = "".join(said(one).replace(" ", "").replace("\t", "") for one in lines)
        assert whole == "reason" + "".join(words)


def test_a_tall_preview_has_a_line_a_setting_and_cuts_nothing() -> None:
    settings = {"iters": 300, "learning_rate": 1e-4, "lora": {"rank": 16}}
    one = run("2026-11-20-a", hyperparameters=settings, last_error="word " * 30)
    lines = [said(line) for line in preview_lines(one, Verdicts(), None, 40, tall=True)]
    assert lines[0] == "2026-11-20-a"
    assert "set    iters          300" in lines and "       lora.rank      16" in lines
    assert sum(line.count("word") for line in lines) == 30
    assert all(cell_len(line) <= 40 for line in lines)


def test_the_page_of_a_run_draws_its_loss_and_says_every_gate_with_its_numbers(
    tmp_path: Path,
) -> None:
    one = run("2026-11-20-a", hyperparameters={"iters": 300}, last_error="word " * 30)
    (tmp_path / "events.jsonl").write_text(
        "".join(
            json.dumps({"kind": "metric", "stage": "train", "step": step, "values": values}) + "\n"
            for step in range(1, 101)
            for values in ({"loss": 3 / step}, {"val_loss": 2 / step})
        )
        + 'not json "loss"\n{"values": {"loss": {}}}\n{"values": ["loss"]}\n'
    )
    course = read_course(tmp_path / "events.jsonl")
    assert len(course.losses) == len(course.valid) == 100 and course.steps[-1] == 100
    preview = Preview("2026-11-20-a", course=course)
    gate = GateSaid("pass", "primary score", "0.939", "≥ 0.900", "0.894 to 0.966")
    for size in ((72, 56), (52, 40), (116, 17), (300, 60)):
        shown = preview_page(one, Verdicts("pass", gates=(gate,)), preview, size)
        lines = [said(line) for line in shown]
        assert all(cell_len(line) <= size[0] for line in lines)
        assert any("3.00 → 0.03" in line and "● validation 0.02" in line for line in lines)
        assert any("steps" in line for line in lines)
        assert any("✔ primary score" in line and "≥ 0.900" in line for line in lines)
    low = [said(line) for line in preview_page(one, Verdicts(), preview, (76, 5))]
    assert any("3.00 → 0.03" in line for line in low) and not any("steps" in one for one in low)


def test_a_course_that_goes_on_from_a_checkpoint_is_drawn_once(tmp_path: Path) -> None:
    steps = [1, 2, 3, 4, 3, 4, 5]
    (tmp_path / "events.jsonl").write_text(
        "".join(
            json.dumps({"stage": "train", "step": at, "values": {"loss": number}}) + "\n"
            for number, at in enumerate(steps)
        )
    )
    course = read_course(tmp_path / "events.jsonl")
    assert course.steps == [1, 2, 3, 4, 5] and course.losses == [0, 1, 4, 5, 6]
    assert read_course(tmp_path / "missing.jsonl").losses == []
