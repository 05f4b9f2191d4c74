"""Report: report.md of a run, rendered beside its outline, or as it stands in the file."""

from __future__ import annotations

from pathlib import Path

from textual import work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import MarkdownViewer, Static

from engine.checks.contents import load
from engine.folder import write_bytes_atomic
from engine.publish.report import render_report
from tui.acting import attempt, say
from tui.bindings import bindings_for
from tui.screens.base import RoomScreen
from tui.styles import style_paths
from tui.views.plain import plain, plain_lines
from tui.widgets.confirm import Confirm
from tui.widgets.file_view import FileView, read_text
from tui.widgets.key_bar import KeyBar
from tui.widgets.report_page import ReportPage
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 1.0
"""How often report.md is looked at for changes."""

MAX_RENDERED = 400_000
"""A longer report is shown as text only: laying it out would hold the screen up."""


class ReportScreen(RoomScreen):
    """The report of one run. It is made from the records and can be made again at any time."""

    ROOM = "report"
    CSS_PATH = style_paths("report")
    BINDINGS = bindings_for("report")

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._raw = False
        self._outline: bool | None = None
        self._stamp: tuple[int, int] | None = None
        self._text: str | None = None
        self._looked = False

    @property
    def _path(self) -> Path:
        return self.run_path / "report.md"

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "report", plain(self.run_id), right="reading …")
        with Container(id="pages"):
            yield ReportPage("", id="rendered", show_table_of_contents=False)
            yield FileView(id="raw")
            yield Static(id="nothing")
        yield KeyBar("report")

    def on_mount(self) -> None:
        for name in ("#rendered", "#raw", "#nothing"):
            self.query_one(name).display = False
        self._look()
        self.set_interval(LOOK_EVERY_S, self._look)

    def on_resize(self) -> None:
        self._place_outline()

    # --- reading ------------------------------------------------------------------

    def _look(self) -> None:
        """Read the report when it changed."""
        try:
            found = self._path.stat()
        except OSError:
            stamp = None
        else:
            stamp = (found.st_mtime_ns, found.st_size)
        if stamp != self._stamp or not self._looked:
            self._stamp, self._looked = stamp, True
            self._read()

    @work(thread=True, exclusive=True, group="read")
    def _read(self) -> None:
        try:
            text, cut = read_text(self._path)
        except FileNotFoundError:
            self.call_later(self._show_nothing, "")
            return
        except OSError as error:
            self.call_later(self._show_nothing, f"report.md cannot be read: {error.strerror}.")
            return
        if cut:
            text += "\n\n… the report is longer than 4 MB; the rest is not shown."
        self.call_later(self._take, text)

    async def _show_nothing(self, problem: str) -> None:
        self._text = None
        page = self.query_one("#nothing", Static)
        if problem:
            page.update(Content.styled(problem, "$error"))
        else:
            page.update(
                Content.assemble(
                    ("This run has no report yet.\n\n", "bold $strong"),
                    "report.md is made from the records of the run, whatever is there of them.\n",
                    "Press ",
                    ("w", "bold $accent"),
                    " to write it.",
                )
            )
        self._show("#nothing", "no report")

    async def _take(self, text: str) -> None:
        self._text = text
        self.query_one("#raw", FileView).put(text, None)
        if len(text) <= MAX_RENDERED:
            await self.query_one(MarkdownViewer).document.update(plain_lines(text))
        elif not self._raw:
            self._raw = True
            say(self, "The report is too long to be laid out, so it is shown as text.")
        self._show_page()

    def _show_page(self) -> None:
        if self._text is not None:
            self._show("#raw" if self._raw else "#rendered", "text" if self._raw else "")

    def _show(self, shown: str, state: str) -> None:
        for name in ("#rendered", "#raw", "#nothing"):
            self.query_one(name).display = name == shown
        self.query_one(TopBar).put("factory", "report", plain(self.run_id), right=state)
        self._place_outline()
        if shown == "#rendered":
            self.query_one(MarkdownViewer).document.focus()
            self.query_one(MarkdownViewer).focus()
        elif shown == "#raw":
            self.query_one("#raw").focus()

    def _place_outline(self) -> None:
        wanted = self.size.width >= 100 if self._outline is None else self._outline
        self.query_one(MarkdownViewer).show_table_of_contents = wanted

    # --- keys ---------------------------------------------------------------------

    def action_raw(self) -> None:
        """Rendered, or as it stands in the file."""
        if self._text is None:
            say(self, "There is no report to show.")
        elif self._raw and len(self._text) > MAX_RENDERED:
            say(self, "The report is too long to be laid out.")
        else:
            self._raw = not self._raw
            self._show_page()

    def action_outline(self) -> None:
        """Show or hide the outline."""
        shown = self.query_one(MarkdownViewer).show_table_of_contents
        self._outline = not shown
        self._place_outline()

    @work(thread=True, exclusive=True, group="write")
    def action_regenerate(self) -> None:
        """Make the report anew; asks when the file holds something that would be lost."""
        made: list[str] = []
        if not attempt(self, lambda: made.append(render_report(load(self.run_path))), ""):
            return
        try:
            old = self._path.read_bytes().decode("utf-8", "replace")
        except OSError:
            old = None
        if old == made[0]:
            self.app.call_from_thread(say, self, "The report says what the records say already.")
        elif old is None:
            self._save(made[0])
        else:
            self.app.call_from_thread(self._ask, made[0])

    def _ask(self, text: str) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._save(text)

        self.app.push_screen(
            Confirm(
                "Write the report anew?",
                "report.md says something else than the records do now. What stands in it, "
                "also what was added by hand, is replaced.",
                "Write it",
            ),
            answered,
        )

    @work(thread=True, group="save")
    def _save(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        attempt(self, lambda: write_bytes_atomic(self._path, data), "report.md is written.")
        self.app.call_from_thread(self._look)
