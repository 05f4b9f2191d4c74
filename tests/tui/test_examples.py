"""Examples: what is listed, what is marked as different, and what tags and exports leave behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine import checks
from engine.answers.trace_review import FILE
from engine.live.projected import ExampleView
from engine.records.trace_review import TITLES
from tests.tui.drive import app_on, texts, until, write
from tests.tui.make_runs import HOSTILE, make_run, make_workspace
from tui.app import FactoryApp
from tui.screens.ask_text import AskText
from tui.screens.example import ExampleScreen
from tui.screens.examples import ExamplesScreen, open_examples
from tui.screens.pick import Pick
from tui.views.examples_list import VIEWS
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.example_browser import ExampleBrowser
from tui.widgets.example_page import ExamplePage
from tui.widgets.example_rows import ExampleRows

RUN = "2026-11-20-drone-router-2"


def browser(app: FactoryApp) -> ExampleBrowser:
    return app.screen.query_one(ExampleBrowser)


def rows(app: FactoryApp) -> ExampleRows:
    return app.screen.query_one(ExampleRows)


def page(app: FactoryApp) -> str:
    """All lines of the example's page, also those that are scrolled away."""
    lines = app.screen.query_one(ExamplePage)._lines
    return "\n".join("".join(text for text, _ in line) for line in lines)


def listed(app: FactoryApp) -> list[str]:
    made = browser(app)
    return [made.index.examples[at].id for at in made.listing.shown]


def reviews(run: Path) -> list[dict[str, object]]:
    path = run / FILE
    return json.loads(path.read_text())["reviews"] if path.exists() else []


async def shown(pilot: Pilot[None], app: FactoryApp) -> None:
    """Wait until rows are listed and the one at the cursor is shown."""
    await until(
        pilot, lambda: any(one.page is not None for one in app.screen.query(ExampleBrowser))
    )


async def test_views_search_slices_and_sides(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, app)
        counts = dict(browser(app).listing.counts)
        # 120 and 120 examples; of the primary suite 113 are right, of the other 116.
        assert counts["all"] == 240 and counts["failing"] == 7 + 4 and counts["tagged"] == 0
        assert counts["flipped"] == counts["fixed"] + counts["broken"]
        assert "✘ wrong" in page(app) and "≠" in page(app)
        await pilot.press("right_square_bracket")
        await until(pilot, lambda: browser(app).choice.view == "broken" and listed(app))
        assert len(listed(app)) == counts["broken"]
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: len(listed(app)) == 240)
        await pilot.press("slash")
        await until(pilot, lambda: app.screen.query_one(Input).has_focus)
        await write(pilot, "TO 77")
        await until(pilot, lambda: listed(app) == ["g077", "g077"])
        await pilot.press("down")
        assert rows(app).has_focus and app.screen.query_one("#search").display
        await pilot.press("slash", "enter")
        assert rows(app).has_focus and not app.screen.query_one("#search").display
        views = app.screen.query_one("#views", ChoiceLine)
        await until(pilot, lambda: "“TO 77”   esc takes it away" in str(views.render()))
        await pilot.press("escape")
        await until(pilot, lambda: len(listed(app)) == 240)
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await write(pilot, "small")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExamplesScreen))
        await until(pilot, lambda: len(listed(app)) == 120)
        await pilot.press("b")
        await until(pilot, lambda: dict(browser(app).listing.counts)["failing"] == 2)
        assert "the baseline's answers are judged" in str(
            app.screen.query_one("#views", ChoiceLine).render()
        )
        await pilot.press("escape")  # the slice
        await until(pilot, lambda: len(listed(app)) == 240)
        await pilot.press("escape")  # the side
        await until(pilot, lambda: browser(app).choice.side == "candidate")


async def test_panes_pages_and_steps(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, app)
        first = rows(app).position
        await pilot.press("tab")
        assert app.screen.query_one(ExamplePage).has_focus
        await pilot.press("J")
        assert rows(app).position != first
        await pilot.press("K")
        assert rows(app).position == first
        await pilot.press("shift+tab")
        assert rows(app).has_focus
        await pilot.press("enter")
        assert not rows(app).display and app.screen.query_one(ExamplePage).has_focus
        await pilot.press("escape")
        assert rows(app).display and rows(app).has_focus
        assert "field" in page(app)
        await pilot.press("m")
        assert "[-" in page(app) and "{+" in page(app)
        assert app.remembered.get("examples.as_text", False) is True
        await pilot.press("end")
        await until(pilot, lambda: rows(app).position == browser(app).listing.shown[-1])


@pytest.mark.parametrize(("number", "name"), list(enumerate(TITLES, start=1)))
async def test_each_class_has_a_key(tmp_path: Path, number: int, name: str) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await shown(pilot, app)
        await pilot.press(str(number))
        await until(pilot, lambda: reviews(run))
        assert [one["failure_class"] for one in reviews(run)] == [name]
        line = app.screen.query_one("#classes", ChoiceLine)
        await until(pilot, lambda: "▸" in str(line.render()))  # behind the file
        await pilot.press(str(number))
        await until(pilot, lambda: not (run / FILE).exists())


async def test_tags_notes_offers_and_undo(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, app)
        bar = app.screen.query_one("#classes", ChoiceLine)
        assert "?2 wrong argument" in str(bar.render())
        assert reviews(run) == []  # what is offered is stored by nobody
        await pilot.press("space", "space")
        assert len(rows(app).marked) == 2
        await pilot.press("y")
        await until(pilot, lambda: len(reviews(run)) == 2)
        assert {one["failure_class"] for one in reviews(run)} == {"wrong-argument"}
        await pilot.press("1")
        await until(pilot, lambda: {r["failure_class"] for r in reviews(run)} == {"wrong-command"})
        await pilot.press("u")
        await until(pilot, lambda: {r["failure_class"] for r in reviews(run)} == {"wrong-argument"})
        await pilot.press("escape")
        assert rows(app).marked == set()
        await pilot.press("s")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await write(pilot, "wrong arg")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExamplesScreen) and len(listed(app)) == 2)
        assert browser(app).choice.view == "tagged"
        await pilot.press("escape", "left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: browser(app).choice.view == "fixed")
        await pilot.press("left_square_bracket", "left_square_bracket")
        await until(pilot, lambda: len(listed(app)) == 11)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await write(pilot, "off by one")
        await pilot.press("enter")
        await until(pilot, lambda: any(one["note"] == "off by one" for one in reviews(run)))
        await until(pilot, lambda: isinstance(app.screen, ExamplesScreen))
        await pilot.press("u", "u")
        await until(pilot, lambda: reviews(run) == [])
        await pilot.press("u")
        await until(pilot, lambda: any("nothing to undo" in n.message for n in app._notifications))


async def test_a_decided_run_is_annotated_and_its_evidence_is_not(tmp_path: Path) -> None:
    make_workspace(tmp_path)
    run = tmp_path / "runs" / "2026-11-19-drone-router"
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    app = app_on(tmp_path, "examples", run.name)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, app)
        await pilot.press("3")
        await until(pilot, lambda: reviews(run))
    after = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    assert after.pop(FILE) and after == before
    findings = [one for one in checks.check_folder(run) if one.file == FILE]
    assert findings == []


async def test_an_export_says_that_its_rows_are_held_out(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, app)
        await pilot.press("a")
        assert rows(app).marked == set(browser(app).listing.shown)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        assert "Held-out rows must not be trained on" in texts(app)
        entry = app.screen.query_one(Input)
        entry.value = f"runs/{RUN}/x.jsonl"
        await pilot.press("enter")
        assert "evidence only" in texts(app)
        entry.value = "new/rows.jsonl"
        await pilot.press("enter")
        path = tmp_path / "new" / "rows.jsonl"
        await until(pilot, path.exists)
        found = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(found) == 11
        assert {one["origin"] for one in found} == {"gold:drone-router-gold", "gold:small-skills"}
        assert [turn["role"] for turn in found[0]["messages"]] == ["user", "assistant"]
        await until(pilot, lambda: isinstance(app.screen, ExamplesScreen))
        await pilot.press("a")
        assert rows(app).marked == set()


async def test_hostile_rows_are_text_and_the_folder_may_change(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN, rows=False)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "no scored rows yet" in rows(app).render_line(0).text)
        said = [rows(app).render_line(y).text for y in range(3)]
        assert "its evaluation stages write them." in " ".join(" ".join(said).split())
        await pilot.press("1", "x", "t", "s")
        assert isinstance(app.screen, ExamplesScreen) and not (run / FILE).exists()
        row = {
            "id": HOSTILE,
            "prompt": HOSTILE * 3000,
            "expected": "日本語 " * 50,
            "got": "\x1b]52;c;AAAA\x07" + "x" * 70_000,
            "score": 0,
            "correct": False,
        }
        text = json.dumps(row) + "\nnot json\n" + json.dumps({"id": 3}) + "\n"
        (run / "rows-candidate.jsonl").write_text(text)
        await shown(pilot, app)
        drawn = page(app) + texts(app)
        assert "\x1b" not in drawn and "\u202e" not in drawn and "\x07" not in drawn
        assert "more characters, in the rows file only" in page(app)
        assert "line 2 is not JSON; line 3" in texts(app)
        (run / FILE).write_text("{")
        await until(pilot, lambda: "trace-review.json" in texts(app))
        await pilot.press("1")
        await until(pilot, lambda: any(FILE in n.message for n in app._notifications))
        assert (run / FILE).read_text() == "{"


async def test_others_open_it_with_a_view_and_an_example(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        open_examples(app, RUN, "flipped")
        await shown(pilot, app)
        assert browser(app).choice.view == "flipped"
        wanted = listed(app)[5]
        open_examples(app, RUN, "flipped", wanted)
        await until(pilot, lambda: browser(app).page and browser(app).page.id == wanted)
        assert set(VIEWS) == set(dict(browser(app).listing.counts))


async def test_an_example_of_a_run_that_goes_on_is_shown_with_what_differs(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "validate", RUN)
    wrong = '{"cmd":"land"}', '{"cmd":"rtl"}'
    view = ExampleView("eval-candidate", "gold", "7", 0, False, HOSTILE, *wrong, "cmd", 1)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(ExampleScreen(view))
        await until(pilot, lambda: app.screen.query(ExamplePage))
        assert "≠ " in page(app) and "\x1b" not in page(app) and "not recorded" not in page(app)
        await pilot.press("m")
        assert "[-land-]" in page(app) and "{+rtl+}" in page(app)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ExampleScreen))


async def test_the_other_rooms_are_one_key_away(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, app)
        for key, room in (("d", "decide"), ("v", "validate"), ("r", "report")):
            await pilot.press(key)
            await until(pilot, lambda room=room: getattr(app.screen, "ROOM", "") == room)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, ExamplesScreen))


async def test_the_mouse_chooses_views_rows_and_classes(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "examples", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, app)
        await pilot.click("#views", offset=(20, 0))
        await until(pilot, lambda: browser(app).choice.view == "broken")
        await pilot.click("#list", offset=(20, 3))
        await until(pilot, lambda: rows(app).position == browser(app).listing.shown[2])
        await until(pilot, lambda: browser(app).page.id == listed(app)[2])
        await pilot.click("#classes", offset=(5, 0))
        await until(pilot, lambda: [r["failure_class"] for r in reviews(run)] == ["wrong-command"])
