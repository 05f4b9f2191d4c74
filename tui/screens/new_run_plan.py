"""The right side of New run: plans in threads what is asked for, and shows what it would cost."""

from __future__ import annotations

from dataclasses import dataclass

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from engine.costs.benching import BenchError, measure
from engine.costs.forecast import Outlook
from engine.helper import HelperStopped
from engine.models import ModelOnDisk
from engine.plans.data_check import DataCheck
from engine.plans.data_lengths import TokenCount
from engine.plans.planning import Draft
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace
from tui.acting import at_work, hand_over, say
from tui.screens import new_run_work
from tui.screens.new_run_work import Planned, Wish
from tui.views.new_run_view import NewRunState, plan_lines
from tui.widgets.tones import lines, paint

QUEUE_S = 3.0
"""How often the queue is looked at."""


_OF_A_TARGET = ("draft", "data", "outlook", "tokens")
"""The workers whose findings hold for one target."""


class PlanPane(VerticalScroll):
    """Says `Drawn` whenever ``state`` changed."""

    @dataclass
    class Drawn(Message):
        """What is known changed."""

        state: NewRunState

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(id="plan", can_focus=False)
        self.state = NewRunState()
        self._workspace = workspace
        self._wish: Wish | None = None
        self._looked: tuple[object, ...] = ()
        self._counted: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="explain")
        yield Static(id="check")

    def on_mount(self) -> None:
        self.look_at_queue()
        self.set_interval(QUEUE_S, self.look_at_queue)

    # --- planning -------------------------------------------------------------------

    def forget(self) -> None:
        """Another target was chosen: nothing that was found holds for it."""
        for group in _OF_A_TARGET:
            self.workers.cancel_group(self, group)
        self._wish = None
        self._looked = self._counted = ()
        self.state.check = self.state.count = self.state.outlook = self.state.draft = None
        self.state.problem, self.state.commands = "", []
        self.draw()

    def plan(self, wish: Wish) -> bool:
        """Plan what is asked for, where it is something else than before; whether it is."""
        if wish == self._wish:
            return False
        self._wish = wish
        self._make_draft(wish)
        self._look_at_data(wish)
        return True

    def refuse(self, problem: str) -> None:
        """What is asked for cannot be planned."""
        self._wish = None
        self.state.draft, self.state.problem, self.state.commands = None, problem, []
        self.draw()

    @work(thread=True, exclusive=True, group="draft")
    def _make_draft(self, wish: Wish) -> None:
        planned = new_run_work.plan(self._workspace, wish)
        hand_over(self, self._take_draft, wish, planned)

    def _take_draft(self, wish: Wish, planned: Planned) -> None:
        if wish != self._wish:
            return
        self.state.draft, self.state.problem = planned.draft, planned.problem
        self.state.base_score = planned.base_score
        self.state.commands = []
        if planned.draft is not None:
            self.state.commands = new_run_work.commands(planned.draft, wish.seeds)
            self._look_ahead()
        self.draw()

    @work(thread=True, exclusive=True, group="data")
    def _look_at_data(self, wish: Wish) -> None:
        """Read the data files of what is asked for, where they are others than before."""
        worker = get_current_worker()
        try:
            target = load_target(wish.target, wish.overrides)
        except (TargetError, ValueError):
            return  # the draft says what is wrong
        forge = target.forge
        files = (forge.dataset, [one.file for one in target.held_out], forge.factory.data)
        key = (wish.target, repr(files))
        hand_over(self, setattr, self.state, "limit", forge.model.max_seq_len)
        if key == self._looked:
            return
        check = new_run_work.look_at_data(target, lambda: worker.is_cancelled)
        if check is not None:
            hand_over(self, self._take_data, key, check)

    def _take_data(self, key: tuple[object, ...], check: DataCheck) -> None:
        self._looked = key
        self.state.check, self.state.count, self.state.count_trouble = check, None, ""
        self._counted = ()
        self._look_ahead()
        self.draw()

    # --- time and memory --------------------------------------------------------------

    def _look_ahead(self) -> None:
        if self.state.draft is not None:
            self._estimate(self.state.draft, self.state.check, self.state.count)

    @work(thread=True, exclusive=True, group="outlook")
    def _estimate(
        self, drafted: Draft, check: DataCheck | None, counted: TokenCount | None
    ) -> None:
        hand_over(
            self,
            self._take_outlook,
            drafted,
            new_run_work.outlook(self._workspace, drafted, check, counted),
        )

    def _take_outlook(self, drafted: Draft, outlook: Outlook | None) -> None:
        if drafted is not self.state.draft:
            return
        self.state.outlook = outlook
        self.draw()
        check = self.state.check
        if outlook is None or check is None or not check.canonical:
            return
        if outlook.model is None:
            self.state.count_trouble = "by its characters: the model is not on this disk yet"
            self.draw()
            return
        key = (self._looked, outlook.model.path, drafted.target.forge.model.max_seq_len)
        if check.canonical.usable and key != self._counted:
            self._counted = key
            self._count(drafted.target, check, outlook.model)

    @work(thread=True, exclusive=True, group="tokens")
    def _count(self, target: Target, check: DataCheck, model: ModelOnDisk) -> None:
        worker = get_current_worker()
        counted, trouble = new_run_work.count(
            self._workspace,
            target,
            check,
            model,
            lambda some: hand_over(self, self._take_count, check, some, ""),
            lambda: worker.is_cancelled,
        )
        hand_over(self, self._take_count, check, counted, trouble)

    def _take_count(self, check: DataCheck, counted: TokenCount | None, trouble: str) -> None:
        if check is self.state.check:
            self.state.count, self.state.count_trouble = counted, trouble
            if counted is not None and counted.whole:
                self._look_ahead()
            self.draw()

    def measure(self) -> None:
        """Measure what the model costs on this machine; once more stops it."""
        outlook, drafted = self.state.outlook, self.state.draft
        if at_work(self, "bench"):
            self.workers.cancel_group(self, "bench")
            self.state.measuring = ""
            say(self, "The benchmark is stopped; nothing of it is kept.")
            self.draw()
        elif drafted is None or outlook is None:
            say(self, "There is no plan to measure a model for yet.", "warning")
        elif outlook.wish is None or outlook.model is None:
            text = "The base model is not on this disk yet: measure it once a run has made it."
            if outlook.wish is None:
                text = "The plan trains with a command of its own: there is nothing to measure."
            say(self, text, "warning")
        else:
            self._told_of_bench("starting")
            self._measure(new_run_work.named(outlook.model, drafted), outlook)

    @work(thread=True, exclusive=True, group="bench")
    def _measure(self, model: ModelOnDisk, outlook: Outlook) -> None:
        worker = get_current_worker()
        assert outlook.wish is not None

        def told(what: str, done: int, total: int) -> None:
            hand_over(
                self, self._told_of_bench, f"{done + 1} of {total}, {what}" if total else what
            )

        problem = ""
        try:
            measure(self._workspace, model, outlook.wish, told, lambda: worker.is_cancelled)
        except BenchError as error:
            problem = str(error)
        except HelperStopped:
            return
        hand_over(self, self._measured, problem)

    def _told_of_bench(self, what: str) -> None:
        self.state.measuring = what
        self.draw()

    def _measured(self, problem: str) -> None:
        self.state.measuring = ""
        say(
            self, problem or "Measured: the estimate is new.", "error" if problem else "information"
        )
        self._look_ahead()
        self.draw()

    @work(thread=True, exclusive=True, group="queue")
    def look_at_queue(self) -> None:
        words, ahead = new_run_work.queue_words(self._workspace)
        hand_over(self, self._take_queue, words, ahead)

    def _take_queue(self, words: str, ahead: int) -> None:
        if (words, ahead) != (self.state.queue, self.state.ahead):
            self.state.queue, self.state.ahead = words, ahead
            self.draw()

    def draw(self) -> None:
        """Show what is known now."""
        blocks = [paint(*line) for line in plan_lines(self.state)]
        self.query_one("#check", Static).update(lines(blocks))
        self.post_message(self.Drawn(self.state))
