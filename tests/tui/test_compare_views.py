"""What Compare and Loops say, as plain values: no event loop."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.comparing.chain import Chain, chain
from engine.comparing.comparison import compare
from engine.comparing.course import Course
from engine.comparing.evidence import RunEvidence, read_evidence
from engine.comparing.flips import find_flips, with_texts
from engine.comparing.reader import EvidenceReader
from engine.comparing.settings import Value, differing
from engine.live.projection import RunProjection
from engine.live.tail import EventTail
from engine.workspace import Workspace
from tests.engine.comparing.kit import rows, run, scored
from tests.tui.make_runs import HOSTILE, NOW
from tests.tui.make_tries import STORY, Try, make_tries
from tui.views.compare_charts import CompareCharts, Followed, metrics_of
from tui.views.compare_flips import flip_entries
from tui.views.compare_load import choose, load_families
from tui.views.compare_marks import COLOURS, Marks, letter_of, short_names
from tui.views.compare_scores import Named, score_entries
from tui.views.compare_settings import seen_columns, setting_entries
from tui.views.entries import Entry
from tui.views.lineage_view import family_entries
from tui.views.loops_load import TryReader
from tui.views.loops_view import chain_chart, detail_entries, now_cells, target_line, try_entries
from tui.widgets.picture import render_chart

WIDTHS = (24, 47, 76, 118, 190)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    make_tries(tmp_path, STORY)
    return Workspace(tmp_path)


def named(runs: list[str]) -> dict[str, Named]:
    marks, names = Marks(), short_names(runs)
    return {one: Named(one, marks.of(one), names[one]) for one in runs}


def said(entries: list[Entry]) -> str:
    return "\n".join("".join(text for text, _ in one.row) for one in entries)


def widest(entries: list[Entry]) -> int:
    return max((cell_len("".join(text for text, _ in one.row)) for one in entries), default=0)


def ugly() -> list[RunEvidence]:
    """Runs of every kind: hostile, other suite, other scorer, without rows, without anything."""
    return [
        run("2026-11-20-a", scored(rows(30)), settings={"rank": 8, HOSTILE: "日本語" * 40}),
        run("2026-11-20-" + "long-" * 12, scored(rows(35)), settings={"rank": 16}),
        run("名前", scored(rows(20), suite=HOSTILE), settings={"rank": 8}),
        run("other gold", scored(rows(20), sha256="b", scorer="x"), settings={}),
        run("no rows", scored(None, score=0.5, n=40), settings={"rank": None}),
        run("nothing"),
        run("graded", scored([0.25] * 40), settings={"rank": 1e-9}),
    ]


def test_letters_and_colours_stay_with_a_run() -> None:
    marks = Marks()
    first = [marks.of(f"r{number}") for number in range(30)]
    assert [mark.letter for mark in first[:3]] == ["A", "B", "C"]
    assert (letter_of(25), letter_of(26), letter_of(27), letter_of(701)) == ("Z", "AA", "AB", "ZZ")
    assert len({mark.letter for mark in first}) == 30
    assert len({mark.role for mark in first[:COLOURS]}) == COLOURS
    assert marks.of("r7") is first[7]


def test_names_are_as_short_as_tells_them_apart() -> None:
    one_day = ["2026-11-20-router", "2026-11-20-router-2"]
    assert list(short_names(one_day).values()) == ["router", "router-2"]
    assert short_names([*one_day, "2026-11-19-router"])["2026-11-19-router"] == "11-19 router"
    years = ["2026-11-20-router", "2025-11-20-router"]
    assert list(short_names(years).values()) == years
    assert short_names(["x", "2026-13-99-y"]) == {"x": "x", "2026-13-99-y": "2026-13-99-y"}


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_its_pane_and_nothing_hostile_is_drawn(width: int) -> None:
    runs = ugly()
    names = named([one.run_id for one in runs])
    compared = compare(runs, runs[0].run_id)
    ids = [one.run_id for one in runs]
    found = score_entries(compared, names, {"2026-11-20-a": Course(loss=0.1)}, ids[1], width)
    settings = setting_entries(
        differing([one.settings for one in runs]), ids, names, ids[0], ids[6], width
    )
    flips = find_flips(runs[0], runs[1], runs)
    examples = flip_entries(flips, ids, names, names[ids[0]], names[ids[1]], width)
    for entries in (found, settings, examples):
        assert "\x1b" not in said(entries) and "\u202e" not in said(entries)
    if width >= 47:
        assert max(widest(settings), widest(examples)) <= width
    if width >= 76:
        assert widest(found) <= width


def test_scores_say_what_may_be_concluded(workspace: Workspace) -> None:
    runs = [read_evidence(workspace.runs_dir / one.name).with_rows() for one in STORY]
    names = named([one.run_id for one in runs])
    compared = compare(runs, STORY[7].name)
    text = said(score_entries(compared, names, {}, None, 120))
    block = text.split("small-skills")[0].split("\n")[2:]
    lines = {line.split()[0]: line for line in block if line.split()}
    assert "◆ H" in text and "reference" in text
    assert "✘ worse" in lines["A"] and "−36pp" in lines["A"]
    assert "≈ within the noise" in lines["I"]
    assert "· not recorded" in lines["D"]
    assert "├" in lines["A"] and "●" in lines["A"]
    assert "p < 0.05 of the exact paired test" in text and "9 pairs" in text


def test_a_reference_without_a_score_is_said_where_others_have_one(workspace: Workspace) -> None:
    runs = [read_evidence(workspace.runs_dir / one.name).with_rows() for one in STORY]
    names = named([one.run_id for one in runs])
    text = said(score_entries(compare(runs, STORY[3].name), names, {}, None, 120))
    block = text.split("small-skills")[0].split("\n")[2:]
    lines = {line.split()[0]: line for line in block if line.split()}
    assert "· ◆ has no score" in lines["A"] and "0.583" in lines["A"]
    assert "· not recorded" in lines["J"]


def test_other_gold_suites_are_said_in_words_above_the_scores() -> None:
    runs = [run("a", scored(rows(30))), run("b", scored(rows(35), sha256="b" * 64, scorer="x"))]
    text = said(score_entries(compare(runs, "a"), named(["a", "b"]), {}, "b", 76))
    assert text.startswith("! The examples of gold are not the same (a in A, bbbbbbb in B):")
    assert "! gold was scored by other scorers (exact in A, x in B):" in text
    assert "! not comparable" in text and "pp" not in text.split("primary")[1].split("\n\n")[0]


def test_a_historical_score_is_said_with_what_it_does_to_the_differences() -> None:
    past = replace(scored(rows(30)), historical="the run of May")
    for who, also in (("a", "so are all differences"), ("b", "so is its difference")):
        runs = [run(name, past if name == who else scored(rows(35))) for name in ("a", "b")]
        text = said(score_entries(compare(runs, "a"), named(["a", "b"]), {}, None, 120))
        assert f"{who.upper()}: the score is historical (the run of May); {also}." in text


def test_costs_have_ratios_and_absent_is_not_zero(workspace: Workspace) -> None:
    runs = [read_evidence(workspace.runs_dir / one.name) for one in STORY[:2]]
    courses = {runs[0].run_id: Course(tok_s=1000.0), runs[1].run_id: Course(tok_s=2500.0, loss=0.5)}
    names = named([one.run_id for one in runs])
    text = said(score_entries(compare(runs, runs[0].run_id), names, courses, None, 150))
    first, second = text.split("training and cost")[1].split("\n")[2:4]
    assert "×2.50" in second and "×" not in first
    assert first.split()[3] == "·" and second.split()[2] == "0.5"


def test_settings_mark_what_differs_and_say_when_nothing_does() -> None:
    ids = ["a", "b", "c"]
    runs: list[dict[str, Value]] = [{"rank": 8, "lr": 0.1}, {"rank": 16, "lr": 0.1}, {"rank": 8}]
    text = said(setting_entries(differing(runs), ids, named(ids), "a", "b", 60))
    rank, rate = text.split("\n")[1:3]
    assert rank.split() == ["rank", "8", "≠16", "8"]
    assert rate.split() == ["lr", "0.1", "0.1", "≠·"]
    assert "·  not recorded" in text
    assert "equal in these runs" in said(setting_entries([], ids, named(ids), "a", "b", 60))


def test_columns_move_so_that_the_run_that_is_looked_at_is_seen() -> None:
    ids = [f"r{number}" for number in range(12)]
    sizes = dict.fromkeys(ids, 9)
    assert seen_columns(ids, sizes, "r0", "r1", 50) == ["r0", "r1", "r2", "r3", "r4"]
    assert seen_columns(ids, sizes, "r0", "r11", 50) == ["r0", "r8", "r9", "r10", "r11"]
    assert seen_columns(ids, sizes, "r5", None, 30) == ["r5", "r0", "r1"]
    assert seen_columns(ids, sizes, "r0", "r7", 5) == ["r0", "r7"]


def test_flips_are_counted_and_every_run_is_seen_on_them(workspace: Workspace) -> None:
    runs = [read_evidence(workspace.runs_dir / STORY[n].name).with_rows() for n in (0, 2, 4)]
    ids = [one.run_id for one in runs]
    names = named(ids)
    flips = [with_texts(one, runs[0], runs[1]) for one in find_flips(runs[0], runs[1], runs)]
    entries = flip_entries(flips, ids, names, names[ids[0]], names[ids[1]], 76)
    text = said(entries)
    assert "router-gold  ✔ 22 fixed  ✘ 0 broken  of 120, p < 0.0001" in text
    assert "✔ fixed  ✘✔✔  g070  fly to waypoint 70, please" in text
    assert next(one.key for one in entries if one.key) == "router-gold\ng070"
    alone = said(flip_entries(flips, ids, names, names[ids[0]], None, 76))
    assert "[ and ] choose a run" in alone


# --- the curves ---------------------------------------------------------------------------


def followed(workspace: Workspace, count: int) -> list[Followed]:
    marks, found = Marks(), []
    for one in STORY[:count]:
        projection = RunProjection()
        path = workspace.runs_dir / one.name / "events.jsonl"
        projection.apply_all(EventTail(path).read_all())
        found.append(Followed(one.name, marks.of(one.name), projection))
    return found


def test_every_curve_carries_its_letter_also_without_colours(workspace: Workspace) -> None:
    runs = followed(workspace, 5)
    title, curves, options = CompareCharts().draw(runs, runs[1].run_id, "none")
    text = ["".join(part for part, _ in row) for row in render_chart(curves, 90, 20, options)]
    assert all(len(line) == 90 for line in text)
    for letter in "ABCDE":
        assert letter in "".join(text)
    assert title[0] == ("loss", "strong")


def test_the_metric_is_chosen_among_those_that_any_run_reports(workspace: Workspace) -> None:
    charts, runs = CompareCharts(), followed(workspace, 4)
    assert list(metrics_of(runs)) == ["loss", "val_loss", "tok_s"]
    seen = []
    for _ in range(3):
        seen.append(charts.chosen(runs))
        charts.next_metric(runs, 1)
    assert seen == ["loss", "val_loss", "tok_s"] and charts.chosen(runs) == "loss"
    charts.settings.metric = "gone"
    assert charts.chosen(runs) == "loss"


def test_curves_are_aligned_by_the_chosen_axis(workspace: Workspace) -> None:
    charts, runs = CompareCharts(), followed(workspace, 2)
    for axis, last in (("step", 200), ("tokens", 160_000)):
        charts.settings.axis = axis
        _, curves, _options = charts.draw(runs, None, "none")
        assert curves[0].x[curves[0].count - 1] == last
    charts.settings.axis = "seconds"
    assert charts.draw(runs, None, "none")[2].x_kind == "seconds"


def test_more_runs_than_are_drawn_are_said(workspace: Workspace) -> None:
    one = followed(workspace, 1)[0]
    marks = Marks()
    many = [Followed(f"r{n}", marks.of(f"r{n}"), one.projection) for n in range(15)]
    title, curves, _ = CompareCharts().draw(many, None, "none")
    assert "12 of 15 runs" in "".join(text for text, _ in title)
    assert [curve.name for curve in curves if curve.shape == "line"] == list("ABCDEFGHIJKL")
    _, curves, _ = CompareCharts().draw(many, "r14", "none")
    # The run that is looked at is among them, above the others.
    assert [curve.name for curve in curves if curve.shape == "line"] == list("ABCDEFGHIJKO")


def test_long_curves_are_smoothed_a_piece_at_a_time(workspace: Workspace) -> None:
    charts, run_one = CompareCharts(), followed(workspace, 1)[0]
    series = run_one.projection.stages["train"].series["loss"]
    for step in range(201, 60_000):
        series.add(step, step, step, 1.0)
    charts.draw([run_one], None, "none")
    assert charts.unfinished
    charts.draw([run_one], None, "none")
    assert not charts.unfinished


def test_runs_without_a_number_and_with_nothing_but_nan() -> None:
    marks = Marks()
    empty = Followed("a", marks.of("a"), RunProjection())
    _title, curves, options = CompareCharts().draw([empty], None, "no numbers are recorded")
    assert (curves, options.empty) == ([], "no numbers are recorded")
    broken = RunProjection()
    broken.apply({"kind": "stage-start", "stage": "train"})
    broken.apply({"kind": "metric", "stage": "train", "step": 1, "values": {"loss": "nan"}})
    _title, curves, options = CompareCharts().draw(
        [Followed("b", marks.of("b"), broken)], None, "x"
    )
    assert len(render_chart(curves, 40, 10, options)) == 10


# --- which runs, and where they come from ----------------------------------------------------


def test_one_run_is_compared_with_its_parent_or_the_best_other(workspace: Workspace) -> None:
    assert choose(workspace, [STORY[8].name]).runs == (STORY[7].name, STORY[8].name)
    best = choose(workspace, [STORY[0].name])
    assert best.runs == (STORY[8].name, STORY[0].name)
    assert "best other run" in best.said
    gone = choose(workspace, [STORY[0].name, "nobody", STORY[1].name, STORY[0].name])
    assert gone.runs == (STORY[0].name, STORY[1].name) and "nobody" in gone.said
    assert choose(workspace, []).runs == (STORY[7].name, STORY[9].name)


def test_a_run_that_is_alone_is_said_to_be(tmp_path: Path) -> None:
    make_tries(tmp_path, [Try("one")])
    found = choose(Workspace(tmp_path), ["one"])
    assert found.runs == ("one",) and "no other run" in found.said
    assert choose(Workspace(tmp_path / "nowhere"), []).runs == ()


def test_the_family_is_a_tree_with_what_was_varied_and_what_it_did(workspace: Workspace) -> None:
    found = load_families(workspace, EvidenceReader(workspace), [STORY[8].name, STORY[1].name])
    assert len(found.families) == 1
    scores = dict(found.scores)
    marks = {STORY[8].name: Marks().of("x")}
    text = said(
        family_entries(found.families, marks, short_names(scores), scores, STORY[8].name, 100)
    )
    lines = text.split("\n")
    assert lines[0].split() == ["○", "drone-router", "0.583"]
    assert "├─ ○  drone-router-2  0.617  +3.3pp ≈ within the noise" in text
    assert "learning_rate 0.002→0.004" in text
    assert "› " in text and "A  drone-router-9  0.95  +0.8pp ≈ within the noise" in text
    for width in WIDTHS:
        entries = family_entries(found.families, marks, short_names(scores), scores, None, width)
        assert widest(entries) <= max(width, 30)


# --- loops ----------------------------------------------------------------------------------


def story_chain(workspace: Workspace) -> Chain:
    found = TryReader(workspace).read(None).chain
    assert found is not None
    return found


def test_the_chart_has_a_step_line_and_a_sign_for_every_outcome(workspace: Workspace) -> None:
    found = story_chain(workspace)
    title, curves, options = chain_chart(found, STORY[2].name)
    words = "".join(text for text, _ in title)
    assert words.startswith("best so far  0.942  ● 4 kept  ○ 4 dropped  ✘ 1 crashed  ■ 1 cancelled")
    assert list(options.marks) == [3.0]
    text = ["".join(part for part, _ in row) for row in render_chart(curves, 100, 24, options)]
    plot = "\n".join(text)
    assert [plot.count(sign) for sign in "●○✘■"] == [4, 4, 1, 1]
    step = next(curve for curve in curves if curve.role == "smooth")
    assert list(step.y) == sorted(step.y)


def test_tries_are_told_newest_first_with_what_they_varied(workspace: Workspace) -> None:
    found = story_chain(workspace)
    entries = try_entries(found, {STORY[4].name}, NOW, 118)
    lines = said(entries).split("\n")
    assert lines[1].split()[:4] == ["■", "10", "drone-router-10", "iters"]
    kept = next(line for line in lines if "drone-router-5 " in line)
    assert kept.startswith("● ● ") and "lora.rank 16→32" in kept and "kept" in kept
    assert "reject" in said(entries)
    roomy = said(try_entries(found, (), NOW, 118, roomy=True))
    assert "“A higher rank keeps the rare commands.” Better than the best before" in roomy
    assert "but breadth fell by 37.5 pp" in roomy
    for width in WIDTHS:
        assert widest(try_entries(found, (), NOW, width, roomy=True)) <= max(width, 60)


def test_the_try_at_the_cursor_is_told_in_full_with_the_rule(workspace: Workspace) -> None:
    found = story_chain(workspace)
    text = said(detail_entries(found, STORY[4].name, 90))
    assert "● kept  5  drone-router-5" in text
    assert "9 fixed, 0 broken" in text and "hypothesis: A higher rank" in text
    assert "child of drone-router-3: lora.rank 16→32" in text
    assert "rule: kept: better than the best before" in text
    assert "p < 0.05" in said(detail_entries(found, None, 90))
    assert now_cells(found, 80) is None


def test_a_target_with_one_try_says_what_a_loop_is(tmp_path: Path) -> None:
    make_tries(tmp_path, [Try("one")])
    found = story_chain(Workspace(tmp_path))
    assert "A loop is a row of tries" in said(try_entries(found, (), datetime.now(UTC), 60))
    empty = Chain("x", ())
    assert "No try" in said(try_entries(empty, (), datetime.now(UTC), 60))
    assert chain_chart(empty, None)[2].empty == "no tries yet"


def test_hostile_names_and_reasons_are_harmless(tmp_path: Path) -> None:
    status = {"last_error": {"stage": "train", "message": HOSTILE}}
    make_tries(tmp_path, [Try("a"), Try("b", right=None, phase="failed", status=status)], HOSTILE)
    found = story_chain(Workspace(tmp_path))
    text = said(try_entries(found, (), NOW, 118, roomy=True)) + said(detail_entries(found, "b", 80))
    text += "".join(cell.text for cell in target_line({HOSTILE: 2, "x": 1}, HOSTILE, 80))
    assert "\x1b" not in text and "\u202e" not in text and "[red]boo" in text


def test_targets_that_do_not_fit_are_counted_and_the_shown_one_is_seen() -> None:
    targets = {f"target-{number}": number for number in range(30)}
    text = "".join(cell.text for cell in target_line(targets, "target-20", 80))
    assert "[target-20 20]" in text and "more" in text and cell_len(text) <= 80


def test_tries_are_read_again_as_they_change(workspace: Workspace) -> None:
    reader = TryReader(workspace)
    first = reader.read("drone-router")
    assert reader.read("drone-router").chain == first.chain
    make_tries(workspace.path, [Try("2026-11-21-new", right=119)])
    again = reader.read("drone-router")
    assert again.chain is not None and again.chain.count("kept") == 5
    assert reader.read("no such target").chain == again.chain
    assert chain("none", [], lambda _run, score: score).tries == ()


def test_runs_without_tokens_are_not_heaped_up_at_none(workspace: Workspace) -> None:
    runs = followed(workspace, 3)
    charts = CompareCharts()
    charts.settings.axis = "tokens"
    runs[1] = replace(runs[1], projection=_without_tokens(runs[1].projection))
    title, curves, options = charts.draw(runs, None, "none")
    assert "tokens not recorded in B" in said_row(title) and options.x_unit == "tokens"
    assert {curve.name for curve in curves if curve.shape == "line"} == {"A", "C"}
    title, curves, options = charts.draw(runs[1:2], None, "none")
    assert "tokens not recorded: by step" in said_row(title) and options.x_unit == "steps"
    assert curves[0].x[curves[0].count - 1] == 200


def _without_tokens(projection: RunProjection) -> RunProjection:
    for series in projection.stages["train"].series.values():
        series.tokens[:] = array("d", [0.0] * len(series.tokens))
    return projection


def said_row(row: Sequence[tuple[str, str]]) -> str:
    return "".join(text for text, _ in row)
