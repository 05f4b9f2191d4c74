"""Rows, order and counts of the list of runs, without a screen."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.catalogue.run_facts import facts
from engine.catalogue.run_filter import parse
from engine.catalogue.summary import RunSummary
from tui.views import cells
from tui.views.plain import fit, middle, plain, plain_lines
from tui.views.preview_view import next_step, preview_lines
from tui.views.quick_gates import quick_verdicts
from tui.views.run_columns import COLUMNS, layout
from tui.views.run_index import RunIndex
from tui.views.run_order import SORTS, Order, arrange
from tui.views.runs_view import RunRow, Verdicts, split_run_id

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def summary(run_id: str = "2026-11-20-drone-router-2", **values: object) -> RunSummary:
    one = RunSummary(run_id=run_id, path=Path("/nowhere") / run_id, created=NOW)
    for name, value in values.items():
        setattr(one, name, value)
    return one


def row(**values: object) -> RunRow:
    one = summary(**values)  # type: ignore[arg-type]
    return RunRow(one, NOW, quick_verdicts(one))


def test_a_finished_run_shows_before_after_and_the_marks_of_its_gates() -> None:
    one = row(
        primary_baseline=0.31,
        primary_candidate=0.94,
        breadth_baseline=0.98,
        breadth_candidate=0.968,
        primary_min=0.9,
        breadth_drop_max_pp=8.0,
        n=120,
        eval_tok_s=2102.0,
        peak_bytes=int(1.9 * 2**30),
    )
    assert one.cell("primary").text.split() == ["0.31", "→", "0.94"]
    assert (one.cell("delta").text, one.cell("delta").tone) == ("+63pp ✔", "good")
    assert one.cell("breadth").text == "−1.2pp ✔"
    assert one.cell("tok_s").text == "2,102"
    assert one.cell("peak").text == "1.9G"
    assert one.cell("decision").text == "◆ decide"


def test_a_score_that_was_not_measured_here_is_marked_and_so_is_its_difference() -> None:
    one = row(primary_baseline=0.31, primary_candidate=0.94, historical="primary_baseline")
    assert one.cell("primary").text.split() == ["0.31†", "→", "0.94"]
    assert one.cell("delta").text.startswith("+63pp†")
    lines = preview_lines(one.summary, one.verdicts, None, 80)
    text = "\n".join("".join(cell.text for cell in line) for line in lines)
    assert "†      taken from an earlier measurement: primary baseline" in text


def test_what_was_not_recorded_is_a_dot_and_never_zero() -> None:
    texts = {key: row().cell(key).text.strip() for key in COLUMNS}
    for key in ("primary", "delta", "breadth", "tok_s", "peak", "decision", "model"):
        assert texts[key] == "·"


def test_a_gain_inside_the_noise_is_a_question_mark() -> None:
    one = row(primary_baseline=0.484, primary_candidate=0.531, primary_min=0.5, n=64)
    assert one.cell("delta").text == "+4.7pp ?"


def test_a_drop_of_breadth_fails_though_the_primary_passes() -> None:
    verdicts = quick_verdicts(
        summary(
            primary_baseline=0.1,
            primary_candidate=0.98,
            primary_min=0.9,
            n=120,
            breadth_baseline=0.98,
            breadth_candidate=0.18,
            breadth_drop_max_pp=8.0,
        )
    )
    assert verdicts == Verdicts("pass", "fail")


def test_scores_that_are_no_shares_are_not_called_percentage_points() -> None:
    loss = {"primary_baseline": 12.5, "primary_candidate": 9.25, "direction": "lower"}
    one = row(**loss, primary_min=10.0, n=90)
    assert "pp" not in one.cell("delta").text
    assert one.cell("delta").tone == "good"


@pytest.mark.parametrize("change", [{"n": None}, {"more_gates": True}, {"historical": "primary"}])
def test_what_a_summary_does_not_know_passes_nothing(change: dict[str, Any]) -> None:
    fine = {"primary_baseline": 0.1, "primary_candidate": 0.98, "primary_min": 0.9, "n": 120}
    assert quick_verdicts(summary(**fine)).primary == "pass"
    assert quick_verdicts(summary(**fine | change)).primary == "undecided"


def test_a_run_in_progress_tells_what_it_does_in_the_room_there_is() -> None:
    one = row(liveness="running", stage="train", done=62.0, total=100.0, eta_s=41.0, loss=0.4121)
    text = " ".join(part.text for part in one.activity(44))
    assert "train" in text and "62%" in text and "ETA 0:41" in text and "loss 0.412" in text
    for width in range(8, 60):
        parts = one.activity(width)
        if len(parts) > 1:
            assert sum(cell_len(part.text) + 1 for part in parts) - 1 <= width


def test_a_waiting_run_says_for_what() -> None:
    one = row(liveness="waiting", waiting_for="2026-11-20-other")
    assert one.activity(40)[0].text == "waits for 2026-11-20-other"


@pytest.mark.parametrize(
    ("run_id", "day", "name"),
    [
        ("2026-11-20-drone-router-2", "11-20", "drone-router-2"),
        ("2025-06-28-sql", "’25-06", "sql"),
        ("experiment", "11-20", "experiment"),
        ("2026-99-99-x", "11-20", "2026-99-99-x"),
    ],
)
def test_day_and_name(run_id: str, day: str, name: str) -> None:
    assert split_run_id(run_id, NOW, NOW) == (day, name)


@pytest.mark.parametrize("width", [40, 60, 76, 78, 98, 118, 140, 198, 300])
def test_the_columns_fill_the_width_exactly(width: int) -> None:
    columns = layout(width).shown
    used = sum(size for _, size in columns) + 2 * (len(columns) - 1) + 4
    assert used == width or width < 64


def test_every_order_puts_what_was_not_recorded_last() -> None:
    rows = [
        row(run_id="a", primary_candidate=0.2, peak_bytes=3, created=NOW - timedelta(1)),
        row(run_id="b", created=None),
        row(run_id="c", primary_candidate=0.9, peak_bytes=9),
    ]
    for name in ("newest", "primary", "peak"):
        for reverse in (False, True):
            assert arrange(rows, Order(name, reverse))[-1].run_id == "b"
    assert [one.run_id for one in arrange(rows, Order("primary"))] == ["c", "a", "b"]
    assert [one.run_id for one in arrange(rows, Order("primary", True))] == ["a", "c", "b"]


def test_the_orders_go_round() -> None:
    order = Order()
    seen = {order.name}
    for _ in range(len(SORTS) - 1):
        order = order.next()
        seen.add(order.name)
    assert seen == set(SORTS) and order.next() == Order()


def test_the_list_counts_all_runs_and_shows_those_that_match() -> None:
    runs = [
        summary("a", target="sql", liveness="running"),
        summary("b", target="sql", primary_candidate=0.9),
        summary("c", target="echo", decision="ship"),
    ]
    shown = RunIndex(runs, NOW, quick_verdicts).listed(parse("target:sql"), Order(), NOW)
    assert {one.run_id for one in shown.rows} == {"a", "b"}
    assert shown.summary == "2 of 3 runs · 1 running · 1 to decide"


def test_the_facts_know_settings_and_states() -> None:
    one = summary(
        decision="ship", hyperparameters={"iters": 300, "lora": {"rank": 8}}, seed=3, loss=0.5
    )
    known = facts(one, NOW + timedelta(days=2), "fail")
    assert parse("is:decided set.iters>=300 seed:3 age>1d gates:fail").matches(known)
    assert "set.lora" not in known


def test_the_preview_says_the_error_and_the_next_step() -> None:
    one = summary(phase="failed", last_error="No \x1b[31mmemory[/b]", unreadable=["config.json"])
    text = "\n".join(
        "".join(cell.text for cell in line) for line in preview_lines(one, Verdicts(), None, 60)
    )
    assert "No ␛[31mmemory[/b]" in text and "\x1b" not in text
    assert "cannot be read: config.json" in text
    assert next_step(summary(primary_candidate=0.4)) == "decide (d)"
    assert "R resumes" in next_step(summary(liveness="dead"))


# --- texts and numbers ------------------------------------------------------------


@given(st.text(max_size=80), st.integers(min_value=0, max_value=40))
def test_a_text_fits_exactly_and_holds_no_control_code(text: str, width: int) -> None:
    safe = plain(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in safe)
    for align in ("left", "right", "path"):
        assert cell_len(fit(safe, width, align=align)) == width
    assert cell_len(middle(safe, width)) <= max(width, 1)


def test_names_keep_both_ends() -> None:
    assert middle("2026-drone-router-long-name-7", 15) == "2026-dr…-name-7"


def test_hostile_text_is_seen_for_what_it_is() -> None:
    assert plain("a\x1b[2Jb\u202ec\nd") == "a␛[2Jb�c⏎d"
    assert plain_lines("a\r\nb\tc\x07") == "a\nb    c␇"
    assert len(plain("x" * 10**6)) < 30_000


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "·"), (math.nan, "NaN"), (math.inf, "∞"), (0.4841, "0.484"), (12.34, "12.3"),
     (1234.0, "1,234"), (2e9, "2e+09"), (-0.5, "−0.50")],
)  # fmt: skip
def test_numbers(value: float | None, text: str) -> None:
    assert cells.number(value) == text


def test_a_curve_leaves_a_gap_where_the_loss_is_no_number() -> None:
    assert cells.sparkline([1.0, math.nan, 0.0], 3) == "█ ▁"
    assert cells.sparkline([math.nan], 4) == " "
    assert cells.sparkline([], 4) == ""
    assert len(cells.sparkline([float(n) for n in range(1000)], 24)) == 24


def test_a_bar_is_as_wide_as_asked() -> None:
    assert [len(cells.bar(share, 8)) for share in (-1.0, 0.0, 0.33, 1.0, 7.0)] == [8] * 5
    assert cells.bar(1.0, 3) == "███" and cells.bar(0.0, 3) == "░░░"


def test_one_is_not_said_in_the_plural() -> None:
    assert [cells.how_many(n, "row") for n in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
    assert cells.how_many(2, "try", "tries") == "2 tries"
