"""The report: rendered, as text, made anew, and what is said where there is none."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Markdown, MarkdownViewer

from tests.tui.drive import app_on, texts, until
from tests.tui.make_runs import make_run
from tui.app import FactoryApp
from tui.widgets.confirm import Confirm
from tui.widgets.file_view import FileView

RUN = "2026-11-20-drone-router-2"


def viewer(app: FactoryApp) -> MarkdownViewer:
    return app.screen.query_one(MarkdownViewer)


async def test_a_missing_report_is_offered_and_written(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "This run has no report yet" in texts(app))
        await pilot.press("m")
        await pilot.press("w")
        await until(pilot, lambda: viewer(app).display and (run / "report.md").exists())
        source = app.screen.query_one(Markdown).source
        assert source.startswith(f"# {RUN}") and viewer(app).show_table_of_contents
        await pilot.press("o")
        assert not viewer(app).show_table_of_contents


async def test_text_and_back(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    (run / "report.md").write_text("# One\n\n- [b]x[/b] \x1b[31m\n")
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: viewer(app).display)
        assert "\x1b" not in app.screen.query_one(Markdown).source
        assert not viewer(app).show_table_of_contents
        await pilot.press("m")
        view = app.screen.query_one(FileView)
        await until(pilot, lambda: view.display and "# One" in view.render_line(0).text)
        assert "- [b]x[/b] ␛[31m" in view.render_line(2).text
        await pilot.press("m")
        await until(pilot, lambda: viewer(app).display)


async def test_what_was_added_by_hand_is_not_lost_without_asking(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    (run / "report.md").write_text("# mine\n")
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: viewer(app).display)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Confirm))
        assert (run / "report.md").read_text() == "# mine\n"
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: (run / "report.md").read_text() != "# mine\n")
        await until(pilot, lambda: RUN in app.screen.query_one(Markdown).source)
        await pilot.press("w")
        await until(pilot, lambda: any("already" in one.message for one in app._notifications))


async def test_a_very_long_report_is_shown_as_text(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    (run / "report.md").write_bytes(b"word \xff\n" * 100_000)
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        view = app.screen.query_one(FileView)
        await until(pilot, lambda: view.display and "word" in view.render_line(0).text)
        await pilot.press("m")
        assert view.display


async def test_the_report_follows_the_file(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    (run / "report.md").write_text("# first\n")
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "first" in app.screen.query_one(Markdown).source)
        (run / "report.md").write_text("# second one\n")
        await until(pilot, lambda: "second" in app.screen.query_one(Markdown).source)
        (run / "report.md").unlink()
        await until(pilot, lambda: "This run has no report yet" in texts(app))
