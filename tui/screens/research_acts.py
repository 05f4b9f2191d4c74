"""What one can do to a campaign and its tries: accept, take back, measure again, edit, begin."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from textual.content import Content

from engine.loops.folder import LoopFolder
from engine.records.research import CHANGE_FILE, WORKTREE
from engine.workspace import Workspace
from tui.acting import say
from tui.clipboard import copy
from tui.editing import edit
from tui.screens.ask_text import AskText
from tui.screens.loops_acts import LoopActs
from tui.views.plain import plain
from tui.views.research_reader import CampaignView
from tui.views.research_tries import Tried

MORE_SEEDS = 3
"""Measurements that are added where nobody says how many."""

MOST_SEEDS = 100


class ResearchActs(LoopActs):
    """Every act is the one that the command line does; what is concluded is never written over."""

    BEGINS = ("research.new", "a campaign")

    @property
    def campaign(self) -> CampaignView | None:
        """The campaign that is shown; None where none is."""
        raise NotImplementedError

    @property
    def current(self) -> Tried | None:
        """The try at the cursor."""
        raise NotImplementedError

    def show_campaign(self, name: str) -> None:
        """Show another campaign."""
        raise NotImplementedError

    # --- against the rule -------------------------------------------------------------

    def action_accept(self) -> None:
        """Keep the try at the cursor against the rule, with a reason."""
        one = self._judged()
        if one is None:
            return
        if one.what == "keep":
            say(self, f"{one.name.capitalize()} was kept.")
        elif one.score is None:
            say(self, f"{one.name.capitalize()} has no number, so it cannot be accepted.")
        else:
            from engine.loops.research.acts import accept

            words = f"Accept {one.name} against the rule"
            self._reasoned(words, one, lambda folder, why: accept(folder, one.number + 1, why))

    def action_discard(self) -> None:
        """Take back the try at the cursor, with a reason."""
        one = self._judged()
        if one is None:
            return
        if one.number == 0:
            say(self, "The baseline cannot be taken back: a campaign begins from it.")
        elif one.what != "keep":
            say(self, f"{one.name.capitalize()} was not kept, so there is nothing to take back.")
        else:
            from engine.loops.research.acts import discard

            words = f"Take back {one.name}"
            self._reasoned(words, one, lambda folder, why: discard(folder, one.number + 1, why))

    def action_rerun(self) -> None:
        """Measure the try at the cursor with more seeds and judge it on all of them."""
        one = self._judged()
        if one is None:
            return
        if one.score is None:
            say(self, f"{one.name.capitalize()} has no number that more seeds could add to.")
            return
        from engine.loops.research.acts import rerun

        def asked(text: str | None) -> None:
            if text is not None:
                self._wish(lambda folder: rerun(folder, one.number + 1, int(text)))

        self.app.push_screen(
            AskText(
                f"How many more measurements of {one.name}?",
                Content.styled("It is judged anew, on all of them.", "$muted"),
                str(MORE_SEEDS),
                check=seeds_problem,
                done="enter asks for it · esc leaves it",
            ),
            asked,
        )

    def action_replay(self) -> None:
        """Measure the best again."""
        view = self.campaign
        if view is None:
            self._loop()
        elif view.best is None:
            say(self, "There is no best yet: the baseline comes first.")
        else:
            from engine.loops.research.acts import replay_best

            self._wish(replay_best)

    def _judged(self) -> Tried | None:
        """The try at the cursor, where it has a verdict; else that is said."""
        if self._loop() is None:
            return None
        one = self.current
        if one is None or one.verdict is None:
            name = one.name.capitalize() if one is not None else "No try is there; it"
            say(self, f"{name} has no verdict yet.")
            return None
        return one

    def _reasoned(self, words: str, one: Tried, act: Callable[[LoopFolder, str], object]) -> None:
        detail = f"{plain(one.words, clip=300)}\nThe reason is kept beside the verdict."

        def asked(reason: str | None) -> None:
            if reason is not None:
                self._wish(lambda folder: act(folder, reason))

        self.app.push_screen(
            AskText(
                words,
                Content.styled(detail, "$muted"),
                "",
                check=lambda text: None if text.strip() else "Give a reason, in a line.",
                placeholder="why",
                done="enter does it · esc leaves it",
            ),
            asked,
        )

    def _wish(self, act: Callable[[LoopFolder], object]) -> None:
        view = self._loop()
        if view is None:
            return

        def wish(folder: LoopFolder) -> str:
            act(folder)
            return "Asked for: the campaign does it next, as an iteration of its own."

        self._do(view, "asking …", wish)

    # --- files ------------------------------------------------------------------------

    def action_diff(self) -> None:
        """Open the diff of the try in the editor."""
        view, one = self.view, self.current
        if view is None or one is None or one.number == 0:
            say(self, "The baseline changes nothing." if one else "There is no try.")
            return
        name = f"{one.number + 1:03d}"
        self._open(view.path / "iterations" / name / CHANGE_FILE, f"{one.name} has no diff")

    def action_results(self) -> None:
        """Open the results log."""
        view = self.campaign
        if view is None or view.protocol is None:
            say(self, "No results log is known: the protocol cannot be read.")
            return
        name = view.protocol.provenance.results_log.path
        self._open(view.loop.path / WORKTREE / name, f"There is no {plain(name)} yet")

    def _open(self, path: Path, missing: str) -> None:
        if not path.is_file():
            say(self, f"{missing.capitalize()}.")
        elif problem := edit(self.factory, path, None):
            say(self, problem, "warning")

    def action_copy(self) -> None:
        """The commit of the try, to the clipboard."""
        one = self.current
        if one is None or one.commit is None:
            say(self, "This try has no commit.")
            return
        words, much = copy(self.app, one.commit, f"The commit of {one.name}")
        say(self, words, "warning" if much else "information")

    # --- a person's try ---------------------------------------------------------------

    def action_edit(self) -> None:
        """Edit what may be changed, then say in a line what it is."""
        from tui.screens.research_edit import EditedTry

        view = self.view
        if self._loop() is not None and view is not None:
            EditedTry(self, LoopFolder(view.path)).begin()

    # --- a new campaign -----------------------------------------------------------------

    def action_new(self) -> None:
        """Begin a campaign."""
        from tui.screens.research_new import NewCampaign

        workspace = Workspace(self.factory.workspace)
        self.app.push_screen(NewCampaign(workspace), self._begun)

    def _begun(self, loop_id: str | None) -> None:
        if loop_id is not None:
            say(self, f"{loop_id} is started. It goes on when this screen is left.")
            self.show_campaign(loop_id)


def seeds_problem(text: str) -> str | None:
    """What is wrong with a number of measurements as it was typed; None for nothing."""
    words = text.strip()
    if not words.isascii() or not words.isdecimal() or not 1 <= int(words[:6]) <= MOST_SEEDS:
        return f"A whole number from 1 to {MOST_SEEDS}."
    return None
