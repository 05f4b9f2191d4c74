"""Fixes shown and made on the screen, edits seen at once, and places in files of any length."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from engine.checks.finding import Finding, error, warning
from engine.checks.fixes import Fix
from engine.differences import DiffLine, difference
from engine.fixing import Applied
from tests.tui.drive import app_on, texts, until
from tests.tui.make_runs import HOSTILE, make_run
from tui.app import FactoryApp
from tui.screens.file_view import FileScreen
from tui.screens.fixes import DiffView, FixList, FixScreen
from tui.screens.validate import ValidateScreen
from tui.views.excerpt import MAX_BYTES, excerpt
from tui.views.findings_view import place_like
from tui.views.fix_view import diff_rows, fix_cells, outcome, why_lines
from tui.widgets.file_view import FileView
from tui.widgets.findings_list import FindingsList
from tui.widgets.top_bar import TopBar

RUN = "2026-11-20-drone-router-2"
LEFT = ".report.md.abcd1234"


def options(app: FactoryApp) -> str:
    one = app.screen.query_one(FindingsList)
    return "\n".join(str(one.get_option_at_index(i).prompt) for i in range(one.option_count))


def bar(app: FactoryApp) -> str:
    return str(app.screen.query_one(TopBar).render())


def said(app: FactoryApp) -> str:
    return " ".join(one.message for one in app._notifications)


def uncounted(run: Path) -> bytes:
    """A record without its count, and a temporary file of an hour ago; the record's good bytes."""
    path = run / "eval-candidate.json"
    good = path.read_bytes()
    record = json.loads(good)
    record.pop("n")
    path.write_text(json.dumps(record, indent=2) + "\n")
    (run / LEFT).write_text("# half a rep")
    an_hour_ago = time.time() - 3600
    os.utime(run / LEFT, (an_hour_ago, an_hour_ago))
    return good


# --- without a screen -----------------------------------------------------------------------------


def test_the_cursor_finds_what_is_most_like_its_place() -> None:
    def one(message: str, pointer: str = "", file: str = "a.json") -> Finding:
        return error("rule", file, pointer, message, "fix")

    here = one("is 0.5", "/score")
    other = warning("other", "a.json", "", "w", "f")
    places: list[tuple[str, Finding | None]] = [
        ("a.json", None),
        ("a.json", other),
        ("a.json", one("elsewhere", "/n")),
        ("a.json", one("is 0.6", "/score")),
        ("b.json", one("is 0.5", "/score", "b.json")),
    ]
    assert place_like(here, "a.json", places) == 3
    assert place_like(here, "a.json", [*places, ("a.json", here)]) == 5
    assert place_like(here, "a.json", places[:3]) == 2
    assert place_like(here, "a.json", places[:2]) == 1
    assert place_like(None, "b.json", places) == 4
    assert place_like(here, "gone.json", places) is None and place_like(None, "a", []) is None


def test_fixes_are_written_with_signs_and_wrapped_to_the_width() -> None:
    fix = Fix("a\x1b[31m.json", ("Because.",), b"old\n", None, (), by_default=False)
    cells = "".join(cell.text for cell in fix_cells(fix, chosen=False))
    assert cells == "[ ] a␛[31m.json  removed"
    assert fix_cells(fix, chosen=True)[0].text == "[x] "
    assert why_lines(fix)[0][0].text.startswith("Not chosen by itself")
    rows = diff_rows([DiffLine("-", "-" + "日" * 30), DiffLine("+", "+\x1b[0m[b]x")], 20)
    assert [role for _, role in rows] == ["bad"] * 4 + ["good"]
    assert "".join(text.strip() for text, _ in rows[:4]) == "-" + "日" * 30
    assert rows[4][0] == "+␛[0m[b]x"
    assert outcome([Applied(fix), Applied(fix, "It changed.")]) == (
        "1 fix made. It changed.",
        False,
    )
    assert outcome([Applied(fix), Applied(fix)]) == ("2 fixes made.", True)


def test_a_long_file_is_shown_around_its_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("w") as file:
        for number in range(1, 400_001):
            file.write(f'{{"seq":{number}}}' + " " * 40 + "\n")
    assert path.stat().st_size > 4 * MAX_BYTES
    for line in (1, 2, 200_000, 399_999, 400_000):
        found = error("events-gap", "events.jsonl", "", "m", "f", line)
        shown = excerpt(path, found)
        assert shown.line == line and len(shown.text) <= MAX_BYTES
        lines = shown.text.split("\n")
        assert lines[line - shown.first].startswith(f'{{"seq":{line}}}')
        assert "Only 4 MB" in shown.note
    beginning = excerpt(path, None)
    assert beginning.first == 1 and beginning.line is None and "beginning" in beginning.note
    past = excerpt(path, error("r", "events.jsonl", "", "m", "f", 9_000_000))
    assert past.text == "" or past.first > 1


def test_the_place_in_files_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{\n "a": {"b": [\n  1,\n  {"c": NaN}]},\n "b": 2\n}\n')
    assert excerpt(path, error("r", "config.json", "/a/b/1/c", "m", "f")).line == 4
    assert excerpt(path, error("r", "config.json", "/a/gone", "m", "f")).line == 2
    path.write_text('{"a": 1,\n "b": [1, 2\n')
    assert excerpt(path, error("r", "config.json", "", "m", "f")).line == 2
    path.write_text("")
    assert excerpt(path, error("r", "config.json", "", "m", "f")).text == ""
    path.write_bytes(b"\xff\xfe\x00[")
    assert excerpt(path, error("r", "config.json", "/x", "m", "f")).line == 1
    report = tmp_path / "report.md"
    report.write_text("# a\n\nb")
    assert excerpt(report, error("r", "report.md", "", "m", "f", 3)).line == 3
    assert excerpt(report, error("r", "report.md", "", "m", "f", 30)).line == 3
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(OSError, match="no ordinary file"):
        excerpt(tmp_path / "pipe.json", None)


# --- on the screen --------------------------------------------------------------------------------


async def test_a_fix_is_shown_as_a_difference_and_made(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    uncounted(run)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "✎ 2 to fix (f)" in bar(app))
        assert "· ✎ eval-candidate.json does not say" in options(app)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixScreen))
        chosen = app.screen.query_one(FixList)
        assert [fix.file for fix in chosen.fixes] == [LEFT, "eval-candidate.json"]
        assert chosen.highlighted == 1  # the fix of the file at the cursor
        await pilot.press("home", "space", "down")
        view = app.screen.query_one(DiffView)
        await until(pilot, lambda: any('"n": 120' in text for text, _ in view._rows))
        assert ('+  "n": 120,', "good") in view._rows
        assert "n is counted from the rows" in texts(app)
        await pilot.press("enter")
        await until(pilot, lambda: "✎ 1 to fix" in bar(app))
        assert json.loads((run / "eval-candidate.json").read_text())["n"] == 120
        assert (run / LEFT).exists() and "1 fix made." in said(app)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixScreen))
        await pilot.press("a")
        chosen = app.screen.query_one(FixList)
        assert chosen.chosen == set()
        await pilot.click(FixList, offset=(6, 0))
        assert chosen.chosen == {0}
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ValidateScreen))
        assert (run / LEFT).exists()


async def test_a_fix_of_a_file_that_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    uncounted(run)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✎" in bar(app))
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixScreen))
        (run / "eval-candidate.json").write_text("{}")
        await pilot.click("#yes")
        await until(pilot, lambda: "changed since the difference was shown" in said(app))
        assert (run / "eval-candidate.json").read_text() == "{}"


async def test_without_a_fix_there_is_a_sentence(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✔ valid" in bar(app))
        await pilot.press("f")
        await until(pilot, lambda: "can be fixed without a judgement" in said(app))


@pytest.mark.alone
async def test_a_save_is_seen_at_once_and_the_cursor_keeps_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui.screens import validate

    monkeypatch.setattr(validate, "LOOK_EVERY_S", 600.0)  # only word from the system counts
    run = make_run(tmp_path, RUN)
    good = uncounted(run)
    (run / "dataset.json").write_text('{"dataset_id": "d"')
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "1 error" in bar(app))
        one = app.screen.query_one(FindingsList)
        one.highlighted = next(
            i
            for i in range(one.option_count)
            if "does not say" in str(one.get_option_at_index(i).prompt)
        )
        place = one.place
        checks = count_checks(app)
        await asyncio.sleep(0.5)  # the watch begins
        began = time.monotonic()
        (run / "config.json").write_text((run / "config.json").read_text()[:40])
        await until(pilot, lambda: "2 errors" in bar(app))
        took = time.monotonic() - began
        assert took < 2.0, "on a machine that does nothing else it is under 0.5 s"
        assert one.place == place and place is not None and place.finding is not None
        (run / "eval-candidate.json").write_bytes(good)
        await until(pilot, lambda: "does not say" not in options(app))
        assert one.place is not None and one.place.file == "eval-candidate.json"
        # Two saves, two checks (or three: an editor's save is several writes), and then quiet.
        await asyncio.sleep(1.0)
        assert len(checks) <= 4
        before = len(checks)
        await asyncio.sleep(1.0)
        assert len(checks) == before


def count_checks(app: FactoryApp) -> list[Any]:
    screen = app.screen
    assert isinstance(screen, ValidateScreen)
    taken: list[Any] = []
    take = screen._take

    def counted(*arguments: Any) -> None:
        taken.append(arguments)
        take(*arguments)

    setattr(screen, "_take", counted)  # noqa: B010 - mypy knows no method that is replaced
    return taken


async def test_edits_are_seen_where_the_system_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui import folder_watch
    from tui.screens import validate

    async def mute(*_: Any) -> Any:
        raise folder_watch.CannotWatch("no watch is left")
        yield

    monkeypatch.setattr(validate, "saves", mute)
    monkeypatch.setattr(validate, "LOOK_EVERY_S", 0.2)
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✔ valid" in bar(app))
        (run / "config.json").write_text("{")
        await until(pilot, lambda: "error" in bar(app))


async def test_f5_checks_again(tmp_path: Path) -> None:
    make_run(tmp_path, RUN)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✔ valid" in bar(app))
        checks = count_checks(app)
        await pilot.press("f5")
        await until(pilot, lambda: len(checks) == 1)


async def test_findings_are_filtered_by_a_text(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    uncounted(run)
    (run / "config.json").write_text("{")
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "error" in bar(app))
        one = app.screen.query_one(FindingsList)
        everything = one.option_count
        await pilot.press("slash", *"count")
        await until(pilot, lambda: one.option_count == 2)
        assert "eval-candidate.json" in options(app) and "does not say" in options(app)
        # What is saved meanwhile is filtered as well; enter goes back to the list.
        (run / "config.json").write_text("{ ")
        await pilot.press("enter")
        assert app.focused is one and one.option_count == 2
        await pilot.press("escape")
        await until(pilot, lambda: one.option_count == everything)
        await pilot.press("slash", *"nothing of the kind".replace(" ", "_"))
        await until(pilot, lambda: one.option_count == 0)
        await pilot.press("escape")
        assert getattr(app.screen, "ROOM", "") == "validate" and app.focused is one


async def test_two_hundred_findings_and_hostile_names(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    dataset = json.loads((run / "dataset.json").read_text())
    dataset["sources"] = [{"kind": HOSTILE} for _ in range(200)]
    (run / "dataset.json").write_text(json.dumps(dataset, indent=2))
    (run / "[red]\x1b[31m日本語.txt").write_text(HOSTILE)
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "✘ 200 errors" in bar(app))
        assert "\x1b" not in options(app) and "[red]␛[31m日本語.txt" in options(app)
        one = app.screen.query_one(FindingsList)
        await pilot.press("end", "up", "up")
        await until(pilot, lambda: one.highlighted is not None and one.highlighted > 150)
        one.highlighted = next(
            i
            for i in range(one.option_count)
            if "sources.199.path" in str(one.get_option_at_index(i).prompt)
        )
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        view = app.screen.query_one(FileView)
        lines = (run / "dataset.json").read_text().split("\n")
        assert view._marked is not None and "{" in lines[view._marked - 1]
        shown = [view.render_line(y) for y in range(view.size.height)]
        assert all(line.cell_length == view.size.width for line in shown)
        title = str(app.screen.query_one(".file-dialog").border_title)
        assert f"line {view._marked:,}" in title


async def test_an_open_file_is_shown_as_it_was_saved(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    (run / "config.json").write_text('{\n "a": 1,\n')
    app = app_on(tmp_path, "validate", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "error" in bar(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        view = app.screen.query_one(FileView)
        await until(pilot, lambda: view._marked == 2)
        (run / "config.json").write_text('{\n "a": 1,\n\n "bb": \n')
        await until(pilot, lambda: "bb" in view.render_line(3).text and view._marked == 4)
        assert "line 4" in str(app.screen.query_one(".file-dialog").border_title)
        await pilot.press("escape")


async def test_wide_signs_keep_the_width_when_scrolled(tmp_path: Path) -> None:
    app = app_on(tmp_path, "runs")
    async with app.run_test(size=(60, 12)) as pilot:
        view = FileView()
        await app.screen.mount(view)
        view.styles.height = 6
        view.put("日本語" * 60 + "\nplain\n\ttab\x1b[31m\n", 1)
        await pilot.pause()
        for x in (0, 1, 2, 7):
            view.scroll_to(x=x, animate=False)
            await pilot.pause()
            for y in range(3):
                assert view.render_line(y).cell_length == view.size.width
        assert isinstance(app.screen.query(Static).first(), Static)


def test_a_fix_that_takes_everything_away_shows_all_of_it() -> None:
    fix = Fix("x", (), b"a\nb\n", None, ())
    assert [line.text for line in difference(fix)] == ["@ line 1", "-a", "-b"]
