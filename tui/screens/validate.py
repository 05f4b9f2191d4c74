"""Validate: the files of a run with what was found in each, the way to the line, and the fixes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from engine.checks.contents import load
from engine.checks.fixes import Fix
from engine.fixing import Checked, apply, check
from tui.acting import attempt, say
from tui.bindings import bindings_for
from tui.editing import edit
from tui.folder_watch import CannotWatch, saves
from tui.screens.base import RoomScreen
from tui.screens.file_view import FileScreen
from tui.screens.panes import Edge
from tui.standing import in_front
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.excerpt import Excerpt, excerpt
from tui.views.findings_view import FOLDER, FileGroup, group, matching, verdict
from tui.views.fix_view import outcome
from tui.views.plain import plain
from tui.widgets.file_view import FileView
from tui.widgets.findings_list import FindingsList, Place
from tui.widgets.key_bar import KeyBar
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 2.0
"""How often the folder is looked at where the system says nothing of a change."""

_STREAMS = ("events.jsonl", "train.log", "train.log.index", "supervisor.log")

Stamps = frozenset[tuple[str, int, int]]


class ValidateScreen(RoomScreen):
    """All findings of a run at once; they are made anew whenever a file changes."""

    ROOM = "validate"
    CSS_PATH = style_paths("validate")
    BINDINGS = bindings_for("validate")
    EDGES = (Edge("#detail", "left"), Edge("#detail", "top"))
    AUTO_FOCUS = "#findings"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._seen: Stamps | None = None
        self._live = False
        self._checking = self._again = False
        self._checked = Checked([], [])
        self._line: int | None = None
        self._groups: list[FileGroup] = []
        self._opened: FileScreen | None = None

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "validate", plain(self.run_id), right="checking …")
        yield Input(placeholder="a part of a file's name, a message or a rule", id="filter")
        with Horizontal(id="sides"):
            yield FindingsList(id="findings")
            with VerticalScroll(id="detail", can_focus=False):
                yield Static(id="about")
                yield FileView(id="file")
        yield KeyBar("validate")

    def on_mount(self) -> None:
        self._look()
        self._watch()
        self.set_interval(LOOK_EVERY_S, self._look)

    # --- checking -----------------------------------------------------------------

    @work(exclusive=True, group="watch")
    async def _watch(self) -> None:
        """Look at once after each save. Looking now and then goes on without it."""
        try:
            async for _ in saves(self.run_path, self._is_stream):
                self._look()
        except CannotWatch as error:
            self.log.warning(f"no word of changes in {self.run_id}: {error}")

    def _is_stream(self, name: str) -> bool:
        """Whether a file grows all the time by itself."""
        return self._live and name in _STREAMS

    def _look(self) -> None:
        """Check again when a file changed; once more afterwards when one changes meanwhile."""
        if self._checking:
            self._again = True
        else:
            self._start(False)

    def action_refresh(self) -> None:
        """Check everything again."""
        self._seen = None
        self._look()

    def _start(self, always: bool) -> None:
        self._checking, self._again = True, False
        self._check(None if always else self._seen)

    @work(thread=True, exclusive=True, group="check")
    def _check(self, seen: Stamps | None) -> None:
        """Check where the folder is not as it was ``seen``. Reading it changes no stamp, so there
        is no going round in a circle."""
        stamps = frozenset(_stamps(self.run_path, streams=not self._live))
        if stamps == seen:
            self.call_later(self._ready)
            return
        try:
            contents = load(self.run_path)
            checked = check(self.run_path, contents)
            named = contents.names | {finding.file for finding in checked.findings}
            names = sorted(name for name in named if self._is_shown(name, checked))
        except OSError as error:
            text = f"{self.run_id} cannot be read: {error.strerror or error}."
            self.call_later(self._fail, text, stamps)
            return
        self.call_later(self._take, checked, names, bool(contents.supervisor_alive), stamps)

    def _is_shown(self, name: str, checked: Checked) -> bool:
        hidden = name.startswith(".") and all(one.file != name for one in checked.findings)
        return bool(name) and not hidden and (self.run_path / name).is_file()

    def _fail(self, text: str, stamps: Stamps) -> None:
        self._seen = stamps
        self.query_one(TopBar).put("factory", "validate", plain(self.run_id), right="✘ not there")
        say(self, text, "error")
        self._ready()

    def _take(self, checked: Checked, names: list[str], alive: bool, stamps: Stamps) -> None:
        self._seen, self._live, self._checked = stamps, alive, checked
        self._groups = group(checked.findings, names)
        self._list()
        state = verdict(checked.findings).text
        if checked.fixes:
            state += f" · ✎ {len(checked.fixes)} to fix (f)"
        self.query_one(TopBar).put("factory", "validate", plain(self.run_id), right=state)
        place = self.query_one(FindingsList).place
        if place is not None:
            self._show(place)
        self.refresh_bindings()
        self._ready()

    def _ready(self) -> None:
        self._checking = False
        if self._again:
            self._start(False)

    # --- the filter ---------------------------------------------------------------

    def _list(self) -> None:
        shown = matching(self._groups, self.query_one("#filter", Input).value)
        self.query_one(FindingsList).put(shown, self._checked.fixable)
        if not shown:
            self.query_one("#about", Static).update(Content("Nothing here holds that text."))
            self.query_one("#file", FileView).put("", None)

    def action_filter(self) -> None:
        """Show only what holds a text."""
        self.add_class("-filtering")
        self.query_one("#filter", Input).focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, event: Input.Changed) -> None:
        event.stop()
        self._list()

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            self.step_back()
        self.query_one(FindingsList).focus()

    def step_back(self) -> bool:
        """Take the filter away."""
        if not self.has_class("-filtering"):
            return False
        self.query_one(FindingsList).focus()
        self.remove_class("-filtering")
        self.query_one("#filter", Input).value = ""
        return True

    # --- the place at the cursor --------------------------------------------------

    @on(FindingsList.Moved)
    def _moved(self, event: FindingsList.Moved) -> None:
        self._show(event.place)

    def _show(self, place: Place) -> None:
        fixable = place.finding in self._checked.fixable
        self.query_one("#about", Static).update(_about(place, fixable))
        self._read(place, False)

    @work(thread=True, exclusive=True, group="file")
    def _read(self, place: Place, opened: bool) -> None:
        path = self._path_of(place)
        try:
            shown = excerpt(path, place.finding) if path is not None else Excerpt("")
        except OSError as error:
            shown = Excerpt(f"{place.file}: {error.strerror}.")
        self.call_later(self._take_file, place, path, shown, opened)

    def _path_of(self, place: Place) -> Path | None:
        """The file of a place, where it is a file inside the run's folder."""
        if not place.file:
            return None
        path = self.run_path / place.file
        try:
            inside = path.resolve().is_relative_to(self.run_path.resolve())
            return path if inside and path.is_file() else None
        except (OSError, RuntimeError):  # its links go round in a circle
            return None

    def _take_file(self, place: Place, path: Path | None, shown: Excerpt, opened: bool) -> None:
        if place != self.query_one(FindingsList).place:
            return
        self._line = shown.line
        self.query_one("#file", FileView).put(shown.text, shown.line, shown.first)
        if not opened:
            if self._opened is not None and self.app.screen is self._opened:
                self._opened.put(shown)
            return
        if not in_front(self):
            return  # it is open already, or something else is
        if path is None:
            say(self, f"{place.file or FOLDER} is no file of this run that could be opened.")
            return

        def closed(wants_editor: bool | None) -> None:
            if wants_editor:
                self.action_edit()

        self._opened = FileScreen(path, shown)
        self.app.push_screen(self._opened, closed)

    @on(FindingsList.Asked)
    def _asked(self, event: FindingsList.Asked) -> None:
        self._read(event.place, True)

    def action_open(self) -> None:
        """Open the file at the place."""
        place = self.query_one(FindingsList).place
        if place is not None:
            self._read(place, True)

    def action_edit(self) -> None:
        """Open the file in the editor of the user."""
        place = self.query_one(FindingsList).place
        path = self._path_of(place) if place else None
        if path is None:
            say(self, "There is no file here to edit.")
            return
        problem = edit(self.factory, path, self._line)
        if problem:
            say(self, problem, "warning")
        self._look()

    # --- fixing -------------------------------------------------------------------

    def action_fix(self) -> None:
        """Show what can be mended without a judgement, and mend what is chosen."""
        fixes = self._checked.fixes
        if not fixes:
            text = "Nothing here can be fixed without a judgement; each finding says what to do."
            say(self, text if self._checked.findings else "Nothing was found that needs a fix.")
            return
        from tui.screens.fixes import FixScreen

        place = self.query_one(FindingsList).place

        def chosen(answer: list[Fix] | None) -> None:
            if answer:
                self._mend(answer)

        screen = FixScreen(plain(self.run_id), fixes, place.file if place else "")
        self.app.push_screen(screen, chosen)

    @work(thread=True, group="mend")
    def _mend(self, fixes: list[Fix]) -> None:
        def mend() -> None:
            text, well = outcome(apply(self.run_path, fixes))
            self.app.call_from_thread(say, self, text, "information" if well else "error")

        attempt(self, mend, "")
        self.call_later(self._look)


def _stamps(path: Path, *, streams: bool) -> Iterator[tuple[str, int, int]]:
    """Name, time and size of every file; growing ones only where they are not expected to grow."""
    try:
        entries = list(os.scandir(path))
    except OSError:
        return
    for entry in entries:
        try:
            found = entry.stat()
        except OSError:  # removed since it was listed
            continue
        if streams or entry.name not in _STREAMS:
            yield entry.name, found.st_mtime_ns, found.st_size


def _about(place: Place, fixable: bool) -> Content:
    """What a finding says, in full, and what to do."""
    finding = place.finding
    name = plain(place.file) if place.file else FOLDER
    if finding is None:
        return paint(Cell(name, "strong"), Cell("   ⏎ opens it, e edits it", "muted"))
    where = f"{name} {plain(finding.pointer)}".strip()
    if finding.line:
        where += f" line {finding.line:,}"
    rows = [
        paint(Cell(where, "strong"), Cell(f"   {finding.rule}", "muted")),
        paint(plain(finding.message)),
        paint(Cell("→ ", "accent"), plain(finding.fix)),
    ]
    if fixable:
        rows.append(paint(Cell("✎ ", "accent"), "f shows the fix and makes it"))
    return lines(rows)
