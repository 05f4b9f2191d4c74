"""Deciding a run by keys: refusal, override, the record before it is written, reading it after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static, TextArea

from engine import checks
from engine.checks.finding import Severity
from engine.live.projection import RunProjection
from tests.tui.drive import app_on, texts, until, write
from tests.tui.make_runs import SHIP, artifact, make_run
from tui.app import FactoryApp
from tui.views.live_view import state_words
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
        await until(pilot, lambda: "u takes it back while you are here" in texts(app))
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
        assert "Routing is needed." in texts(app)
        fill(app, "routing", "Only behind the router.")
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
    artifact = json.loads((run / "artifact.json").read_text())
    assert artifact["routing_constraint"] == "Only behind the router."
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


def drafts(workspace: Path) -> dict[str, Any]:
    path = workspace / ".factory" / "drafts" / f"{RUN}.json"
    found: dict[str, Any] = json.loads(path.read_text())["drafts"] if path.exists() else {}
    return found


async def test_what_was_typed_is_a_draft_that_survives_the_app(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(Field))
        await write(pilot, "half a reason")
        await pilot.press("escape", "p")
        await until(pilot, lambda: any(f.key == "blocked_by" for f in app.screen.query(Field)))
        fill(app, "blocked_by", "the owner")
        await pilot.pause()
    assert drafts(tmp_path)["reject"]["answers"] == {"reason": "half a reason"}
    assert drafts(tmp_path)["park"]["answers"]["blocked_by"] == "the owner"
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: texts(app).count("✎ draft from") == 2)
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(Field))
        entry = field(app, "reason").entry
        assert isinstance(entry, TextArea) and entry.text == "half a reason"
        # An emptied form is no draft.
        entry.text = ""
        await until(pilot, lambda: set(drafts(tmp_path)) == {"park"})


async def test_a_draft_is_gone_once_it_is_recorded(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("s")
        await until(pilot, lambda: app.screen.query(Field))
        await write(pilot, "Good.")
        await until(pilot, lambda: "ship" in drafts(tmp_path))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        await pilot.press("ctrl+s")
        await until(pilot, (run / "report.md").exists)
        await until(pilot, lambda: not drafts(tmp_path))


@pytest.mark.parametrize("text", ["{", "[1]", '{"drafts": {"reject": {"answers": 3}}}', "\0" * 9])
async def test_a_broken_draft_stops_nothing(tmp_path: Path, text: str) -> None:
    make_run(tmp_path, RUN)
    path = tmp_path / ".factory" / "drafts" / f"{RUN}.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("x")
        await until(pilot, lambda: app.screen.query(Field))
        entry = field(app, "reason").entry
        assert isinstance(entry, TextArea) and entry.text == ""


async def test_many_lines_are_pasted_into_a_field(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("p")
        await until(pilot, lambda: app.screen.query(Field))
        text = "First line.\n  - a list\n[b]no markup[/b] \x1b[31m日本語\n" + "long " * 200
        app.post_message(events.Paste(text))
        entry = field(app, "reason").entry
        await until(pilot, lambda: isinstance(entry, TextArea) and "First line." in entry.text)
        for name in ("failure_reason", "lesson"):
            fill(app, name, "x")
        fill(app, "confidence", "inferred")
        field(app, "blocked_by").entry.focus()
        await pilot.pause()
        app.post_message(events.Paste("the owner\n\nthe licence; a new gold set\n"))
        await until(pilot, lambda: "licence" in drafts_of(app, "blocked_by"))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        assert "First line." in texts(app) and "\x1b" not in texts(app)
        await pilot.press("ctrl+s")
        await until(pilot, (run / "decision.json").exists)
    record = json.loads((run / "decision.json").read_text())
    assert record["reason"].startswith("First line.\n  - a list\n[b]no markup[/b]")
    assert record["blocked_by"] == ["the owner", "the licence", "a new gold set"]


def drafts_of(app: FactoryApp, name: str) -> str:
    form = pane(app).form
    return form.answers.get(name, "") if form is not None else ""


async def decide_to_ship(pilot: Any, app: FactoryApp, run: Path) -> None:
    await until(pilot, lambda: "3 of 3 pass" in texts(app))
    await pilot.press("s")
    await until(pilot, lambda: app.screen.query(Field))
    await write(pilot, "Both hold.")
    await pilot.press("ctrl+s")
    await until(pilot, lambda: isinstance(app.screen, RecordDialog))
    await pilot.press("ctrl+s")
    await until(pilot, lambda: "takes it back while you are here" in texts(app))
    assert (run / "decision.json").exists()


async def test_a_decision_is_taken_back_until_one_leaves(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("u")
        await decide_to_ship(pilot, app, run)
        await pilot.press("u")
        await until(pilot, lambda: app.screen.query(Field))
        assert not (run / "decision.json").exists() and not (run / "artifact.json").exists()
        entry = field(app, "reason").entry
        assert isinstance(entry, TextArea) and entry.text == "Both hold."
        assert json.loads((run / "run-status.json").read_text())["phase"] == "reporting"
        assert '"decision-withdrawn"' in (run / "events.jsonl").read_text()
        # It can be decided again, and that stays once one has left.
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "takes it back while you are here" in texts(app))
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "This run is decided" in texts(app))
        assert "takes it back" not in texts(app)
        await pilot.press("u")
        await pilot.pause()
        assert (run / "decision.json").exists()


async def test_what_another_process_changed_is_not_taken_back(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await decide_to_ship(pilot, app, run)
        (run / "report.md").write_text("someone else's")
        await pilot.press("u")
        await until(
            pilot, lambda: any("report.md changed" in n.message for n in app._notifications)
        )
        assert (run / "decision.json").exists()
        assert (run / "report.md").read_text() == "someone else's"


async def test_a_new_view_of_a_decided_run_names_the_one_before(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN, decision=SHIP)
    (run / "artifact.json").write_text(json.dumps(artifact(RUN)))
    first = (run / "decision.json").read_bytes()
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "This run is decided" in texts(app))
        await pilot.press("N")
        await until(pilot, lambda: "supersedes “ship”" in texts(app))
        await pilot.press("escape")
        await until(pilot, lambda: "This run is decided" in texts(app))
        await pilot.press("N", "x")
        await until(pilot, lambda: app.screen.query(Field))
        for name in ("reason", "failure_reason", "lesson"):
            fill(app, name, f"new {name}")
        fill(app, "confidence", "exact")
        await pilot.pause()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, RecordDialog))
        assert "kept as decision-1.json" in texts(app) and '"supersedes"' in texts(app)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "supersedes decision-1.json" in texts(app))
        assert (run / "decision-1.json").read_bytes() == first
        assert json.loads((run / "decision.json").read_text())["decision"] == "reject"
        await pilot.press("u")
        await until(pilot, lambda: app.screen.query(Field))
        assert (run / "decision.json").read_bytes() == first
        assert not (run / "decision-1.json").exists()


async def test_a_refusal_at_the_last_moment_is_listed_with_its_way_out(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("s")
        await until(pilot, lambda: app.screen.query(Field))
        await write(pilot, "Good.")
        config = json.loads((run / "config.json").read_text())
        config["eval"]["threshold"]["primary_min"] = 0.1
        (run / "config.json").write_text(json.dumps(config))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Nothing was written:" in texts(app))
        assert "The bound primary_min is 0.1" in texts(app) and "→ Set primary_min" in texts(app)
        assert field(app, "reason").entry is not None and not (run / "decision.json").exists()


async def test_flips_open_the_examples(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("f")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "examples")


async def test_without_flips_there_is_a_sentence(tmp_path: Path) -> None:
    make_run(tmp_path, RUN, rows=False)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "Gates" in texts(app))
        await pilot.press("f")
        await until(pilot, lambda: any("No example" in n.message for n in app._notifications))


async def test_a_decided_run_is_read_only(tmp_path: Path) -> None:
    make_run(tmp_path, RUN, decision={**SHIP, "reason": "[b]bold[/b] \x1b[31mred"})
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "This run is decided, and that stays." in texts(app))
        assert "[b]bold[/b] ␛[31mred" in texts(app) and "\x1b" not in texts(app)
        await pilot.press("x", "ctrl+s")
        await pilot.pause()
        assert not app.screen.query(Field) and not isinstance(app.screen, RecordDialog)


async def test_a_long_record_is_scrolled_with_keys(tmp_path: Path) -> None:
    make_run(tmp_path, RUN, decision={**SHIP, "reason": "line\n" * 60})
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "This run is decided" in texts(app))
        await pilot.press("tab")
        assert app.focused is pane(app)
        await pilot.press("end")
        await until(pilot, lambda: pane(app).scroll_y > 30)


async def test_tab_and_back_through_the_fields(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "decide", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "3 of 3 pass" in texts(app))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.focused, TextArea))
        first = app.focused
        await pilot.press("tab")
        assert app.focused is not first
        await pilot.press("shift+tab")
        assert app.focused is first


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


async def test_keys_of_a_choice_that_come_in_one_burst_are_the_choice_s(tmp_path: Path) -> None:
    choice = Choice({"exact": "", "inferred": "", "missing": ""})

    class Asking(App[None]):
        BINDINGS: ClassVar[list[BindingType]] = [
            Binding("tab", "app.focus_next", priority=True),
        ]

        def compose(self) -> ComposeResult:
            yield choice
            yield TextArea()

    async with Asking().run_test() as pilot:
        choice.focus()
        await pilot.pause()
        for key in ("right", "right", "tab", "l"):
            pilot.app.post_message(events.Key(key, "l" if key == "l" else None))
        await pilot.pause()
        assert choice.value == "inferred"
        assert pilot.app.query_one(TextArea).text == "l"


def test_a_run_that_ended_without_a_decision_is_not_said_to_be_reporting_still() -> None:
    projection = RunProjection()
    assert state_words(projection, {"phase": "reporting"}, "idle") == ("◆ to decide", "accent")
    assert state_words(projection, {"phase": "reporting"}, "running")[0] == "▶ reporting"
    assert state_words(projection, {"phase": "trained"}, "idle")[0] == "· trained"
