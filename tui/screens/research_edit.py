"""A try by a person, from the screen: the files in the editor, then a line that describes it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from engine.loops.folder import LoopFolder
from tui.acting import at_work, attempt, hand_over, say
from tui.editing import edit
from tui.screens.ask_text import AskText
from tui.views.plain import plain

if TYPE_CHECKING:
    from tui.screens.research_acts import ResearchActs

NOTHING = "No file differs from the best. Nothing was submitted."


class EditedTry:
    """One edit, from the key to the proposal. What was changed stays in the worktree when the
    description is left: the key takes it up again."""

    def __init__(self, screen: ResearchActs, folder: LoopFolder) -> None:
        self._screen, self._folder = screen, folder

    def begin(self) -> None:
        """Look, in a thread, whether the campaign waits for a change, and which files may have
        one."""
        if at_work(self._screen, "edit"):
            return
        self._screen.busy("looking …")
        self._screen.run_worker(self._prepare, thread=True, group="edit")

    def _prepare(self) -> None:
        from engine.loops.research.proposers.checkout import open_worktree, protocol_of
        from engine.loops.research.proposers.person import check_waits, take_up_draft
        from engine.loops.research.surface import mutable_files

        found: list[Path] = []
        taken: list[bool] = []

        def look() -> None:
            check_waits(self._folder)
            taken.append(take_up_draft(self._folder))
            worktree = open_worktree(self._folder)
            names = mutable_files(worktree.files(worktree.head()), protocol_of(self._folder))
            found.extend(worktree.path / name for name in names)

        well = attempt(self._screen, look, "")
        hand_over(self._screen, self._edit, found if well else None, any(taken))

    def _edit(self, files: list[Path] | None, taken: bool) -> None:
        self._screen.busy("")
        if files is None:
            return
        if not files:
            say(self._screen, "The protocol lets no file of the repository be changed.", "warning")
            return
        if taken:
            say(self._screen, "Your change of last time is back in the files.")
        for path in files:
            if problem := edit(self._screen.factory, path, None):
                say(self._screen, f"{problem} Nothing was submitted.", "warning")
                return
        self._screen.run_worker(self._summarise, thread=True, group="edit")

    def _summarise(self) -> None:
        from engine.loops.research.proposers.checkout import open_worktree, summary_of

        found: list[str] = []

        def look() -> None:
            diff = open_worktree(self._folder).diff()
            found.append(summary_of(diff) if diff else "")

        if attempt(self._screen, look, ""):
            hand_over(self._screen, self._ask, found[0])

    def _ask(self, summary: str) -> None:
        if not summary:
            say(self._screen, NOTHING)
            return
        self._screen.app.push_screen(
            AskText(
                "What did you change?",
                Content.styled(
                    f"{plain(summary, clip=300)}\nIt stands in the results log.", "$muted"
                ),
                "",
                check=lambda text: None if text.strip() else "Describe it in a line.",
                placeholder="a smaller learning rate",
                done="enter has it tried · esc keeps it for later",
            ),
            self._submit,
        )

    def _submit(self, description: str | None) -> None:
        if description is None:
            say(self._screen, "Your change stays in the files; nothing was submitted.")
            return
        self._screen.busy("submitting …")

        def work() -> None:
            from engine.loops.research.proposers.person import submit

            attempt(
                self._screen,
                lambda: submit(self._folder, description),
                "Submitted: it is tried now.",
            )
            self._screen.app.call_from_thread(self._done)

        self._screen.run_worker(work, thread=True, group="edit")

    def _done(self) -> None:
        self._screen.busy("")
        if self._screen.is_running:
            self._screen.look_again()
