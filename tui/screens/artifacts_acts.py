"""What Artifacts does: makes, edits, moves, publishes and previews."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from engine.artifacts.checking import Checked
from engine.workspace import Workspace
from tui.acting import ask, attempt, hand_over, say, still_at
from tui.clipboard import copy
from tui.editing import edit
from tui.screens.artifacts_make import ask_id, make_artifact
from tui.screens.ask_text import AskText
from tui.screens.base import RoomScreen
from tui.screens.pick import Pick
from tui.views.artifacts_list import SIGNS
from tui.views.artifacts_published import published_words
from tui.views.cells import Cell
from tui.views.plain import fit, plain
from tui.widgets.tones import lines, paint

if TYPE_CHECKING:
    from engine.catalogue.summary import RunSummary
    from engine.records.public import ArtifactState

OUT = "artifacts.out"
"""The directory of the site, as it is remembered."""


class ArtifactsActs(RoomScreen):
    """The part of the screen that acts on the artifact at the cursor, or on all."""

    @property
    def current(self) -> Checked | None:
        """The artifact at the cursor."""
        raise NotImplementedError

    def read(self, anew: bool = False) -> object:
        """Read what changed, or everything."""
        raise NotImplementedError

    def go_to(self, name: str) -> None:
        """Put the cursor on an artifact, as soon as it is read."""
        raise NotImplementedError

    def tell_state(self) -> None:
        """Say in the top bar how things stand."""
        raise NotImplementedError

    @property
    def _place(self) -> Workspace:
        return Workspace(self.factory.workspace)

    # --- making and editing ---------------------------------------------------------

    def action_new_of_run(self) -> None:
        """Choose a decided run and make an artifact of it."""
        self._find_decided()

    @work(thread=True, exclusive=True, group="runs")
    def _find_decided(self) -> None:
        from engine.catalogue.run_reader import RunReader

        found: list[RunSummary] = []

        def find() -> None:
            for runs in RunReader(self._place).read():
                found[:] = [one for one in runs if one.decision is not None]

        if attempt(self, find, ""):
            hand_over(self, self._choose_run, found)

    def _choose_run(self, runs: Sequence[RunSummary]) -> None:
        if not runs:
            say(self, "No run is decided yet. Decide one first (d in Runs), or press N for a form.")
            return
        rows = [
            paint(fit(plain(one.run_id, clip=200), 44), Cell(f" {one.decision}", "muted"))
            for one in runs
        ]

        def picked(number: int | None) -> None:
            if number is not None:
                make_artifact(self, runs[number].path, self._made)

        ask(self, Pick("of which run", rows), picked)

    def action_new_form(self) -> None:
        """Write an empty artifact to fill in."""
        from engine.artifacts.skeleton import skeleton

        ask_id(self, "An empty artifact", "A form to fill in (e).", "", skeleton, self._made)

    def _made(self, name: str) -> None:
        if self.is_running:
            self.go_to(name)
            self.read()
        say(self, f"{name} is written. f says what it lacks, e opens it.")

    def action_edit(self) -> None:
        """Open the artifact's file in the user's own editor, then check it again."""
        if (one := self.current) is not None:
            self.edit_at(one, 1)
        else:
            say(self, "There is no artifact here to edit. n and N make one.")

    def edit_at(self, one: Checked, line: int) -> None:
        """Open the file of an artifact at a line, then check it again."""
        if problem := edit(self.factory, one.entry.path, line):
            say(self, problem, "warning")
        self.read()

    # --- its state ------------------------------------------------------------------

    def action_change_state(self) -> None:
        """Offer the states that may follow."""
        from engine.artifacts.moving import may_follow
        from engine.publish.site.artifact_view import STATE_MEANING

        one = self.current
        if one is None or one.entry.artifact is None:
            say(self, "There is no artifact here whose state could change.")
            return
        states = may_follow(one.entry.artifact.state)
        rows = [
            paint(
                Cell(f"{SIGNS[state][0]} ", SIGNS[state][1]),
                fit(state.value, 24),
                Cell(STATE_MEANING[state], "muted"),
            )
            for state in states
        ]

        def picked(number: int | None) -> None:
            if number is not None:
                self._move(one, states[number])

        title = f"after {one.entry.artifact.state.value}"
        self.app.push_screen(Pick(title, rows, long=True), picked)

    @work(thread=True, group="write")
    def _move(self, one: Checked, state: ArtifactState) -> None:
        from engine.artifacts.moving import move

        attempt(
            self,
            lambda: move(self._place, one.entry, state),
            f"{one.entry.id} is {state.value} now.",
        )
        hand_over(self, self.read)

    # --- its run, its path ----------------------------------------------------------

    def action_open_run(self) -> None:
        """Open the run of the artifact; asks which where there are several."""
        one = self.current
        seen = one.around.runs if one is not None else {}
        named = one.entry.artifact.runs if one is not None and one.entry.artifact else []
        runs = [run for run in named if run in seen and seen[run].there]
        if not runs:
            say(self, "No run of this workspace is named by it.")
        elif len(runs) == 1:
            self.factory.open_run(runs[0])
        else:

            def picked(number: int | None) -> None:
                if number is not None:
                    self.factory.open_run(runs[number])

            rows = [paint(plain(run, clip=200)) for run in runs]
            self.app.push_screen(Pick("runs", rows), picked)

    def action_copy_path(self) -> None:
        """Copy where the artifact's file is."""
        if (one := self.current) is None:
            say(self, "There is no artifact here whose path could be copied.")
        else:
            said, _ = copy(self.app, str(one.entry.path), f"The path of {plain(one.entry.id)}")
            say(self, said)

    # --- the site -------------------------------------------------------------------

    def action_preview(self) -> None:
        """Show the site in the browser; where it is shown, end that."""
        if still_at(self, "The site is still being made ready.", "preview"):
            return
        if self.factory.site_preview.url is None:
            self._show_site()
        else:
            self._end_preview()

    @work(thread=True, group="preview")
    def _show_site(self) -> None:
        found: list[tuple[str, list[str]]] = []
        if not attempt(self, lambda: found.append(self.factory.site_preview.start()), ""):
            return
        self.app.call_from_thread(self._opened, *found[0])

    @work(thread=True, group="end-preview")
    def _end_preview(self) -> None:
        if attempt(self, self.factory.site_preview.close, "The preview is ended."):
            hand_over(self, self.tell_state)

    def _opened(self, url: str, left_out: Sequence[str]) -> None:
        if self.is_running:
            self.tell_state()
        less = f" Without {', '.join(left_out[:4])}: see findings." if left_out else ""
        if "SSH_CONNECTION" in os.environ:
            # A browser would open on the other machine, or in this terminal.
            said, _ = copy(self.app, url, url)
            say(self, f"The site is at {url} of this machine, until b is pressed.{less} {said}")
        else:
            self.app.open_url(url)
            say(self, f"The site is at {url} until b is pressed again.{less}")

    def action_publish(self) -> None:
        """Ask for the directory, then write the site."""
        if still_at(self, "The site is still being written.", "publish"):
            return
        workspace = self.factory.workspace
        before = self.factory.remembered.get(OUT, "") or str(workspace / "site")

        def answered(text: str | None) -> None:
            if text is not None:
                self._publish((workspace / Path(text.strip()).expanduser()).resolve())

        detail = lines(
            [
                paint("An empty or a new directory, or one that was published into before."),
                paint(Cell("Files in it that are not of the site stay as they are.", "muted")),
            ]
        )
        question = AskText(
            "Publish the site into",
            detail,
            before,
            check=lambda text: None if text.strip() else "Name a directory.",
        )
        self.app.push_screen(question, answered)

    @work(thread=True, group="publish")
    def _publish(self, out: Path) -> None:
        from engine.publish.site.check import staleness
        from engine.publish.site.of_workspace import site_of
        from engine.publish.site.published import published_at
        from engine.publish.site.writing import publish

        said: list[str] = []

        def write() -> None:
            published = published_at(out)
            site, refused = site_of(self._place, published.base_url if published else "")
            changed = staleness(site, published) if published else None
            publish(site, out)
            said.append(published_words(out, len(site.files), changed, [r.file for r in refused]))

        if attempt(self, write, ""):
            self.app.call_from_thread(self._published, out, said[0])

    def _published(self, out: Path, said: str) -> None:
        self.factory.remembered.put(OUT, str(out))
        say(self, said)
