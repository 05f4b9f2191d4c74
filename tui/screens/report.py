"""Report: report.md of a run, rendered beside its outline, or as it stands in the file."""

from __future__ import annotations

from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.widgets import MarkdownViewer, Static

from engine.answers.trace_review import FILE as REVIEW_FILE
from engine.folder import write_bytes_atomic
from engine.publish.card.writing import PAGE, write_card
from engine.publish.export import export_refusal, export_report
from engine.publish.report import report_of
from engine.publish.sections import Section, section_at, sections, text_of
from tui.acting import ask, attempt, hand_over, say
from tui.bindings import bindings_for
from tui.clipboard import copy
from tui.following import Following
from tui.screens.ask_text import AskText
from tui.screens.base import RoomScreen
from tui.screens.panes import Edge
from tui.styles import style_paths
from tui.views.excerpt import excerpt
from tui.views.plain import plain, plain_lines
from tui.views.report_links import Link
from tui.widgets.confirm import Confirm
from tui.widgets.file_view import FileView
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
    EDGES = (Edge("MarkdownTableOfContents", "right"),)

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._raw = False
        self._outline: bool | None = None
        self._stamp: tuple[int, int] | None = None
        self._text: str | None = None
        self._looked = False
        self._sections: list[Section] = []
        self._review = 0
        self._reading: tuple[int | None, float] = (None, 0.0)

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
            shown = excerpt(self._path, None)
        except FileNotFoundError:
            hand_over(self, self.call_later, self._show_nothing, "")
            return
        except OSError as error:
            text = f"report.md cannot be read: {error.strerror}."
            hand_over(self, self.call_later, self._show_nothing, text)
            return
        hand_over(self, self.call_later, self._say_if_reviewed_since)
        text = shown.text + (f"\n\n… {shown.note}" if shown.note else "")
        hand_over(self, self.call_later, self._take, text)

    def _say_if_reviewed_since(self) -> None:
        """Tags that were given after the report was written are not counted in it."""
        try:
            review = (self.run_path / REVIEW_FILE).stat().st_mtime_ns
        except OSError:  # nothing was reviewed
            return
        if self._stamp is not None and review > self._stamp[0] and review != self._review:
            self._review = review
            say(self, "Answers were reviewed since this report was written: w counts them too.")

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
        self._text = plain_lines(text)
        self._sections = sections(self._text) if len(text) <= MAX_RENDERED else []
        self.query_one("#raw", FileView).put(text, None)
        if len(text) <= MAX_RENDERED:
            await self.query_one(MarkdownViewer).document.update(self._text)
        elif not self._raw:
            self._raw = True
            say(self, "The report is too long to be laid out, so it is shown as text.")
        self._show_page()

    def _show_page(self) -> None:
        if self._text is not None:
            self._show("#raw" if self._raw else "#rendered", "")
            if not self._raw:
                self.call_after_refresh(self.query_one(ReportPage).tell_reading)
            self._show_place()

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

    # --- the section that is read -----------------------------------------------------

    @on(ReportPage.Reading)
    def _read_on(self, event: ReportPage.Reading) -> None:
        self._reading = (event.section, event.share)
        self._show_place()

    def _section(self) -> Section | None:
        """The section at the top of what is seen."""
        if self._raw:
            return section_at(self._sections, self.query_one("#raw", FileView).scroll_offset.y)
        number = self._reading[0]
        return (
            self._sections[number] if number is not None and number < len(self._sections) else None
        )

    def _show_place(self) -> None:
        if self._text is None:
            return
        section = self._section()
        words = [] if self._raw else [f"{self._reading[1]:.0%}"]
        if section is not None and section.level > 1:
            words.insert(0, plain(section.title, clip=60))
        words += ["as text"] if self._raw else []
        bar = self.query_one(TopBar)
        bar.put("factory", "report", plain(self.run_id), right=" · ".join(words))

    def action_section(self, by: int) -> None:
        """To the next section, or the one before."""
        if not self._raw:
            self.query_one(ReportPage).step_section(by)
            return
        view = self.query_one("#raw", FileView)
        top = view.scroll_offset.y
        starts = [one.start for one in self._sections]
        wanted = [y for y in starts if y > top] if by > 0 else [y for y in starts if y < top][::-1]
        if wanted:
            view.scroll_to(y=wanted[0], animate=False, immediate=True)

    # --- out of the screen --------------------------------------------------------

    def action_copy(self) -> None:
        """The section that is read, to the clipboard."""
        section = self._section()
        if self._text is None or section is None or section.level == 1:
            self.action_copy_all()
        else:
            self._copy(text_of(self._text, section), f"The section “{section.title}”")

    def action_copy_all(self) -> None:
        """The whole report, to the clipboard."""
        if self._text is None:
            say(self, "There is no report to copy. Press w to write it.")
        else:
            self._copy(self._text, "The report")

    def _copy(self, text: str, what: str) -> None:
        said, much = copy(self.app, text, what)
        say(self, said, "warning" if much else "information")

    def action_export(self) -> None:
        """Write a copy of the report somewhere."""
        text = self._text
        if text is None:
            say(self, "There is no report to export. Press w to write it.")
            return
        workspace = self.factory.workspace

        def where(typed: str) -> Path:
            return workspace / Path(typed.strip()).expanduser()

        def check(typed: str) -> str | None:
            if not typed.strip():
                return "Say where to: a file that ends with .html or .md."
            return export_refusal(self.run_path, where(typed))

        def answered(typed: str | None) -> None:
            if typed is None:
                return
            path = where(typed)
            if path.exists():
                self._ask_to_replace(path, text)
            else:
                self._export(path, text)

        about = Content(
            "A name that ends with .html makes one page without scripts or anything from "
            "elsewhere, light or dark as the reader likes, good on paper; .md copies the text."
        )
        default = f"exports/{self.run_id}.html"
        self.app.push_screen(AskText("Export the report", about, default, check=check), answered)

    def _ask_to_replace(self, path: Path, text: str) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._export(path, text)

        question = f"Replace {plain(path.name, clip=100)}?"
        self.app.push_screen(Confirm(question, "It is there already.", "Replace it"), answered)

    @work(thread=True, group="save")
    def _export(self, path: Path, text: str) -> None:
        attempt(
            self,
            lambda: export_report(self.run_path, path, markdown=text),
            f"The report is written to {path}.",
        )

    @work(thread=True, exclusive=True, group="card")
    def action_card(self) -> None:
        """The report card, made from the records as they are now, in the browser."""
        made: list[Path] = []
        if attempt(self, lambda: made.append(write_card(self.run_path)), ""):
            page = made[0].resolve().as_uri()
            hand_over(self, self._card_made, page)

    def _card_made(self, page: str) -> None:
        self._following.follow(Link(PAGE, "web", page))

    # --- links ----------------------------------------------------------------------

    @property
    def _following(self) -> Following:
        return Following(self, self.query_one(MarkdownViewer).document.goto_anchor)

    @on(ReportPage.LinkAsked)
    def _link_clicked(self, event: ReportPage.LinkAsked) -> None:
        self._following.href(event.href)

    def action_links(self) -> None:
        """Choose a link of the report, or a file that it names, and open it."""
        if self._text is None:
            say(self, "There is no report, and so no link in it.")
        else:
            self._following.choose(self._text)

    # --- making it anew -----------------------------------------------------------

    @work(thread=True, exclusive=True, group="write")
    def action_regenerate(self) -> None:
        """Make the report anew; asks when the file holds something that would be lost."""
        made: list[str] = []
        if not attempt(self, lambda: made.append(report_of(self.run_path)), ""):
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
            hand_over(self, self._ask, made[0])

    def _ask(self, text: str) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._save(text)

        ask(
            self,
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
        hand_over(self, self._look)
