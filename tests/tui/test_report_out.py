"""What leaves the Report screen: copies, pages, sections for the clipboard, links."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, OptionList

from engine.answers.trace_review import Answered, RowKey, change_reviews, toggled
from engine.publish.report import write_report
from tests.tui.drive import app_on, texts, until
from tests.tui.make_runs import make_run
from tui.app import FactoryApp
from tui.clipboard import SAFE_BYTES
from tui.screens.ask_text import AskText
from tui.screens.file_view import FileScreen
from tui.screens.pick import Pick
from tui.screens.report import ReportScreen
from tui.views.report_links import link_to, links_of
from tui.widgets.confirm import Confirm
from tui.widgets.file_view import FileView
from tui.widgets.report_page import ReportPage
from tui.widgets.top_bar import TopBar

RUN = "2026-11-20-drone-router-2"


def is_shown(app: FactoryApp) -> bool:
    pages = [one for one in app.screen.query(ReportPage) if one.display]
    return any("# " in one.document.source and one.max_scroll_y >= 0 for one in pages)


def top(app: FactoryApp) -> str:
    return str(app.screen.query_one(TopBar).render())


async def test_the_section_that_is_read_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX", "here")
    write_report(make_run(tmp_path, RUN))
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: is_shown(app))
        await pilot.press(*["right_square_bracket"] * 7)
        await until(pilot, lambda: "Eval ·" in top(app))
        await pilot.press("y")
        assert app.clipboard.startswith("## Eval\n")
        assert app.clipboard.count("\n## ") == 0
        assert any("set-clipboard" in one.message for one in app._notifications)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: "Data ·" in top(app))
        # The last section cannot come to the top of the screen, and is gone to all the same.
        await pilot.press(*["right_square_bracket"] * 30)
        await until(pilot, lambda: "Fixes/Next Action · 100%" in top(app))
        await pilot.press("home")
        await until(pilot, lambda: "·" not in top(app))
        await pilot.press("Y")
        assert app.clipboard.startswith(f"# {RUN}\n")
        assert "## Fixes/Next Action" in app.clipboard


async def test_as_text_the_section_is_the_one_at_the_top(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    long = "word " * (SAFE_BYTES // 5 + 9)
    body = "\n".join(str(number) for number in range(60))
    (run / "report.md").write_text(f"# One\n\n## Two\n\n{body}\n\n## Three\n\n{body}\n{long}\n")
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: is_shown(app))
        await pilot.press("m")
        view = app.screen.query_one(FileView)
        await until(pilot, lambda: view.display)
        await pilot.press("right_square_bracket", "right_square_bracket")
        await until(pilot, lambda: view.scroll_offset.y == 65)
        await pilot.press("y")
        assert app.clipboard.startswith("## Three\n")
        warned = [one for one in app._notifications if one.severity == "warning"]
        assert any("at most" in one.message for one in warned)
        await pilot.press("left_square_bracket")
        await until(pilot, lambda: view.scroll_offset.y == 2)


async def test_a_page_and_a_copy_are_written(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    (run / "report.md").write_text("# One\n\nby hand <script>alert(1)</script>\n")
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: is_shown(app))
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("enter")
        page = tmp_path / "exports" / f"{RUN}.html"
        await until(pilot, page.exists)
        text = page.read_text()
        assert "<script" not in text and "&lt;script&gt;" in text and "by hand" in text
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        for name, wrong in ((f"runs/{RUN}/report.html", "evidence only"), ("x.pdf", "neither")):
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, AskText))
            app.screen.query_one(Input).value = name
            await pilot.press("enter")
            assert wrong in texts(app)
            await pilot.press("escape")
        page.write_text("old")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, AskText))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press("y")
        await until(pilot, lambda: page.read_text() != "old")
        assert (run / "report.md").read_text().startswith("# One")


async def test_links_open_the_browser_and_files_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, RUN)
    (run / "report.md").write_text(
        "# One\n\n[web](https://example.org/a) [file](config.json) [out](../../../etc/passwd)\n"
        "[bad](ftp://x) and eval\\-candidate.json\n"
    )
    opened: list[str] = []
    app = app_on(tmp_path, "report", RUN)
    monkeypatch.setattr(app, "open_url", opened.append)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: is_shown(app))
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        assert app.screen.query_one(OptionList).option_count == 5
        await pilot.press("enter")
        await until(pilot, lambda: opened == ["https://example.org/a"])
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Pick))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, FileScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ReportScreen))
        await app.screen.query_one(ReportPage).go("../../../etc/passwd")
        await until(pilot, lambda: any("outside" in one.message for one in app._notifications))
        monkeypatch.setenv("SSH_CONNECTION", "somewhere")
        await app.screen.query_one(ReportPage).go("https://example.org/b")
        await until(pilot, lambda: app.clipboard == "https://example.org/b")
        assert opened == ["https://example.org/a"]
        await pilot.press("e")
        await until(pilot, lambda: getattr(app.screen, "ROOM", "") == "examples")


def test_what_a_link_leads_to(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    assert link_to("#eval", run).kind == "place"
    assert link_to("javascript:alert(1)", run).kind == "refused"
    assert link_to("file:///etc/passwd", run).kind == "refused"
    assert link_to("a%20b.json", run).to == "a b.json"
    assert link_to("\0", run).kind == "refused"
    assert links_of("no link, no file.json", run, ["config.json"]) == []


async def test_tags_that_the_report_does_not_count_are_said(tmp_path: Path) -> None:
    run = make_run(tmp_path, RUN)
    write_report(run)
    key = RowKey("eval-candidate.json", "g001")
    answer = Answered(key, "drone-router-gold", "eval-candidate", "x")
    change_reviews(run, toggled({}, [answer], "wrong-command"))
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: any("reviewed since" in n.message for n in app._notifications))


async def test_the_card_is_made_and_opened_in_the_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path, RUN)
    opened: list[str] = []
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.setattr(FactoryApp, "open_url", lambda self, url, **more: opened.append(url))
    app = app_on(tmp_path, "report", RUN)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("b")
        await until(pilot, lambda: bool(opened))
    assert opened == [(run / "report-card.html").resolve().as_uri()]
    assert RUN in (run / "report-card.html").read_text()
    assert (run / "report-card.json").is_file()
