"""Research driven by keys, on campaign folders and on real repositories."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from engine.loops.folder import LoopFolder, Request
from engine.loops.research.proposers.person import FILE as SUBMITTED
from engine.loops.research.wishes import pending
from engine.processes import myself
from engine.records.loop import LoopPhase, LoopStatus
from tests.engine.loops.research.campaign_kit import make_recipe
from tests.engine.loops.research.proposer_kit import make_campaign_folder
from tests.tui.drive import Held, app_on, at, texts, until, write
from tests.tui.make_research import NAME, STORY, Made, make_campaign_of
from tests.tui.make_runs import write as write_json
from tui.app import FactoryApp
from tui.screens.ask_text import AskText
from tui.screens.loops import LoopsScreen
from tui.screens.pick import Pick
from tui.screens.research import ResearchScreen
from tui.screens.research_new import CHECK_AFTER_S, NewCampaign
from tui.views.research_form import PROTOCOL, REPO
from tui.widgets.agree import Agree
from tui.widgets.chart import Chart
from tui.widgets.confirm import Confirm

SIZES = [(80, 24), (120, 40), (200, 60), (50, 14)]


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The loops that were started, without a runner: what they do then is tested elsewhere."""
    found: list[str] = []
    for place in (
        "engine.loops.research.acts.launch_loop",
        "engine.loops.research.proposers.person.launch_loop",
        "engine.loops.launch.launch_loop",
    ):
        monkeypatch.setattr(place, lambda folder: found.append(folder.loop_id))
    return found


@asynccontextmanager
async def shown(
    workspace: Path, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[tuple[FactoryApp, Pilot[None], ResearchScreen]]:
    app = app_on(workspace, "research")
    async with app.run_test(size=size) as pilot:
        screen = app.screen
        assert isinstance(screen, ResearchScreen)
        await until(pilot, lambda: screen._read_once)
        yield app, pilot, screen


def drawn(screen: Any, selector: str) -> str:
    widget = screen.query_one(selector)
    return "\n".join(widget.render_line(y).text for y in range(widget.size.height))


def said(app: FactoryApp) -> str:
    return "\n".join(one.message for one in app._notifications)


def footer(app: FactoryApp) -> list[str]:
    return [str(key.description) for key in app.screen.query(FooterKey)]


def a_run(workspace: Path, name: str) -> None:
    write_json(workspace / "runs" / name / "config.json", {"run_id": name, "target": "recipe"})


@pytest.mark.parametrize("size", SIZES)
async def test_a_campaign_at_every_size(tmp_path: Path, size: tuple[int, int]) -> None:
    make_campaign_of(tmp_path, STORY)
    async with shown(tmp_path, size) as (app, pilot, screen):
        await until(pilot, lambda: "discard" in drawn(screen, "#tries"))
        assert "val_bpb" in texts(app) and "completed" in str(screen.query_one("TopBar").render())
        await until(pilot, lambda: "help" in footer(app))
        if size[0] > 50:
            assert "best 2.20 ±0.02 (try 5)" in texts(app)
            assert "best so far ↓  ● 3 keep" in drawn(screen, "#best")
        await pilot.press("r")
        await until(pilot, lambda: "may change" in drawn(screen, "#rules"))


async def test_the_cursor_goes_by_keys_wheel_and_click(tmp_path: Path) -> None:
    make_campaign_of(tmp_path, STORY)
    for name in ("run-6-0", "run-5-1"):
        a_run(tmp_path, name)
    async with shown(tmp_path) as (app, pilot, screen):
        await until(pilot, lambda: "+DEPTH = 4" in drawn(screen, "#try"))
        assert screen.number == 6
        await pilot.press("down")
        assert screen.number == 5 and "try 5  keep" in drawn(screen, "#try")
        await pilot.press("left")
        assert screen.number == 4 and screen.tries.current == "5"
        await pilot.press("right", "right")
        assert screen.number == 6
        chart = screen.query_one("#best", Chart)
        chart.post_message(Chart.Zoom(chart, 1, 0.5))
        await until(pilot, lambda: screen.number == 5)
        assert chart.frame is not None
        column = chart.frame.column(3.0)
        assert column is not None
        await pilot.click("#best", offset=(1 + chart.frame.left + column, 4))
        await until(pilot, lambda: screen.number == 3)
        assert "oom" in drawn(screen, "#try")
        await pilot.press("enter")
        await until(pilot, lambda: "not in this workspace" in said(app))
        await pilot.press("left", "right", "right", "enter")
        await until(pilot, lambda: "it was refused" in said(app))
        await pilot.press("right", "tab")
        assert app.focused is screen.query_one("#try") and screen.has_class("-reading")
        await pilot.press("down", "enter")
        await until(pilot, lambda: getattr(app.screen, "run_id", "") == "run-5-1")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("shift+tab")
        assert app.focused is screen.tries


async def test_tries_are_sorted_filtered_and_the_rules_come_and_go(tmp_path: Path) -> None:
    make_campaign_of(tmp_path, STORY)
    make_campaign_of(tmp_path, STORY[:2], "2026-11-01-older-research")
    async with shown(tmp_path) as (app, pilot, screen):
        await pilot.press("o")
        head, best, *_ = drawn(screen, "#tries").split("\n")
        assert "description" in head and best.split()[:2] == ["●", "5"]
        await pilot.press("slash")
        await write(pilot, "crash")
        await until(pilot, lambda: screen.number == 3 and "BATCH_SIZE" in drawn(screen, "#tries"))
        assert "DEPTH" not in drawn(screen, "#tries")
        await pilot.press("down")
        assert app.focused is screen.tries
        await pilot.press("slash", "enter")
        assert app.focused is screen.tries
        await pilot.press("escape")
        await until(pilot, lambda: "DEPTH" in drawn(screen, "#tries"))
        await pilot.press("r")
        assert screen.query_one("#rules").display and "broken by try 4" in drawn(screen, "#rules")
        await pilot.press("escape")
        assert not screen.query_one("#rules").display and app.screen is screen
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("down", "enter")
        await until(
            pilot, lambda: screen.campaign and screen.campaign.name.endswith("older-research")
        )
        assert screen.number == 1


async def test_a_try_is_accepted_taken_back_and_measured_again(
    tmp_path: Path, launched: list[str]
) -> None:
    folder = make_campaign_of(tmp_path, STORY)

    def wishes() -> list[tuple[str, int]]:
        return [(wish.kind, wish.iteration) for _, wish in pending(folder)]

    async with shown(tmp_path) as (app, pilot, _screen):
        await until(pilot, lambda: "accept" in footer(app))
        assert "discard" not in footer(app), "the newest was not kept"
        await pilot.press("d")
        await until(pilot, lambda: "was not kept" in said(app))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("enter")
        assert "Give a reason" in texts(app)
        await write(pilot, "it is simpler")
        await pilot.press("enter")
        await until(pilot, lambda: wishes() == [("accept", 7)])
        assert pending(folder)[0][1].reason == "it is simpler"
        await pilot.press("down", "a")
        await until(pilot, lambda: "Try 5 was kept" in said(app))
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await write(pilot, "no")
        await pilot.press("enter")
        await until(pilot, lambda: wishes()[1:] == [("discard", 6)])
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        app.screen.query_one(Input).value = "0"
        await pilot.press("enter")
        assert "from 1 to 100" in texts(app)
        app.screen.query_one(Input).value = "4"
        await pilot.press("enter")
        await until(pilot, lambda: wishes()[2:] == [("rerun", 6)])
        assert pending(folder)[2][1].seeds == 4
        await pilot.press("b")
        await until(pilot, lambda: wishes()[3:] == [("replay", 6)])
        assert launched == [NAME] * 4
        await until(pilot, lambda: "Asked for, done next: accept try 6" in texts(app))
        await pilot.press("home", "down", "down", "down", "m", "a")
        await until(pilot, lambda: "has no number that more seeds" in said(app))
        assert "cannot be accepted" in said(app)
        await pilot.press("end", "d")
        await until(pilot, lambda: "The baseline cannot be taken back" in said(app))
        await pilot.press("v")
        await until(pilot, lambda: "The baseline changes nothing" in said(app))


async def test_a_campaign_that_runs_is_paused_stopped_cancelled_and_watched(
    tmp_path: Path, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_campaign_of(
        tmp_path, [*STORY, Made("open", 2.1, measured=1)], phase=LoopPhase.RUNNING,
        runner=myself(), reason=None,
    )  # fmt: skip
    a_run(tmp_path, "run-now")
    events_log = [
        {"kind": "stage-start", "stage": "measure", "command": ["x"], "pid": 1},
        {"kind": "metric", "stage": "measure", "step": 1, "values": {"loss": 5.1, "tok_s": 21010}},
        {"kind": "metric", "stage": "measure", "step": 9, "values": {"loss": 4.25, "tok_s": 22000}},
        {"kind": "memory", "stage": "measure", "tree_rss_bytes": 90_000_000, "processes": 1},
    ]
    lines = [
        json.dumps({"seq": at, "t": f"2026-11-28T03:00:0{at}Z", **one})
        for at, one in enumerate(events_log)
    ]
    (tmp_path / "runs" / "run-now" / "events.jsonl").write_text("\n".join(lines) + "\n")

    def cancel(there: LoopFolder, **_: object) -> LoopStatus:
        def change(moved: LoopStatus) -> None:
            moved.phase, moved.runner = LoopPhase.CANCELLED, None

        return there.move(there.status().revision, change)

    monkeypatch.setattr("engine.loops.launch.cancel_loop", cancel)
    async with shown(tmp_path) as (app, pilot, screen):
        await until(pilot, lambda: "repetition 2 of 3" in texts(app) and "4.25" in texts(app))
        await until(pilot, lambda: "22,000 tok/s" in texts(app) and "86M" in texts(app))
        await until(pilot, lambda: "this repetition" in drawn(screen, "#course"))
        await until(pilot, lambda: "runs now" in drawn(screen, "#try"))
        await until(pilot, lambda: "live" in footer(app))
        await pilot.press("p")
        await until(pilot, lambda: folder.asked(Request.PAUSE))
        await pilot.press("s")
        await until(pilot, lambda: folder.asked(Request.STOP))
        await until(pilot, lambda: "It stops after this iteration" in texts(app))
        await pilot.press("a")
        await until(pilot, lambda: "has no verdict yet" in said(app))
        await pilot.press("l")
        await until(pilot, lambda: getattr(app.screen, "run_id", "") == "run-now")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: "resume" in footer(app))
        await pilot.press("l")
        await until(pilot, lambda: "Nothing is measured now" in said(app))
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, Agree))
        assert "{python} train.py" in texts(app) and not launched, "nobody agreed to it here"
        await pilot.press("y")
        await until(pilot, lambda: launched == [NAME])


async def test_files_are_opened_and_a_commit_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_campaign_of(tmp_path, STORY)
    opened: list[Path] = []

    def edit(_app: object, path: Path, _line: object) -> None:
        opened.append(path)

    monkeypatch.setattr("tui.screens.research_acts.edit", edit)
    async with shown(tmp_path) as (app, pilot, screen):
        await pilot.press("v")
        await until(pilot, lambda: opened == [folder.iteration(7) / "change.diff"])
        await pilot.press("t")
        await until(pilot, lambda: "There is no results.tsv yet" in said(app))
        (folder.path / "worktree").mkdir()
        (folder.path / "worktree" / "results.tsv").write_text("commit\n")
        await pilot.press("t")
        await until(pilot, lambda: opened[1:] == [folder.path / "worktree" / "results.tsv"])
        await pilot.press("down", "y")
        await until(pilot, lambda: app.clipboard == f"{5:040x}")
        await pilot.press("e")
        await until(pilot, lambda: "not proposed by a person" in said(app))
        (folder.iteration(7) / "change.diff").write_text("+ANOTHER = 1\n")
        await pilot.press("up", "f5")
        await until(pilot, lambda: "+ANOTHER = 1" in drawn(screen, "#try"))
        (folder.iteration(7) / "change.diff").write_text("+A_THIRD = 1\n")
        await pilot.press("f5")
        await until(pilot, lambda: "+A_THIRD = 1" in drawn(screen, "#try"))


async def test_a_person_edits_the_files_and_describes_the_try(
    tmp_path: Path, launched: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_campaign_folder(tmp_path)
    program = tmp_path / "editor"
    program.write_text('#!/bin/sh\nsed -i.bak \'s/0.1/0.2/\' "$1" && rm "$1.bak"\n')
    program.chmod(0o755)
    monkeypatch.setattr("tui.editing.editor_command", lambda path, line: [str(program), str(path)])
    monkeypatch.setattr(FactoryApp, "suspend", lambda self: nullcontext())
    async with shown(tmp_path) as (app, pilot, _screen):
        await until(pilot, lambda: "It waits for your change" in texts(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        assert "train.py: +1 −1" in texts(app)
        await pilot.press("escape")
        await until(pilot, lambda: "nothing was submitted" in said(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await write(pilot, "a higher rate")
        await pilot.press("enter")
        await until(pilot, lambda: launched == [folder.loop_id])
        written = json.loads((folder.path / SUBMITTED).read_text())
        assert written["description"] == "a higher rate" and "RATE = 0.2" in written["diff"]
        await until(pilot, lambda: "Your change waits to be tried" in texts(app))


async def test_a_campaign_is_begun_by_the_form_after_its_commands_were_agreed_to(
    tmp_path: Path, launched: list[str]
) -> None:
    workspace, repo = make_recipe(tmp_path)
    async with shown(workspace.path) as (app, pilot, screen):
        await until(pilot, lambda: "No campaign yet" in texts(app))
        await until(pilot, lambda: footer(app) == ["new", "back", "help"])
        await pilot.press("c")
        await until(pilot, lambda: "There is no campaign" in said(app))
        await pilot.press("n")
        form = await at(pilot, NewCampaign)
        form.row(PROTOCOL).put("../gone.json")
        await until(pilot, lambda: "gone.json" in texts(app))
        form.row(PROTOCOL).put("../protocol.json")
        form.row(REPO).put(str(repo))
        await until(pilot, lambda: "you are asked first" in texts(app))
        form.row("confidence").put("2")
        await pilot.press("ctrl+s")
        assert app.screen is form and form.row("confidence").problem
        form.row("confidence").put("0.9")
        form.row("tries").put("4")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        assert "{python} train.py" in texts(app) and "{python} prepare.py" in texts(app)
        await pilot.press("n")
        await until(pilot, lambda: "Nothing was run" in texts(app))
        assert not (workspace.path / "loops").exists()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: screen.campaign is not None and app.screen is screen)
        assert screen.campaign is not None and launched == [screen.campaign.name]
        loop = screen.campaign.loop.loop
        assert loop is not None and loop.limits.iterations == 4
        assert screen.campaign.campaign is not None and screen.campaign.campaign.confidence == 0.9


@pytest.mark.parametrize("under_way", [True, False], ids=["under way", "still to come"])
async def test_a_look_of_before_does_not_hide_what_came_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under_way: bool
) -> None:
    workspace, repo = make_recipe(tmp_path)
    async with shown(workspace.path) as (app, pilot, _screen):
        await pilot.press("n")
        form = await at(pilot, NewCampaign)
        form.row(PROTOCOL).put("../protocol.json")
        form.row(REPO).put(str(repo))
        await until(pilot, lambda: "you are asked first" in texts(app))
        held = Held(monkeypatch, NewCampaign, "_looked_at", at=1 if under_way else 0)
        if under_way:
            form.row("tries").put("4")
            await until(pilot, lambda: held.begun)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        if not under_way:
            form.row("tries").put("5")  # word of it comes while the question is asked
            await until(pilot, lambda: form._looked is None)
        await pilot.press("n")
        await until(pilot, lambda: "Nothing was run" in texts(app))
        calls = held.calls
        await held.let_go(pilot)
        await pilot.pause(0 if under_way else 3 * CHECK_AFTER_S)
        assert "Nothing was run" in texts(app)
        assert held.calls == calls, "it was looked at once more"


async def test_loops_open_a_campaign_at_the_try_of_the_cursor(tmp_path: Path) -> None:
    make_campaign_of(tmp_path, STORY)
    app = app_on(tmp_path, "loops")
    async with app.run_test(size=(120, 40)) as pilot:
        loops = app.screen
        assert isinstance(loops, LoopsScreen)
        await until(pilot, lambda: loops.view is not None)
        await pilot.press("down", "enter")
        screen = await at(pilot, ResearchScreen)
        await until(pilot, lambda: screen._read_once and "DEPTH" in drawn(screen, "#tries"))
        assert screen.number == 5


async def test_a_new_try_moves_a_cursor_that_stands_on_the_newest(tmp_path: Path) -> None:
    folder = make_campaign_of(tmp_path, STORY[:2])
    async with shown(tmp_path) as (_app, pilot, screen):
        assert screen.number == 1
        other = make_campaign_of(tmp_path / "other", STORY[:3])
        other.iteration(3).rename(folder.iteration(3))
        await pilot.press("f5")
        await until(pilot, lambda: screen.number == 2)
        await pilot.press("end")
        assert screen.number == 0
        more = make_campaign_of(tmp_path / "more", STORY[:4])
        more.iteration(4).rename(folder.iteration(4))
        await pilot.press("f5")
        await until(pilot, lambda: screen.campaign and len(screen.campaign.tries) == 4)
        assert screen.number == 0
