"""What one can do to a loop: pause, stop, cancel, go on, skip training, approve its plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work

from engine.loops.folder import LoopFolder, Request
from engine.records.loop import LoopPhase
from engine.target import load_target
from tui.acting import ask, attempt, hand_over, say, still_at
from tui.bindings import caption_in
from tui.screens.base import RoomScreen
from tui.views.loops_reader import LoopView
from tui.views.plain import plain
from tui.widgets.confirm import Confirm

if TYPE_CHECKING:
    from engine.plans.programs import Program

CANCEL_WAIT_S = 60.0
"""How long the run may take to save its checkpoint."""

_DONE = {
    Request.PAUSE: "It pauses after this step.",
    Request.STOP: "It stops after this iteration.",
    Request.SKIP_TRAINING: "Training is skipped the next time.",
}


class LoopActs(RoomScreen):
    """A screen that shows a loop. Every act is the one that the command line does."""

    BEGINS = ("loops.flywheel", "a flywheel")
    """The key that begins another loop, and what is begun."""

    awaited = ""
    """The loop that was chosen while another one is still shown: it is being read."""

    @property
    def view(self) -> LoopView | None:
        """The loop that is shown; None where none is."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Something was done: read what came of it."""
        raise NotImplementedError

    def busy(self, words: str) -> None:
        """Say at the top that something is under way; "" when it is over."""
        raise NotImplementedError

    def _loop(self) -> LoopView | None:
        """The loop; where none is shown, or another one is about to be, that is said."""
        if self.awaited:
            say(self, f"{plain(self.awaited)} is still being read.")
            return None
        if self.view is None:
            name, what = self.BEGINS
            say(self, f"No loop is shown. {caption_in(self.app, name)} starts {what}.")
        return self.view

    def _do(self, view: LoopView, words: str, act: Callable[[LoopFolder], object]) -> None:
        """Do something that may take a while, in a thread, with a sign at the top."""
        if self._is_acting():
            return
        self.busy(words)
        self._work(LoopFolder(view.path), act)

    def _is_acting(self) -> bool:
        """Whether something is being done: one thing after another."""
        return still_at(self, "What was asked before is still being done.", "act")

    @work(thread=True, group="act")
    def _work(self, folder: LoopFolder, act: Callable[[LoopFolder], object]) -> None:
        said: list[object] = []
        well = attempt(self, lambda: said.append(act(folder)), "")
        self.app.call_from_thread(self._acted, said[0] if well and said else None)

    def _acted(self, said: object) -> None:
        self.busy("")
        if isinstance(said, str):
            say(self, said)
        if self.is_running:
            self.look_again()

    # --- what is asked of a running loop ----------------------------------------------

    def action_pause(self) -> None:
        """Pause after the step at hand, or take that back."""
        self._ask(Request.PAUSE)

    def action_stop(self) -> None:
        """Stop after the iteration at hand, or take that back."""
        self._ask(Request.STOP)

    def action_skip(self) -> None:
        """Skip training in the next iteration, or take that back."""
        self._ask(Request.SKIP_TRAINING)

    def _ask(self, request: Request) -> None:
        view = self._loop()
        if view is None:
            return
        ended = view.status is None or view.status.phase is LoopPhase.COMPLETED
        if ended or (view.state != "running" and request is not Request.SKIP_TRAINING):
            say(self, f"{plain(view.loop_id)} does not run.")
            return

        def act(folder: LoopFolder) -> str:
            if folder.withdraw(request):
                return "That is taken back."
            folder.ask(request)
            return _DONE[request]

        self._do(view, "asking …", act)

    def action_cancel(self) -> None:
        """Ask, then stop the loop now."""
        view = self._loop()
        if view is None:
            return
        if view.status is None or (view.state != "running" and view.status.phase.ended):
            phase = view.status.phase if view.status is not None else "not readable"
            say(self, f"{plain(view.loop_id)} is {phase} already.")
            return
        question = Confirm(
            f"Stop {plain(view.loop_id)} now?",
            "Its run saves a checkpoint first and is cancelled. The loop can go on from there.",
            "Stop it",
        )
        self.app.push_screen(question, lambda yes: self._cancel(view) if yes else None)

    def _cancel(self, view: LoopView) -> None:
        from engine.loops.launch import cancel_loop

        def act(folder: LoopFolder) -> str:
            # Who leaves the app is not kept waiting.
            status = cancel_loop(folder, wait_s=CANCEL_WAIT_S, goes_on=lambda: self.app.is_running)
            return f"{folder.loop_id} is {status.phase}."

        self._do(view, "cancelling …", act)

    # --- going on ---------------------------------------------------------------------

    def action_resume(self) -> None:
        """Go on with a loop that paused, died, failed or was cancelled."""
        view = self._loop()
        if view is None:
            return
        if view.state == "running":
            say(self, f"{plain(view.loop_id)} is running; there is nothing to resume.")
        elif view.status is not None and view.status.phase is LoopPhase.COMPLETED:
            key = caption_in(self.app, self.BEGINS[0])
            say(self, f"{plain(view.loop_id)} has ended. {key} starts another one.")
        elif view.waiting is not None:
            keys = [caption_in(self.app, f"loops.{name}") for name in ("approve", "edit_plan")]
            say(self, f"Its plan waits: {keys[0]} approves it, {keys[1]} changes it first.")
        else:
            self._go_on(view, _launch)

    def _go_on(self, view: LoopView, act: Callable[[LoopFolder], object]) -> None:
        if self._is_acting():
            return
        self.busy("starting …")
        self._ask_then(LoopFolder(view.path), act)

    @work(thread=True, group="act")
    def _ask_then(self, folder: LoopFolder, act: Callable[[LoopFolder], object]) -> None:
        """Do ``act``, which starts the loop; what the loop executes is agreed to first."""
        from engine.loops.agreeing import loop_not_agreed, place_of
        from tui.screens.agreeing import agree_then

        found: list[tuple[list[Program], Path]] = []
        if not attempt(self, lambda: found.append((loop_not_agreed(folder), place_of(folder))), ""):
            self.app.call_from_thread(self._acted, None)
            return
        programs, place = found[0]
        if not programs:
            self.app.call_from_thread(self._work, folder, act)
            return
        self.app.call_from_thread(self.busy, "")
        words = ("loop", "resume", folder.loop_id)
        self.app.call_from_thread(
            agree_then, self, folder.workspace, programs, place, words,
            lambda: self._work(folder, act),
        )  # fmt: skip

    def action_approve(self) -> None:
        """Approve the plan that waits, and go on."""
        if self._waiting() is not None:
            self._approve()

    def action_edit_plan(self) -> None:
        """Change the plan that waits before it runs."""
        if (view := self._waiting()) is not None:
            self._open_form(view)

    @work(thread=True, group="form", exclusive=True)
    def _open_form(self, view: LoopView) -> None:
        from tui.screens.loops_edit import EditPlan, edit_form

        if view.waiting is None or view.loop is None:
            return
        number, own = view.waiting.number, view.settings
        target = (self.factory.workspace / view.loop.target_dir).resolve()
        forms: list[EditPlan] = []
        if attempt(
            self,
            lambda: forms.append(edit_form(LoopFolder(view.path), target, number, own)),
            "",
        ):
            hand_over(self, ask, self, forms[0], self._edited)

    def _edited(self, approve: bool | None) -> None:
        """The plan was changed; with ``approve`` it is to be run as well."""
        if approve:
            self._approve()
        elif approve is not None:
            say(self, "The plan is changed; it still waits.")
            self.look_again()

    def _waiting(self) -> LoopView | None:
        view = self._loop()
        if view is not None and view.waiting is None:
            say(self, "No plan waits to be approved.")
            return None
        return view

    def _approve(self) -> None:
        from engine.loops.flywheel.planning import changed

        view = self.view
        if view is None or view.waiting is None or view.loop is None:
            return
        number = view.waiting.number
        place = (self.factory.workspace / view.loop.target_dir).resolve()

        def act(folder: LoopFolder) -> str:
            changed(folder, load_target(place), number, approved=True)
            return _launch(folder)

        self._go_on(view, act)

    def action_gold(self) -> None:
        """Decide the run in which the best candidate was judged on gold."""
        view = self._loop()
        if view is None:
            return
        run = view.status.gold_run if view.status is not None else None
        if run is None:
            say(self, "Gold is opened at the end of a loop, for its best candidate.")
        else:
            self.factory.show("decide", run)


def _launch(folder: LoopFolder) -> str:
    from engine.loops.launch import launch_loop

    launch_loop(folder)
    return f"{folder.loop_id} goes on."
