"""Artifacts: the public pages with state, numbers, blockers and what is wrong with each."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from engine.artifacts.checking import Checked
from engine.artifacts.registry import SUFFIX
from engine.checks.finding import Finding, Severity
from engine.records.public import STATE_ORDER, ArtifactState
from engine.workspace import Workspace
from tui.acting import at_work, attempt, hand_over, say, sentence_of
from tui.bindings import bindings_for
from tui.folder_watch import CannotWatch, saves
from tui.screens.artifacts_acts import ArtifactsActs
from tui.screens.artifacts_make import AT
from tui.screens.panes import Edge
from tui.styles import style_paths
from tui.views.artifacts_findings import finding_lines
from tui.views.artifacts_list import fitting, list_lines, toggle_words
from tui.views.artifacts_page import page_lines
from tui.views.artifacts_reader import Artifacts, ArtifactsReader
from tui.views.plain import plain
from tui.widgets.entry_list import EntryList
from tui.widgets.key_bar import KeyBar
from tui.widgets.state_toggles import StateToggles
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 2.0
"""How often the files are looked at where the system says nothing of a change."""

SHOW_AFTER_S = 0.06
"""So long the cursor rests before its page is laid out: a held key passes by."""


class ArtifactList(EntryList):
    """Its cursor is seen while the page beside it is read, too."""

    def row(self, index: int, width: int) -> Sequence[tuple[str, str]]:
        row = self._entries[index].row
        if index == self._at and self._key is not None and row:
            return [("›", "accent"), (row[0][0][1:], row[0][1]), *row[1:]]
        return row


class ArtifactsScreen(ArtifactsActs):
    """Reads and checks in a thread; what is read so far is shown."""

    ROOM = "artifacts"
    CSS_PATH = style_paths("artifacts")
    BINDINGS = bindings_for("artifacts")
    EDGES = (Edge("#list", "right"), Edge("#list", "bottom"))
    AUTO_FOCUS = "#list"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self.artifacts = Artifacts()
        self._needle = ""
        self._hidden: set[ArtifactState] = set()
        self._shown: list[Checked] = []
        self._put: Checked | None = None
        self._wanted: str | None = None
        self._findings: tuple[Finding, ...] = ()
        self._moved_to = False
        self._reading = False
        self._says_check = False

    def compose(self) -> ComposeResult:
        self.reader = ArtifactsReader(Workspace(self.factory.workspace))
        yield TopBar("factory", "artifacts", right="reading …")
        with Horizontal(id="search"):
            yield Static("/ ")
            yield Input(placeholder="id, type, summary, next action", compact=True)
        yield StateToggles(id="states")
        yield Static(id="problem")
        with Container(id="body"):
            yield ArtifactList(id="list")
            with Vertical(id="side"):
                yield EntryList(id="page")
                yield EntryList(id="findings")
        yield KeyBar("artifacts")

    def on_mount(self) -> None:
        self._wanted = self.factory.remembered.get(AT, "") or None
        self.read()
        self._watch()
        self.set_interval(LOOK_EVERY_S, self._look)

    def on_screen_resume(self) -> None:
        if self.artifacts.whole:
            self._wanted = self.factory.remembered.get(AT, "") or None
            self.read()

    # --- reading --------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="read")
    def read(self, anew: bool = False) -> None:
        """Read what changed, or everything; what is there so far is shown."""
        worker = get_current_worker()
        self._reading = True
        try:
            for artifacts in self.reader.read(anew=anew):
                if worker.is_cancelled:
                    return
                hand_over(self, self._take, artifacts)
            if self.factory.site_preview.url is not None:
                attempt(self, self.factory.site_preview.refresh, "")
        except OSError as error:
            hand_over(self, self._trouble, f"artifacts/: {sentence_of(error)}")
        finally:
            if not worker.is_cancelled:
                self._reading = False

    @work(exclusive=True, group="watch")
    async def _watch(self) -> None:
        """Read at once after each save. Looking now and then goes on without it."""
        try:
            async for _ in saves(
                self.reader.folder, lambda name: not name.endswith(SUFFIX) or name.startswith(".")
            ):
                self._look()
        except CannotWatch as error:
            self.log.warning(f"no word of changes in artifacts/: {error}")

    def _look(self) -> None:
        """Read again where a file changed."""
        if not self._reading and not at_work(self, "look"):
            self._look_at_files()

    @work(thread=True, group="look")
    def _look_at_files(self) -> None:
        try:
            changed = self.reader.changed()
        except OSError as error:
            hand_over(self, self._trouble, f"artifacts/: {sentence_of(error)}")
            return
        if changed:
            hand_over(self, self.read)

    def _trouble(self, text: str) -> None:
        line = self.query_one("#problem", Static)
        line.set_class(bool(text), "-there")
        line.update(Content(f"⚠ {plain(text)}" if text else ""))

    def _take(self, artifacts: Artifacts) -> None:
        self.artifacts = artifacts
        self._trouble("")
        self._list()
        if artifacts.whole and self._says_check:
            self._says_check = False
            self._say_checked()

    def _list(self) -> None:
        """Draw the list anew: other artifacts, another filter or other states."""
        artifacts, hidden = self.artifacts, frozenset(self._hidden)
        self._shown = fitting(artifacts, self._needle, hidden)
        shown, every = self._shown, self.query_one("#list", EntryList)
        every.put(lambda width: list_lines(shown, artifacts, width, tight=self.has_class("-short")))
        self.query_one(StateToggles).put(lambda width: toggle_words(artifacts, hidden, width))
        if self._wanted and any(one.entry.name == self._wanted for one in shown):
            every.select(self._wanted)
            self._wanted, self._moved_to = None, True
        elif self._wanted and artifacts.whole and not self._is_to_come(self._wanted):
            self._wanted = None
        if shown and not self._moved_to and self._wanted is None:
            every.select(shown[0].entry.name)  # others came before it while they were read
        self.tell_state()
        self._show()

    def _is_to_come(self, name: str) -> bool:
        """Whether an artifact was written after what was read here."""
        return self.artifacts.one(name) is None and (self.factory.workspace / name).is_file()

    def tell_state(self) -> None:
        """The right end of the top bar: how many there are, and what is being done."""
        count, every = len(self._shown), len(self.artifacts.checked)
        words = f"{count:,} of {every:,}" if count != every else f"{every:,}"
        words += " artifact" if count == every == 1 else " artifacts"
        wrong = sum(not one.ok for one in self.artifacts.checked)
        if wrong:
            words += f" · ✘ {wrong:,} with errors"
        if self.artifacts.waiting:
            words += f" · reading {len(self.artifacts.waiting):,} …"
        if url := self.factory.site_preview.url:
            words += f" · {url}"
        self.query_one(TopBar).put("factory", "artifacts", right=words)

    # --- the artifact at the cursor -------------------------------------------------

    @property
    def current(self) -> Checked | None:
        return self.artifacts.one(self.query_one("#list", EntryList).current)

    def go_to(self, name: str) -> None:
        self._wanted, self._hidden, self._needle = name, set(), ""
        self.factory.remembered.put(AT, name)
        self.query_one(Input).value = ""
        self.query_one("#search").remove_class("-open")

    @on(EntryList.Moved, "#list")
    def _moved(self, event: EntryList.Moved) -> None:
        self._wanted, self._moved_to = None, True
        self.factory.remembered.put(AT, event.key)
        self.set_timer(SHOW_AFTER_S, self._show)

    def _show(self) -> None:
        """Lay out page and findings of the artifact at the cursor, where they are others."""
        one = self.current
        stray = self.artifacts.stray
        findings = (*(one.findings if one else ()), *stray)
        page, found = self.query_one("#page", EntryList), self.query_one("#findings", EntryList)
        if one is not None and (one is not self._put or findings != self._findings):
            same = self._put is not None and self._put.entry.name == one.entry.name
            cards = self.artifacts.cards.get(one.entry.name, ())
            page.put(lambda width: page_lines(one, cards, width))
            found.put(lambda width: finding_lines(findings, width))
            if not same:
                page.scroll_home(animate=False)
                found.action_jump(0)
        elif one is None:
            page.put(lambda width: [])
            found.put(lambda width: finding_lines(findings, width) if findings else [])
        self._put, self._findings = one, findings

    # --- filter and states ----------------------------------------------------------

    def action_search(self) -> None:
        """Show only artifacts that hold a text."""
        self.query_one("#search").add_class("-open")
        self.query_one(Input).focus()

    def on_key(self, event: events.Key) -> None:
        """From the filter down into the list."""
        if event.key == "down" and self.query_one(Input).has_focus:
            event.stop()
            self.query_one("#list").focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._needle:
            self._needle = event.value
            self._list()

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#search").set_class(bool(self._needle.strip()), "-open")
        self.query_one("#list").focus()

    def action_show_state(self, number: int) -> None:
        """Show or hide the artifacts of a state."""
        self._hidden ^= {STATE_ORDER[number - 1]}
        self._list()

    @on(StateToggles.Clicked)
    def _toggle_clicked(self, event: StateToggles.Clicked) -> None:
        self.action_show_state(event.number)

    def step_back(self) -> bool:
        """From the findings to the page, from there to the list; then take filter and hidden states
        away."""
        if self.has_class("-findings"):
            self.action_findings()
        elif self.query_one("#page").has_focus:
            self.query_one("#list").focus()
        elif self._needle or self._hidden or self.query_one("#search").has_class("-open"):
            self._hidden, self._needle = set(), ""
            self.query_one(Input).value = ""
            self.query_one("#search").remove_class("-open")
            self.query_one("#list").focus()
            self._list()
        else:
            return False
        return True

    # --- keys -----------------------------------------------------------------------

    @property
    def _side(self) -> EntryList:
        """Page or findings: the one that is shown."""
        name = "#findings" if self.has_class("-findings") else "#page"
        return self.query_one(name, EntryList)

    def action_open(self) -> None:
        """From the list to the page; from a finding to its line in the editor."""
        found = self.query_one("#findings", EntryList)
        if not found.has_focus:
            self._side.focus()
            return
        one = self.current
        if found.current is None:
            say(self, "Nothing was found here that is wrong.")
            return
        finding = self._findings[int(found.current)]
        if one is None or finding.file != one.entry.name:
            say(self, f"{finding.file}: {finding.fix}")
        else:
            self.edit_at(one, finding.line or 1)

    @on(EntryList.Chosen)
    def _chosen(self, event: EntryList.Chosen) -> None:
        event.stop()
        self.action_open()

    def action_findings(self) -> None:
        """The findings in place of the page, or the page again."""
        beside = not self.query_one("#list").has_focus
        self.toggle_class("-findings")
        if beside or self.has_class("-findings"):
            self._side.focus()

    def action_pane(self, by: int) -> None:
        """To the other pane."""
        every = self.query_one("#list")
        (self._side if every.has_focus else every).focus()

    def action_check(self) -> None:
        """Hold every artifact against its records again."""
        self._says_check = True
        self.read(anew=True)

    def _say_checked(self) -> None:
        found = [f for one in self.artifacts.checked for f in one.findings]
        found += self.artifacts.stray
        errors = sum(one.severity is Severity.ERROR for one in found)
        warnings = sum(one.severity is Severity.WARNING for one in found)
        count = len(self.artifacts.checked)
        text = f"{count:,} artifact{'s' * (count != 1)} checked: "
        text += f"{errors:,} errors, {warnings:,} warnings." if found else "nothing is wrong."
        say(self, text, "warning" if errors else "information")
