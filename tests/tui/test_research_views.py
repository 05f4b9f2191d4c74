"""What Research says of a campaign, as plain values."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from engine.folder import write_json_atomic
from engine.loops.folder import LoopFolder
from engine.processes import myself
from engine.records.loop import LoopPhase
from engine.records.research import TryWish
from engine.workspace import Workspace
from tests.engine.loops.make_loops import dead_runner
from tests.engine.loops.research.campaign_kit import document
from tests.tui.make_research import NAME, STORY, UGLY, Made, make_campaign_of
from tui.screens.research_acts import seeds_problem
from tui.views.cells import Cell
from tui.views.entries import Entry
from tui.views.research_form import campaign_fields, path_of, wish_of
from tui.views.research_head import banner, facts, numbers_line, purpose, state
from tui.views.research_pane import RUN, diff_row, pane_entries
from tui.views.research_reader import CampaignReader, CampaignsReader, CampaignView, Change
from tui.views.research_rules import rule_entries
from tui.views.research_table import ORDERS, matching, ordered, try_entries
from tui.views.research_tries import best_chart
from tui.widgets.picture import render_chart

KEYS = dict.fromkeys(("pause", "stop", "resume", "new", "edit"), "K")
NOW = 2e9


def text(entries: list[Entry]) -> str:
    return "\n".join("".join(part for part, _ in one.row) for one in entries)


def said(cells: list[Cell]) -> str:
    return "".join(one.text for one in cells)


def view_of(tmp_path: Path, tries: Any = STORY, name: str = NAME, **words: Any) -> CampaignView:
    return CampaignReader(make_campaign_of(tmp_path, tries, name, **words)).read()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> LoopFolder:
    return make_campaign_of(tmp_path_factory.mktemp("campaign"), STORY)


@pytest.fixture
def view(folder: LoopFolder) -> CampaignView:
    return CampaignReader(folder).read()


# --- reading -------------------------------------------------------------------------------


def test_a_campaign_is_read_with_all_that_its_records_say(view: CampaignView) -> None:
    whats = [one.what for one in view.tries]
    assert whats == ["keep", "keep", "discard", "crash", "refused", "keep", "discard"]
    assert view.metric == "val_bpb" and view.lower_is_better and view.harness == ("prepare.py",)
    assert view.best is not None and view.best.number == 5 and view.done == 6
    crash, refused = view.tries[3], view.tries[4]
    assert (crash.cause, crash.score, crash.memory_gb) == ("oom", None, 0.5)
    assert (refused.run, refused.cause, refused.commit) == (None, "harness", None)
    assert view.tries[1].commit == f"{1:040x}" and view.tries[1].run == "run-1-0"


def test_what_has_changed_is_read_at_the_next_look(tmp_path: Path) -> None:
    folder = make_campaign_of(tmp_path, STORY[:2])
    reader = CampaignReader(folder)
    assert len(reader.read().tries) == 2
    (folder.path / "wishes").mkdir()
    wish = TryWish(kind="rerun", iteration=2)
    write_json_atomic(folder.path / "wishes" / "001.json", wish)
    (folder.path / "protocol.json").write_text("{")
    (folder.path / "draft.diff").touch()
    found = reader.read()
    assert found.protocol is None and "protocol.json" in found.problem
    assert found.wishes == (wish,) and found.draft and not found.submitted
    assert "rerun try 1" in said(banner(found, KEYS))
    assert "cannot be read" in text(rule_entries(found, 60))
    assert reader.read() == reader.read(), "nothing is drawn anew while nothing changes"


def test_a_broken_record_is_one_try_that_cannot_be_read(tmp_path: Path) -> None:
    folder = make_campaign_of(tmp_path, STORY)
    (folder.iteration(3) / "verdict.json").write_text('{"score": NaN')
    (folder.iteration(4) / "plan.json").write_bytes(b"\xff\x00")
    view = CampaignReader(folder).read()
    assert [one.what for one in view.tries[2:4]] == ["unreadable", "unreadable"]
    assert "?" in text(try_entries(view.tries, 80))
    assert "? verdict.json" in text(pane_entries(view, view.at(2), None, 300))
    assert "plan.json" in text(pane_entries(view, view.at(3), None, 300))
    assert view.best is not None and view.best.number == 5


def test_a_campaign_that_says_nothing_of_itself_is_told(tmp_path: Path) -> None:
    view = view_of(tmp_path, STORY[:1], spec={})
    assert view.campaign is None and "loop.json" in view.problem
    assert facts(view, NOW, 80) == [] and "loop.json" in said(banner(view, KEYS))
    folder = make_campaign_of(tmp_path, [], "2026-11-29-b-research")
    (folder.path / "loop-status.json").write_text("")
    broken = CampaignReader(folder).read()
    assert "Mend the file" in said(banner(broken, KEYS))
    assert state(broken, NOW)[1] == "bad"


def test_campaigns_are_found_among_loops(tmp_path: Path) -> None:
    reader = CampaignsReader(Workspace(tmp_path))
    assert reader.read(None).shown is None
    make_campaign_of(tmp_path, STORY[:1], "2026-11-01-a-research")
    make_campaign_of(tmp_path, STORY[:1], "2026-11-02-a-research")
    other = make_campaign_of(tmp_path, [], "2026-11-03-a-flywheel")
    loop = json.loads((other.path / "loop.json").read_text())
    (other.path / "loop.json").write_text(json.dumps({**loop, "kind": "flywheel"}))
    found = reader.read("2026-11-01-a-research")
    assert found.names == ("2026-11-02-a-research", "2026-11-01-a-research")
    assert found.shown is not None and found.shown.name == "2026-11-01-a-research"
    missing = reader.read("gone").shown
    assert missing is not None and missing.name == "2026-11-02-a-research"


def test_a_diff_is_read_as_far_as_it_is_shown(tmp_path: Path) -> None:
    folder = make_campaign_of(tmp_path, STORY[:3])
    reader = CampaignReader(folder)
    assert "+DEPTH = 4" in reader.change(1).text and reader.change(0) == Change()
    (folder.iteration(2) / "change.diff").write_text("+" + "x" * 600_000)
    assert len(reader.change(1).text) < 600_000 and reader.change(1).problem
    (folder.iteration(2) / "change.diff").unlink()
    (folder.iteration(2) / "change.diff").mkdir()
    assert "cannot be read" in reader.change(1).problem


# --- the head ------------------------------------------------------------------------------


def test_the_head_says_how_good_the_best_is(view: CampaignView) -> None:
    line = said(numbers_line(view, 200))
    assert "val_bpb ↓ best 2.2 ±0.02 (try 5)  −0.80 −27%" in line.replace("2.20", "2.2")
    assert "baseline 3" in line and "noise 0.02" in line
    assert said(purpose(view, 80)) == "Less."
    words = said(facts(view, NOW, 300))
    assert "6 of 20 tries · 3 seeds · 0.95 confidence · the built-in sampler proposes" in words
    assert "recipe" in words and f"⎇ research/{NAME}" in words
    told = said(banner(view, KEYS))
    assert "The limit of 20 tries" in told and f"merge research/{NAME}" in told


def test_more_is_better_where_the_protocol_says_so(tmp_path: Path) -> None:
    parts = document()
    parts["measurement"]["primaryMetric"]["direction"] = "maximize"
    tries = [Made("keep", 1.0), Made("keep", 1.5, before=1.0), Made("crash", None, cause="exit")]
    view = view_of(tmp_path, tries, protocol=parts)
    assert "val_bpb ↑ best" in said(numbers_line(view, 120))
    title, curves, _ = best_chart(view.tries, 1, view.lower_is_better)
    assert "best so far ↑" in "".join(part for part, _ in title)
    assert [list(one.y) for one in curves if one.sign == "✘"] == [[1.0]]
    assert [one.number for one in ordered(view.tries, "best", False)] == [1, 0, 2]


@pytest.mark.parametrize(
    ("tries", "words"),
    [
        ((), "the baseline is measured first"),
        ((Made("crash", None, cause="exit"),), "the baseline has no number"),
        ((Made("keep", 3.0, verdict={"noise": 0.0}),), "no noise"),
        ((Made("keep", 3.0), Made("crash", None, cause="nan")), "no try was better yet"),
        ((Made("keep", 0.0), Made("keep", -1.0, before=0.0)), "best −1"),
    ],
)
def test_campaigns_with_little_in_them(tmp_path: Path, tries: Any, words: str) -> None:
    view = view_of(tmp_path, tries)
    assert words in said(numbers_line(view, 120))
    for width in (20, 60, 120):
        assert try_entries(view.tries, width) and rule_entries(view, width)
        assert pane_entries(view, view.at(0), Change(), width)
    title, curves, options = best_chart(view.tries, None, True)
    assert render_chart(curves, 60, 12, options) and title


def test_the_state_says_who_is_waited_for(tmp_path: Path) -> None:
    running = view_of(
        tmp_path, [*STORY, Made("open", 2.1, measured=1)], "a-research",
        phase=LoopPhase.RUNNING, runner=myself(), reason=None,
    )  # fmt: skip
    assert state(running, NOW)[0] == "▶ try 7 of 20 · measures 2 of 3"
    assert running.loop.running == "run-now" and len(running.repeats) == 1
    pane = pane_entries(running, running.open, None, 80)
    assert pane[-3].key == RUN + "run-now" and "runs now" in text(pane)
    dead = view_of(tmp_path, STORY, "b-research", phase=LoopPhase.RUNNING, runner=dead_runner())
    assert "died" in state(dead, NOW)[0] and "runner died" in said(banner(dead, KEYS))
    waits = view_of(
        tmp_path, STORY, "c-research", phase=LoopPhase.PAUSED, proposer="person", reason="It waits."
    )
    assert state(waits, NOW) == ("◌ waits for your change", "warn")
    assert "opens the files in your editor" in said(banner(waits, KEYS))


# --- table, pane, rules --------------------------------------------------------------------


@pytest.mark.parametrize("width", [24, 40, 69, 80, 120, 200])
def test_lines_never_pass_their_width(view: CampaignView, width: int) -> None:
    change = Change(f"+{UGLY}\n-{UGLY}\n@@ {UGLY}", "more")
    for entries in (
        try_entries(view.tries, width),
        rule_entries(view, width),
        *(pane_entries(view, one, change, width) for one in view.tries),
    ):
        for one in entries:
            line = "".join(part for part, _ in one.row)
            assert cell_len(line) <= max(width, 52) and "\x1b" not in line and "\u202e" not in line
    for cells in (numbers_line(view, width), facts(view, NOW, width), purpose(view, width)):
        assert cell_len(said(cells)) <= width


def test_the_table_has_more_columns_where_there_is_room(view: CampaignView) -> None:
    newest = list(reversed(view.tries))
    narrow, wide = text(try_entries(newest, 60)), text(try_entries(newest, 160))
    assert "±" not in narrow and all(w in wide for w in ("±0.02", "time", "memory", "−lines"))
    assert " oom" in narrow and " harness" in narrow and "97%" in narrow
    assert [one.key for one in try_entries(newest, 60)][:3] == [None, "7", "6"]


def test_tries_are_sorted_and_found(view: CampaignView) -> None:
    def numbers(order: str) -> list[int]:
        return [one.number for one in ordered(view.tries, order, True)]

    assert numbers("newest") == [6, 5, 4, 3, 2, 1, 0]
    assert numbers("best")[:3] == [5, 6, 1] and set(numbers("best")[-2:]) == {3, 4}
    assert numbers("gain")[0] == 1 and numbers("verdict")[:3] == [5, 1, 0]
    assert all(sorted(numbers(one)) == list(range(7)) for one in ORDERS)
    assert [one.number for one in matching(view.tries, "CRASH oom")] == [3]
    assert [one.number for one in matching(view.tries, "depth keep")] == [5]
    assert "No try is like that" in text(try_entries([], 80, every=7))


def test_the_pane_says_why_with_each_repetition_the_crash_and_the_diff(view: CampaignView) -> None:
    kept = pane_entries(view, view.at(5), Change("+DEPTH = 4\n-DEPTH = 8\n"), 100)
    words = text(kept)
    assert "● try 5  keep" in words and "So says the evidence." in words
    assert "−0.30" in words and "better with 97.0 %" in words
    assert [one.key for one in kept if one.key] == [f"{RUN}run-5-{at}" for at in range(3)]
    assert "num_steps" in words and "41" in words
    rows = [one.row for one in kept]
    assert (("+DEPTH = 4", "good"),) in rows and (("-DEPTH = 8", "bad"),) in rows
    crash = text(pane_entries(view, view.at(3), Change(), 100))
    assert "oom: it ran out of memory" in crash and "MemoryError" in crash and "\x1b" not in crash
    assert "No diff is recorded" in crash
    refused = text(pane_entries(view, view.at(4), None, 100))
    assert refused.count("It changed prepare.py") == 1 and "reading the diff" in refused
    assert "Nothing is tried yet" in text(pane_entries(view, None, None, 60))


def test_what_a_person_did_and_what_was_cut_short_is_told(tmp_path: Path) -> None:
    odd = Made(
        "keep", 2.5, before=3.0,
        verdict={"by_person": UGLY, "simpler": True, "probability": 0.99999},
        runs={"dropped_early": "A clear loser.", "batch": {"train.py:BATCH": (64, 32)}},
    )  # fmt: skip
    view = view_of(tmp_path, [STORY[0], odd])
    words = text(pane_entries(view, view.at(1), None, 80))
    for part in ("A person decided", "fewer lines", "over 99.9 %", "A clear loser", "64 → 32"):
        assert part in words


def test_rules_name_the_tries_that_broke_them(view: CampaignView) -> None:
    words = text(rule_entries(view, 80))
    assert "✔ may change: train.py" in words and "✘ what measures: prepare.py" in words
    assert "broken by try 4" in words and "1 hashed at setup" in words
    assert "broken rules: 1 (harness 1)" in words and "crashes: 1 (oom 1)" in words


def test_headers_of_a_diff_are_left_out() -> None:
    assert diff_row("diff --git a/x b/x y.py") == ("── x y.py", "accent")
    assert diff_row("index 1..2 100644") is None and diff_row("--- a/x") is None
    assert diff_row("@@ -1 +1 @@") == ("@@ -1 +1 @@", "second")


def test_five_hundred_tries_are_drawn_in_a_moment(tmp_path: Path) -> None:
    view = view_of(tmp_path, STORY)
    many = tuple(replace(view.tries[at % 7], number=at) for at in range(500))
    large = replace(view, tries=many)
    began = time.process_time()
    try_entries(ordered(large.tries, "best", True), 120)
    render_chart(*_chart(large))
    pane_entries(large, large.at(499), None, 80)
    assert time.process_time() - began < 0.5


def _chart(view: CampaignView) -> Any:
    _, curves, options = best_chart(view.tries, 250, True)
    return curves, 100, 20, options


# --- the form ------------------------------------------------------------------------------


def test_the_form_makes_a_wish(tmp_path: Path) -> None:
    empty = {one.key: "" for one in campaign_fields()}
    usual = wish_of(empty)
    assert (usual.tries, usual.seeds, usual.confidence, usual.proposer) == (
        20, 3, 0.95, "settings",
    )  # fmt: skip
    typed = {**empty, "tries": "5", "hours": "0.5", "agent": "sh 'a b'", "goal": "Less."}
    wish = wish_of(typed)
    assert (wish.tries, wish.hours, wish.argv) == (5, 0.5, ("sh", "a b"))
    assert wish.proposer == "command", "a command is one where it is named"
    with pytest.raises(ValueError, match="quotation"):
        wish_of({**empty, "agent": "'"})
    assert path_of("a/b.json", tmp_path) == tmp_path / "a" / "b.json"
    assert path_of("/x", tmp_path) == Path("/x")


@pytest.mark.parametrize("typed", ["", "0", "-1", "1.5", "x", "101", "٣", "9" * 5_000])
def test_a_number_of_seeds_that_cannot_be(typed: str) -> None:
    assert seeds_problem(typed) is not None
    assert seeds_problem(" 3 ") is None
