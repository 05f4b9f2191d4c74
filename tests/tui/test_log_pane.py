"""The log pane through a pilot: every key of it, with what it does; a log that changes under it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from engine.supervise.train_log import LOG, TrainLog
from tests.tui.drive import app_on, until, write
from tests.tui.fake_run import FakeRun
from tui.app import FactoryApp
from tui.log.pager import COPIED, harmless_copy, holds_links, pager_command
from tui.widgets.log_lines import LogLines
from tui.widgets.log_pane import LogPane

RUN = "2026-11-20-drone-router-3"


@pytest.fixture
def run(tmp_path: Path) -> FakeRun:
    one = FakeRun(tmp_path / "runs" / RUN)
    log = TrainLog(one.folder)
    log.write("data", "stdout", b"rows written\n")
    for number in range(200):
        log.write("train", "stdout", b"step %d loss %d\n" % (number, number % 7))
        if number % 40 == 0:
            log.write("train", "stderr", b"\x1b[31mwarning %d\x1b[0m\n" % number)
    log.close()
    one.status("training")
    return one


class Driven:
    """Live with its log at full size and in focus."""

    def __init__(self, app: FactoryApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    @property
    def pane(self) -> LogPane:
        return self.app.screen.query_one(LogPane)

    @property
    def lines(self) -> LogLines:
        return self.app.screen.query_one(LogLines)

    @property
    def shown(self) -> list[str]:
        return [row.line.text for row in self.lines._rows]

    @property
    def title(self) -> str:
        return str(self.pane.border_title)

    @property
    def at(self) -> str:
        """The text of the line with the cursor."""
        rows = (row.line.text for row in self.lines._rows if row.start == self.lines.cursor)
        return next(rows, "")

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, holds: Any) -> None:
        await until(self.pilot, holds)


@contextlib.asynccontextmanager
async def opened(run: FakeRun, rows: int = 206) -> AsyncIterator[Driven]:
    app = app_on(run.folder.parent.parent, "live", RUN)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await pilot.press("l")
        driven = Driven(app, pilot)
        await driven.until(lambda: driven.pane.reader.total == rows and driven.shown)
        yield driven


async def test_it_follows_until_one_leaves_the_end_and_f_follows_again(run: FakeRun) -> None:
    async with opened(run) as log:
        assert log.shown[-1] == "step 199 loss 3" and log.lines.following
        await log.press("home")
        await log.until(lambda: log.shown[0] == "rows written")
        assert "f follows again" in log.title and not log.lines.following
        run.log("new\n")
        await log.until(lambda: log.pane.reader.total == 207)
        await log.pilot.pause(0.2)
        assert log.shown[0] == "rows written", "what one reads stays where it is"
        await log.press("f")
        await log.until(lambda: log.shown[-1] == "new")
        assert log.lines.following and "follows again" not in log.title


async def test_search_goes_up_from_the_end_and_n_and_N_go_on(run: FakeRun) -> None:
    async with opened(run) as log:
        await log.press("slash")
        await write(log.pilot, "WARNING ")
        await log.press("enter")
        await log.until(lambda: "not found /WARNING" in log.title)
        await log.press("slash")
        assert log.pane.query_one(Input).value == "WARNING ", "the last one, to be mended"
        await write(log.pilot, "warning ")
        await log.press("enter")
        await log.until(lambda: log.at == "warning 160")
        assert "5 of 5 /warning" in log.title
        await log.press("N")
        await log.until(lambda: log.at == "warning 120" and "4 of 5" in log.title)
        await log.press("n", "n")
        await log.until(lambda: log.at == "warning 0" and "1 of 5" in log.title)
        await log.press("escape")
        await log.until(lambda: "warning" not in log.title)
        await log.press("n")
        assert any("Nothing was searched yet" in str(n.message) for n in log.app._notifications)


async def test_a_filter_keeps_matching_lines_and_can_be_turned_round(run: FakeRun) -> None:
    async with opened(run) as log:
        await log.press("ampersand")
        await write(log.pilot, "loss 3")
        await log.press("enter")
        await log.until(lambda: "28 lines" not in log.title and "29 lines" in log.title)
        assert all("loss 3" in text for text in log.shown)
        await log.press("ampersand", "exclamation_mark")
        await write(log.pilot, "step")
        await log.press("enter")
        await log.until(lambda: log.pane.reader.total == 6)
        await log.until(lambda: log.shown[:2] == ["rows written", "warning 0"])
        await log.press("escape")
        await log.until(lambda: log.pane.reader.total == 206)


async def test_a_pattern_that_could_search_for_ever_is_refused_in_words(run: FakeRun) -> None:
    async with opened(run) as log:
        await log.press("slash")
        log.pane.query_one(Input).value = "(a+)+$"
        await log.press("enter")
        await log.until(
            lambda: any("search for ever" in str(n.message) for n in log.app._notifications)
        )
        assert log.pane.query_one(Input).has_class("-open"), "it can be mended"


async def test_streams_and_stages_apart(run: FakeRun) -> None:
    async with opened(run) as log:
        assert log.lines.marks and "! is stderr" in log.title
        strips = [log.lines.render_line(y).text for y in range(len(log.shown))]
        await log.press("o")
        await log.until(lambda: "stdout only" in log.title and log.pane.reader.total == 201)
        await log.press("o")
        await log.until(lambda: "stderr only" in log.title and log.pane.reader.total == 5)
        assert log.lines.render_line(0).text.startswith("! warning 0")
        await log.press("o", "t")
        await log.until(lambda: "stage data" in log.title and log.shown == ["rows written"])
        await log.press("t")
        await log.until(lambda: "stage train" in log.title and log.pane.reader.total == 205)
        await log.press("t")
        await log.until(lambda: log.pane.reader.total == 206)
        assert all(strip.startswith(("  ", "! ")) for strip in strips)


async def test_the_line_or_the_chosen_lines_are_copied_without_codes(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[str] = []
    monkeypatch.setattr(App, "copy_to_clipboard", lambda self, text: copied.append(text))
    async with opened(run) as log:
        await log.press("y")
        assert copied == ["step 199 loss 3"]
        await log.press("slash", "w", "a", "r", "enter")
        await log.until(lambda: log.at == "warning 160")
        await log.press("space", "up", "up")
        assert "choosing, y copies" in log.title
        await log.press("y")
        assert copied[-1] == "step 159 loss 5\nstep 160 loss 6\nwarning 160"
        assert "choosing" not in log.title


async def test_it_opens_in_the_pager_and_the_editor_at_the_line(
    run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened_with: list[list[str]] = []

    @contextlib.contextmanager
    def suspended(self: App[None]) -> Iterator[None]:
        yield

    def ran(command: list[str], **_: object) -> Any:
        opened_with.append(command)
        return type("Done", (), {"returncode": 0})

    monkeypatch.setattr(App, "suspend", suspended)
    monkeypatch.setattr("tui.log.pager.subprocess.run", ran)
    monkeypatch.setenv("PAGER", "less -S")
    monkeypatch.setenv("EDITOR", "vim")
    monkeypatch.delenv("VISUAL", raising=False)
    path = str(run.folder.resolve() / LOG)
    async with opened(run) as log:
        await log.press("slash", "r", "o", "w", "s", "enter")
        await log.until(lambda: log.at == "rows written")
        await log.press("down", "p")
        assert opened_with == [["less", "-S", "-R", "+13P", path]]
        await log.press("E")
        await log.until(lambda: len(opened_with) == 2)
        assert opened_with[1] == ["vim", "+2", path]


def test_pagers_other_than_less_open_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "moar --wrap")
    assert pager_command(Path("a log"), 5) == ["moar", "--wrap", "a log"]
    monkeypatch.setenv("PAGER", "it's broken")
    assert pager_command(Path("x"), 5) == ["it's broken", "x"]
    monkeypatch.delenv("PAGER")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert pager_command(Path("x"), 5) is None


HOSTILE = (
    b"a\x1b]8;;http://evil\x07link\x1b]8;;\x07 \x1b[31mred\x1b[0m \x1b]52;c;eA==\x07\xc2\x9d\x08b\n"
)


def test_no_pager_gets_what_a_terminal_obeys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "train.log"
    log.write_bytes(HOSTILE)
    monkeypatch.setenv("PAGER", "less")
    assert pager_command(log, 5) == ["less", "+5P", str(log)]
    log.write_bytes(b"x" * (COPIED - 1) + b"\x1b]0;title\x07")
    assert holds_links(log), "cut between two pieces"
    log.write_bytes(b"\x1b[31mred\x1b[0m\n")
    assert pager_command(log, 5) == ["less", "-R", "+5P", str(log)]
    log.write_bytes(HOSTILE)
    with harmless_copy(log, 0) as copy:
        assert copy.read_bytes() == b"alink red b\n"
        assert copy.stat().st_mode & 0o077 == 0 or copy.parent.stat().st_mode & 0o077 == 0
    assert not copy.exists()


async def test_the_mouse_chooses_lines_and_long_ones_move_sideways(run: FakeRun) -> None:
    run.log("a long line " + "x" * 300 + " end\n")
    app = app_on(run.folder.parent.parent, "live", RUN)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("l")
        log = Driven(app, pilot)
        await log.until(lambda: log.shown and log.shown[-1].endswith("end"))
        assert log.lines.render_line(len(log.shown) - 1).text.rstrip().endswith("…")
        await log.press("right", "right")
        assert "from column 33" in log.title
        await log.press("left", "left")
        await pilot.mouse_down(LogLines, offset=(5, 2))
        await pilot.hover(LogLines, offset=(5, 4))
        await pilot.mouse_up(LogLines, offset=(5, 4))
        first, last = log.lines.chosen() or (0, 0)
        assert (log.lines._rows[2].start, log.lines._rows[4].start) == (first, last)


async def test_a_match_far_to_the_right_comes_into_sight(run: FakeRun) -> None:
    run.log("x" * 400 + " needle " + "y" * 400 + "\n")
    run.log("end\n")
    async with opened(run, 208) as log:
        await log.press("slash", *"needle", "enter")
        await log.until(lambda: "1 of 1" in log.title)
        drawn = [log.lines.render_line(y).text for y in range(len(log.shown))]
        assert any("needle" in text for text in drawn)
        await log.press("slash", "s", "t", "e", "p", "enter")
        await log.until(lambda: "of 200 /step/" in log.title)
        assert log.lines.column == 0


async def test_a_log_that_is_written_anew_or_removed_is_shown_as_it_is_now(run: FakeRun) -> None:
    path = run.folder / LOG
    async with opened(run) as log:
        await log.press("home")
        path.write_bytes(b"another\n")
        await log.until(lambda: log.shown == ["another"])
        path.unlink()
        await log.until(lambda: not log.shown)
        assert "nothing printed yet" in log.lines.render_line(0).text
        path.mkdir()
        await log.until(lambda: "no ordinary file" in log.lines.render_line(0).text)


async def test_lines_of_many_colours_and_wide_letters_are_drawn_in_time(run: FakeRun) -> None:
    rainbow = "".join(f"\x1b[38;5;{n % 256}m損\x1b[1mx" for n in range(2_000))
    for _ in range(40):
        run.log(f"{rainbow}\x1b[0m\n")
    async with opened(run, 246) as log:
        await log.press("right")
        began = time.process_time()
        strips = [log.lines.render_line(y) for y in range(len(log.shown))]
        assert time.process_time() - began < 1, "a second for some milliseconds of work"
        width = log.lines.scrollable_content_region.width
        assert {strip.cell_length for strip in strips} == {width}
        assert all(strip.text.startswith("  …") for strip in strips[-5:])
        assert all(strip.text.endswith("…") for strip in strips[-5:])
