"""What one can do to a run from Live: stop it, go on with it, see it beside another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from tui.acting import attempt, hand_over, say, still_at
from tui.feed import RunFeed
from tui.screens.base import RoomScreen
from tui.standing import in_front
from tui.widgets.confirm import Confirm

if TYPE_CHECKING:
    from engine.loops.mark import LoopMark


class RunActs(RoomScreen):
    """A screen on one run that is followed."""

    @property
    def feed(self) -> RunFeed:
        """What follows the run."""
        raise NotImplementedError

    def action_room(self, name: str) -> None:
        """Open another screen on the run, where this version has it."""
        if self._there_is(name):
            super().action_room(name)

    def _there_is(self, room: str) -> bool:
        from tui.app import ROOMS

        if room in ROOMS:
            return True
        say(self, f"There is no screen for {room} in this version.")
        return False

    def offers(self, action: str) -> bool:
        return action != "loop" or self.mark is not None

    @property
    def mark(self) -> LoopMark | None:
        """The loop and iteration that the run belongs to; None for a run by itself."""
        from engine.loops.mark import mark_in

        return mark_in(self.feed.config)

    async def action_loop(self) -> None:
        """Back to Loops where it is the screen before, else Loops on this run."""
        before = self.app.screen_stack[-2:-1]
        if before and isinstance(before[0], RoomScreen) and before[0].ROOM == "loops":
            await self.factory.action_back()
        else:
            self.factory.show("loops", self.run_id)

    def action_compare(self) -> None:
        """The run beside its parent, or beside the best other one of its target."""
        if self._there_is("compare"):
            self._find_other()

    @work(thread=True, group="compare", exclusive=True)
    def _find_other(self) -> None:
        from engine.catalogue.run_reader import all_runs
        from engine.catalogue.summary import summarise
        from engine.workspace import Workspace
        from tui.views.other_run import other_run

        found: list[str] = []

        def look() -> None:
            this = summarise(self.run_path)
            place = Workspace(self.factory.workspace)
            if this.parent_run_id in place.run_names():
                found.append(this.parent_run_id or "")
            elif this.target and (other := other_run(this, all_runs(place))):
                found.append(other)

        if attempt(self, look, ""):
            hand_over(self, self._compare_with, found[0] if found else None)

    def _compare_with(self, other: str | None) -> None:
        if not in_front(self):
            return
        if other is None:
            say(self, "There is no other run of this target to compare with.")
        elif self.run_id is not None:
            self.factory.show("compare", None, runs=(other, self.run_id))

    def action_cancel(self) -> None:
        """Ask, then stop the run."""
        if self.feed.final or not self.feed.status:
            say(self, f"{self.run_id} is not running, so there is nothing to cancel.")
            return
        question = Confirm(
            f"Stop {self.run_id}?",
            "A training stage saves a checkpoint first, so the run can be resumed from there.",
            "Stop it",
        )
        self.app.push_screen(question, self._cancel_if)

    def _cancel_if(self, yes: bool | None) -> None:
        if yes:
            self._cancel()

    @work(thread=True, group="act")
    def _cancel(self) -> None:
        from engine.supervise.launch import cancel

        attempt(self, lambda: cancel(self.run_path), f"{self.run_id} is being cancelled.")

    def action_resume(self) -> None:
        """Go on with a run that stands still."""
        if self.feed.liveness in ("running", "waiting"):
            say(self, f"{self.run_id} is running; there is nothing to resume.")
        elif not still_at(self, f"{self.run_id} is still being started.", "resume"):
            self._resume()

    @work(thread=True, group="resume")
    def _resume(self) -> None:
        from tui.screens.agreeing import resume_run

        resume_run(self, self.run_path, self._resumed)

    def _resumed(self, place: Path) -> None:
        """A run that was final goes on as a new one: show that."""
        if place.name != self.run_id:
            say(self, f"{place.name} goes on from {self.run_id}.")
            if in_front(self):  # else something else was gone to meanwhile
                self.factory.open_run(place.name)
        else:
            say(self, f"{self.run_id} goes on.")
