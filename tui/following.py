"""Follows the links of a report: into the browser, to a place in it, or to a file of the run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tui.acting import ask, attempt, hand_over, say
from tui.clipboard import copy
from tui.editing import edit
from tui.screens.base import RoomScreen
from tui.screens.file_view import FileScreen
from tui.screens.pick import Pick
from tui.views.cells import Cell
from tui.views.excerpt import Excerpt, excerpt
from tui.views.plain import fit, middle, plain
from tui.views.report_links import Link, link_to, links_of
from tui.widgets.tones import paint

_KINDS = {"web": "in the browser", "place": "in the report", "file": "file"}


class Following:
    """The links of one screen's report. ``to_place`` goes to an anchor of the text shown."""

    def __init__(self, screen: RoomScreen, to_place: Callable[[str], object]) -> None:
        self._screen = screen
        self._to_place = to_place

    def href(self, href: str) -> None:
        """Follow a link as it stands in the report."""
        self.follow(link_to(href, self._screen.run_path))

    def choose(self, text: str) -> None:
        """Offer the links of a report, and the files of the run that it names."""

        def find() -> None:
            run = self._screen.run_path
            try:
                names = [entry.name for entry in run.iterdir() if entry.is_file()]
            except OSError:  # the folder was removed: no file of it can be opened
                names = []
            hand_over(self._screen, self._offer, links_of(text, run, names))

        self._screen.run_worker(find, thread=True, exclusive=True, group="links")

    def _offer(self, found: list[Link]) -> None:
        if not found:
            say(self._screen, "The report has no links, and names no file of the run.")
            return
        rows = [
            paint(
                fit(middle(plain(one.text), 40), 40), Cell(f" {_KINDS.get(one.kind, '✘')}", "muted")
            )
            for one in found
        ]

        def picked(number: int | None) -> None:
            if number is not None:
                self.follow(found[number])

        ask(self._screen, Pick("links", rows), picked)

    def follow(self, link: Link) -> None:
        """Go where a link leads, or say why not."""
        screen = self._screen
        if link.kind == "refused":
            say(screen, link.to, "warning")
        elif link.kind == "place":
            self._to_place(link.to)
        elif link.kind == "file":
            screen.run_worker(
                lambda: self._read(screen.run_path / link.to),
                thread=True,
                exclusive=True,
                group="file",
            )
        elif "SSH_CONNECTION" in os.environ:
            # A browser would open on the other machine, or in this terminal.
            said, _ = copy(screen.factory, link.to, plain(link.to, clip=200))
            say(screen, said)
        else:
            screen.app.open_url(link.to)
            say(screen, f"{plain(link.to, clip=200)} is opened in the browser.")

    def _read(self, path: Path) -> None:
        read: list[Excerpt] = []
        if not path.is_file():
            said = f"{path.name} is not there, or no file of text."
            hand_over(self._screen, say, self._screen, said, "warning")
        elif attempt(self._screen, lambda: read.append(excerpt(path, None)), ""):
            hand_over(self._screen, self._show, path, read[0])

    def _show(self, path: Path, shown: Excerpt) -> None:
        def closed(wants_editor: bool | None) -> None:
            if wants_editor and (problem := edit(self._screen.factory, path, None)):
                say(self._screen, problem, "warning")

        ask(self._screen, FileScreen(path, shown), closed)
