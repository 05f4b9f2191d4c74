"""Deciding a run by keys: refusal, override, the record before it is written, reading it after."""

from __future__ import annotations

import json
from pathlib import Path

from textual.widgets import Static, TextArea

from engine import checks
from engine.checks.finding import Severity
from tests.tui.drive import app_on, texts, until, write
from tests.tui.make_runs import SHIP, make_run
from tui.app import FactoryApp
from tui.widgets.confirm import Confirm
from tui.widgets.decision_pane import DecisionPane
from tui.widgets.field import Choice, Field
from tui.widgets.record_dialog import RecordDialog

RUN = "2026-11-20-drone-router-2"


def pane(app: FactoryApp) -> DecisionPane:
    return app.screen.query_one(DecisionPane)


def field(app: FactoryApp, name: str) -> Field:
    return next(one for one in app.screen.query(Field).results() if one.key == name)


def fill(app: FactoryApp, name: str, text: str) -> None:
    entry = field(app, name).entry
    if isinstance(entry, TextArea):
        entry.text = text
    else:
        entry.value = text


def errors(run: Path) -> list[str]:
    return [one.message for one in checks.check_folder(run) if one.severity is Severity.ERROR]


async def test_ships_a_run_whose_gates_pass(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("s")
        await until(pilot, lambda: app.screen.query(Field))
        await write(pilot, "Both gates hold.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        assert '"decision": "ship"' in texts(app) and "Both gates hold." in texts(app)
        assert not (run / "decision.json").exists()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: (run / "report.md").exists())
        await until(pilot, lambda: "This run is decided, and that stays." in texts(app))
    record = json.loads((run / "decision.json").read_text())
    assert record["decision"] == "ship" and record["reason"] == "Both gates hold."
    assert json.loads((run / "artifact.json").read_text())["shipped"] is True
    assert errors(run) == []


async def test_ship_is_refused_with_the_reasons_and_can_be_overridden(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN, breadth=(0.98, 0.18))
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "2 of 3 pass" in texts(app))
        assert "refused" in texts(app)
        await pilot.press("s")
        await until(pilot, lambda: app.screen.query(Field))
        assert "Ship is refused:" in texts(app) and "drop of 80.0 pp" in texts(app)
        fill(app, "reason", "The router asks nothing else of it.")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert not isinstance(app.screen, RecordDialog)
        assert "Type 2026-11-20-drone-router-2 to ship" in texts(app)
        fill(app, "why:breadth_drop_max_pp", "It is only reached through the router.")
        fill(app, "typed_name", RUN)
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: (run / "report.md").exists())
    record = json.loads((run / "decision.json").read_text())
    assert record["overrides"][0]["gate"] == "breadth_drop_max_pp"
    assert record["overrides"][0]["why"] == "It is only reached through the router."
    assert errors(run) == []


async def test_rejecting_asks_for_the_failure_and_the_lesson(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN, breadth=(0.98, 0.18))
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "2 of 3 pass" in texts(app))
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(Field))
        await pilot.press("ctrl+s")
        await pilot.pause()
        wrong = [one.key for one in app.screen.query(Field).results() if one.has_class("-wrong")]
        assert wrong == ["reason", "failure_reason", "confidence", "lesson"]
        await write(pilot, "It forgot.")
        await pilot.press("tab")
        await write(pilot, "no replay")
        await pilot.press("tab", "right", "tab")
        await write(pilot, "mix old rows in")
        assert isinstance(field(app, "confidence").entry, Choice)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, RecordDialog))
        assert not (run / "decision.json").exists()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        await pilot.click("#write")
        await until(pilot, lambda: (run / "report.md").exists())
    record = json.loads((run / "decision.json").read_text())
    assert (record["decision"], record["failure_reason"]) == ("reject", "no replay")
    assert record["failure_reason_confidence"] == "exact"
    assert errors(run) == []


async def test_what_was_typed_stays_when_another_decision_is_chosen(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(Field))
        await write(pilot, "kept")
        await pilot.press("escape", "p")
        await until(pilot, lambda: any(f.key == "blocked_by" for f in app.screen.query(Field)))
        entry = field(app, "reason").entry
        assert isinstance(entry, TextArea) and entry.text == "kept"


async def test_leaving_a_half_filled_form_asks(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        app.show("decide", RUN)
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(Field))
        await write(pilot, "half")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "runs")


async def test_a_decided_run_is_read_only(tmp_path: Path) -> None:
    make_run(tmp_path, RUN, decision={**SHIP, "reason": "[b]bold[/b] \x1b[31mred"})
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "This run is decided, and that stays." in texts(app))
        assert "[b]bold[/b] ␛[31mred" in texts(app) and "\x1b" not in texts(app)
        await pilot.press("x", "ctrl+s")
        await pilot.pause()
        assert not app.screen.query(Field) and not isinstance(app.screen, RecordDialog)


async def test_a_run_that_cannot_be_used_says_why(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    (run / "config.json").write_text('{"run_id": ')
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "config.json cannot be used" in texts(app))
        await pilot.press("s")
        await until(pilot, lambda: "cannot be overridden" in texts(app))
        assert not app.screen.query(Field)


async def test_a_run_that_is_gone_says_so(tmp_path: Path) -> None:
    make_run(tmp_path, "2026-11-20-other")
    app = app_on(tmp_path, "decide", "2026-11-20-gone")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "cannot be listed" in texts(app))
        await pilot.press("s")
        assert not app.screen.query(Field)


async def test_kinds_are_chosen_by_a_click(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        rows = list(app.screen.query(".kind").results(Static))
        await pilot.click(rows[5])
        await until(pilot, lambda: any(f.key == "blocked_by" for f in app.screen.query(Field)))
