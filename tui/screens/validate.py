"""Validate: the files of a run with what was found in each, and the way to the line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from engine import checks
from engine.checks.contents import load
from engine.checks.finding import Finding
from tui.acting import say
from tui.bindings import bindings_for
from tui.editing import edit
from tui.screens.base import RoomScreen
from tui.screens.file_view import FileScreen
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.findings_view import FOLDER, group, line_in, verdict
from tui.views.plain import plain
from tui.widgets.file_view import FileView, read_text
from tui.widgets.findings_list import FindingsList, Place
from tui.widgets.key_bar import KeyBar
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 0.7
"""How often the folder is looked at for changes."""

_STREAMS = ("events.jsonl", "train.log", "train.log.index", "supervisor.log")

Stamps = frozenset[tuple[str, int, int]]


class ValidateScreen(RoomScreen):
    """All findings of a run at once; they are made anew whenever a file changes."""

    ROOM = "validate"
    CSS_PATH = style_paths("validate")
    BINDINGS = bindings_for("validate")
    AUTO_FOCUS = "#findings"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._seen: Stamps | None = None
        self._live = False
        self._line: int | None = None

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "validate", plain(self.run_id), right="checking …")
        with Horizontal(id="sides"):
            yield FindingsList(id="findings")
            with VerticalScroll(id="detail", can_focus=False):
                yield Static(id="about")
                yield FileView(id="file")
        yield KeyBar("validate")

    def on_mount(self) -> None:
        self._look()
        self.set_interval(LOOK_EVERY_S, self._look)

    # --- checking -----------------------------------------------------------------

    def _look(self) -> None:
        """Check again when a file changed."""
        checking = any(worker.group == "check" and worker.is_running for worker in self.workers)
        if checking:
            return
        stamps = frozenset(_stamps(self.run_path, streams=not self._live))
        if stamps != self._seen:
            self._seen = stamps
            self._check()

    def action_refresh(self) -> None:
        """Check everything again."""
        self._check()

    @work(thread=True, exclusive=True, group="check")
    def _check(self) -> None:
        try:
            contents = load(self.run_path)
            names = sorted(name for name in contents.names if self._is_shown(name))
        except OSError as error:
            text = f"{self.run_id} cannot be read: {error.strerror or error}."
            self.app.call_from_thread(say, self, text, "error")
            return
        findings = checks.run(contents)
        alive = bool(contents.supervisor_alive)
        self.app.call_from_thread(self._take, findings, names, alive)

    def _is_shown(self, name: str) -> bool:
        return not name.startswith(".") and (self.run_path / name).is_file()

    def _take(self, findings: list[Finding], names: list[str], alive: bool) -> None:
        self._live = alive
        self.query_one(FindingsList).put(group(findings, names))
        state = verdict(findings)
        bar = self.query_one(TopBar)
        bar.put("factory", "validate", plain(self.run_id), right=state.text)
        place = self.query_one(FindingsList).place
        if place is not None:
            self._show(place)

    # --- the place at the cursor --------------------------------------------------

    @on(FindingsList.Moved)
    def _moved(self, event: FindingsList.Moved) -> None:
        self._show(event.place)

    def _show(self, place: Place) -> None:
        self.query_one("#about", Static).update(_about(place))
        self._read(place, False)

    @work(thread=True, exclusive=True, group="file")
    def _read(self, place: Place, opened: bool) -> None:
        path = self._path_of(place)
        try:
            text, cut = read_text(path) if path is not None else ("", False)
        except OSError as error:
            text, cut = f"{place.file}: {error.strerror}.", False
        line = line_in(place.finding, text) if place.finding else None
        note = "Only the beginning is shown: the file is longer than 4 MB." if cut else ""
        self.app.call_from_thread(self._take_file, place, path, text, line, note, opened)

    def _path_of(self, place: Place) -> Path | None:
        """The file of a place, where it is a file inside the run's folder."""
        if not place.file:
            return None
        path = self.run_path / place.file
        inside = path.resolve().is_relative_to(self.run_path.resolve())
        return path if inside and path.is_file() else None

    def _take_file(
        self,
        place: Place,
        path: Path | None,
        text: str,
        line: int | None,
        note: str,
        opened: bool,
    ) -> None:
        if place != self.query_one(FindingsList).place:
            return
        self._line = line
        self.query_one("#file", FileView).put(text, line)
        if not opened:
            return
        if path is None:
            say(self, f"{place.file or FOLDER} is no file of this run that could be opened.")
            return

        def closed(wants_editor: bool | None) -> None:
            if wants_editor:
                self.action_edit()

        self.app.push_screen(FileScreen(path, text, line, note), closed)

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


def _about(place: Place) -> Content:
    """What a finding says, in full, and what to do."""
    finding = place.finding
    name = plain(place.file) if place.file else FOLDER
    if finding is None:
        return paint(Cell(name, "strong"), Cell("   ⏎ opens it, e edits it", "muted"))
    where = f"{name} {plain(finding.pointer)}".strip()
    return lines(
        [
            paint(Cell(where, "strong"), Cell(f"   {finding.rule}", "muted")),
            paint(plain(finding.message)),
            paint(Cell("→ ", "accent"), plain(finding.fix)),
        ]
    )
