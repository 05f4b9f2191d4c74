"""New run: choose a target, change its settings, see what it would cost, start or queue it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.models import ModelOnDisk
from engine.plans.programs import Program
from engine.plans.starting import NotAgreed
from engine.target import TargetError, load_target
from engine.workspace import Workspace
from tui.acting import ask, hand_over, say
from tui.bindings import bindings_for
from tui.screens import new_run_work
from tui.screens.agreeing import SAID_NO, question_on
from tui.screens.base import RoomScreen
from tui.screens.new_run_plan import PlanPane
from tui.screens.new_run_typed import Typed
from tui.screens.new_run_work import Parent, Wish
from tui.standing import in_front
from tui.styles import style_paths
from tui.views.draft_view import BASE, setting_lines
from tui.views.estimate_view import memory_words
from tui.views.new_run_view import state_words, target_lines
from tui.views.plain import plain
from tui.views.setting import Setting
from tui.views.settings_form import (
    FormError,
    complaints,
    hypothesis_of,
    overrides_of,
    own_values,
    seed_of,
    seeds_of,
)
from tui.widgets.confirm import Confirm
from tui.widgets.field import Choice
from tui.widgets.key_bar import KeyBar
from tui.widgets.setting_row import SettingRow
from tui.widgets.settings_pane import SettingsPane
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

WAIT_S = 0.4
"""How long nothing is typed before the run is planned again."""


class NewRunScreen(RoomScreen):
    """Plans a run as it is typed; nothing is written before it is started."""

    ROOM = "new_run"
    CSS_PATH = style_paths("new_run")
    BINDINGS = bindings_for("new_run")
    AUTO_FOCUS: ClassVar[str | None] = "Choice"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._targets: dict[str, Path] = {}
        self._models: list[ModelOnDisk] | None = None
        self._explained: Setting | None = None
        self._timer: Timer | None = None
        self._starting = False

    def compose(self) -> ComposeResult:
        yield TopBar(*self._place, right="reading the targets …")
        with Horizontal(id="sides"):
            yield SettingsPane(follows=self.run_id is not None)
            yield PlanPane(self._workspace)
        yield Static(id="empty")
        yield KeyBar("new_run")

    def on_mount(self) -> None:
        self._typed = Typed(self.factory.remembered)
        self.query_one("#empty").display = False
        self._explain(None)
        self._find_targets()
        self._find_models()

    @property
    def _workspace(self) -> Workspace:
        return Workspace(self.factory.workspace)

    @property
    def _place(self) -> tuple[str, ...]:
        after = (f"after {plain(self.run_id)}",) if self.run_id else ()
        return ("factory", "new run", *after)

    @property
    def _pane(self) -> SettingsPane:
        return self.query_one(SettingsPane)

    @property
    def _plans(self) -> PlanPane:
        return self.query_one(PlanPane)

    # --- the target ---------------------------------------------------------------

    @work(thread=True, exclusive=True, group="targets")
    def _find_targets(self) -> None:
        workspace = self._workspace
        targets = {path.name: path for path in workspace.target_paths()}
        parent = new_run_work.read_parent(workspace, self.run_id)
        hand_over(self, self._take_targets, targets, parent)

    def _take_targets(self, targets: dict[str, Path], parent: Parent | None) -> None:
        self._targets, self._typed.parent = targets, parent
        self._plans.state.parent = parent.config if parent else None
        self._plans.state.parent_id = self.run_id or ""
        if not targets:
            self._say_no_target()
            return
        if self.run_id is not None and parent is None:
            say(self, f"The settings of {self.run_id} cannot be read.", "warning")
        first = parent.target if parent and parent.target in targets else next(iter(targets))
        self._pane.offer_targets(dict.fromkeys(targets, ""), first)

    def _say_no_target(self) -> None:
        self.query_one("#sides").display = False
        empty = self.query_one("#empty", Static)
        empty.display = True
        empty.update(
            Content.assemble(
                ("No target in this workspace.\n\n", "bold $strong"),
                "A target is a folder below ",
                (plain(self.factory.workspace / "targets"), "$accent"),
                " with a forge.yaml: what is built, and from what.\n",
                "Copy one there, such as the drone-router of the samples, and come back.",
            )
        )
        self.query_one(TopBar).put("factory", "new run", right="no target")

    @on(SettingsPane.TargetChosen)
    def _target_chosen(self, event: SettingsPane.TargetChosen) -> None:
        path = self._targets.get(event.name)
        if path is not None:
            self._plans.forget()
            if self._explained is None:
                self._explain(None)
            self._read_target(path)

    @work(thread=True, exclusive=True, group="target")
    def _read_target(self, path: Path) -> None:
        try:
            target = load_target(path)
        except TargetError as error:
            hand_over(self, self._take_target, path, {}, str(error))
            return
        own = own_values(target.forge, new_run_work.train_settings(target))
        hand_over(self, self._take_target, path, own, "")

    def _take_target(self, path: Path, own: dict[str, str], problem: str) -> None:
        self._pane.offer(own)
        if problem:
            self._plans.refuse(problem)
            return
        fields = self._typed.at_first(path.name)
        if fields and self.run_id is None:
            say(self, "What was typed here before is back; ^r empties it.")
        self._pane.fill(fields)
        self._plan()

    # --- what is typed --------------------------------------------------------------

    def action_reset(self) -> None:
        """Every field as at first; once more brings back what was typed."""
        fields = self._typed.reset(self._pane.target, self._pane.typed())
        if fields is not None:
            self._pane.fill(fields)
            say(self, "^r once more brings back the fields as they were.")
            self._plan()

    def action_find(self) -> None:
        """The filter, while text is typed."""
        self._pane.open_filter()

    def action_filter(self) -> None:
        """Show only settings that match."""
        self._pane.open_filter()

    def step_back(self) -> bool:
        if self._pane.filtering:
            self._pane.close_filter()
            return True
        return False

    @on(SettingRow.Changed)
    def _setting_changed(self, event: SettingRow.Changed) -> None:
        if self._timer is not None:
            self._timer.stop()
        if event.setting is self._explained:
            self._explain(event.setting)
        # A hub id is looked up, so it is planned with once it is whole: on enter or on leaving.
        if event.setting.key != BASE:
            self._timer = self.set_timer(WAIT_S, self._plan)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._plan()
        self.screen.focus_next()

    @on(SettingRow.Entered)
    def _entered(self, event: SettingRow.Entered) -> None:
        self._explain(event.setting)
        self._plan()

    def on_descendant_focus(self) -> None:
        if isinstance(self.focused, Choice) and self.focused.has_class("-target"):
            self._explain(None)

    def _explain(self, setting: Setting | None) -> None:
        self._explained = setting
        pane = self.query_one("#explain", Static)
        if setting is None:
            pane.update(lines(paint(*one) for one in target_lines(self._pane.target)))
        else:
            row = self._pane.row(setting.key)
            rows = setting_lines(setting, row.own, self._models, row.problem)
            pane.update(lines(paint(*one) for one in rows))

    # --- models on this disk --------------------------------------------------------

    @work(thread=True, exclusive=True, group="models")
    def _find_models(self) -> None:
        models, problem = new_run_work.find_models(self._workspace)
        if problem:
            hand_over(self, say, self, problem, "warning")
        hand_over(self, self._take_models, models)

    def _take_models(self, models: list[ModelOnDisk]) -> None:
        self._models = models
        self._explain(self._explained)

    def action_models(self) -> None:
        """Choose a base model from those on this disk."""
        from tui.screens.models import ModelScreen

        if self._models is None:
            say(self, "The models on this disk are still being looked for.")
        else:
            self.app.push_screen(ModelScreen(self._models), self._model_chosen)

    def _model_chosen(self, model: str | None) -> None:
        if model is not None:
            row = self._pane.row(BASE)
            row.put(model)
            row.entry.focus()
            self._plan()

    # --- planning as it is typed ----------------------------------------------------

    def _wish_now(self) -> Wish | None:
        """What is asked for now; None, with the problem kept, where it cannot be read."""
        path = self._targets.get(self._pane.target)
        if path is None:
            return None
        typed = self._pane.typed()
        try:
            overrides = tuple(overrides_of(typed, self._pane.own))
            return Wish(
                path, overrides, seed_of(typed), self.run_id, hypothesis_of(typed), seeds_of(typed)
            )
        except FormError as error:
            self._plans.refuse(str(error))
            return None

    def _plan(self) -> None:
        wish = self._wish_now()
        if wish is not None and self._plans.plan(wish):
            self.query_one(TopBar).put(*self._place, right="planning …")

    @on(PlanPane.Drawn)
    def _drawn(self, event: PlanPane.Drawn) -> None:
        self._pane.complain(complaints(event.state.problems))
        if not self._starting:
            self.query_one(TopBar).put(*self._place, right=state_words(event.state))

    def action_measure(self) -> None:
        """Measure what the model costs on this machine; once more stops it."""
        self._plans.measure()

    def action_copy(self) -> None:
        """The command line to the clipboard."""
        if not self._plans.state.commands:
            say(self, "There is no command yet: something is to mend first.", "warning")
            return
        self.app.copy_to_clipboard("\n".join(self._plans.state.commands))
        many = len(self._plans.state.commands)
        say(self, f"{many} commands are copied." if many > 1 else "The command is copied.")

    def action_page(self, by: int) -> None:
        """Scroll the plan, which has no focus of its own."""
        if by > 0:
            self._plans.scroll_page_down(animate=False)
        else:
            self._plans.scroll_page_up(animate=False)

    # --- starting -----------------------------------------------------------------

    def action_start(self) -> None:
        """Make the run, start it and watch it."""
        self._begin(watch=True)

    def action_queue(self) -> None:
        """Make the run, let it wait for its turn, and plan the next one."""
        self._begin(watch=False)

    def _begin(self, *, watch: bool) -> None:
        wish = self._wish_now()
        if self._starting:
            say(self, "The run is being started.")
        elif wish is None:
            problem = self._plans.state.problem
            say(self, problem or "There is no target to start a run of.", "warning")
        elif self._typed.parent is not None and wish.hypothesis is None:
            say(self, f"What is this run to show that {self.run_id} did not? Say it first.")
            self._pane.ask_hypothesis()
        elif self._plans.state.risky:
            self._ask_about_memory(wish, watch=watch)
        else:
            self._go(wish, watch=watch)

    def _ask_about_memory(self, wish: Wish, *, watch: bool) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._go(wish, watch=watch)

        question = "This run may take more memory than there is"
        outlook = self._plans.state.outlook
        detail = "The machine may stop answering." if outlook is None else memory_words(outlook)
        self.app.push_screen(Confirm(question, detail, "Start it", "Change it"), answered)

    def _go(self, wish: Wish, *, watch: bool, agreed: Sequence[Program] = ()) -> None:
        self._starting = True
        self.query_one(TopBar).put(*self._place, right="starting …")
        self._start(wish, watch, agreed)

    @work(thread=True, group="start")
    def _start(self, wish: Wish, watch: bool, agreed: Sequence[Program]) -> None:
        try:
            started, problem = new_run_work.start_all(self._workspace, wish, agreed)
        except NotAgreed as asked:
            self.app.call_later(self._ask_about_programs, asked, wish, watch)
        else:
            self.app.call_later(self._started, wish, started, problem, watch)

    def _ask_about_programs(self, asked: NotAgreed, wish: Wish, watch: bool) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                self._go(wish, watch=watch, agreed=asked.programs)

        self._starting = False
        question = question_on(asked.programs, asked.target, "run", asked.target.name)
        if not ask(self, question, answered):
            say(self, SAID_NO)
        if self.is_running:
            self._plans.draw()

    async def _started(self, wish: Wish, started: list[str], problem: str, watch: bool) -> None:
        """Show the run that was started, or why none was.

        Runs as a callback of the app: a screen that waits for its own removal waits for ever.
        """
        self._starting = False
        if problem:
            say(self, problem, "error")
        if not started:
            if self.is_running:
                self._plans.draw()
            return
        self._typed.keep(wish.target.name, {})
        names = started[0] if len(started) == 1 else f"{started[0]} to {started[-1]}"
        how = "queued" if self._plans.state.ahead else "started"
        say(self, f"{names} {'is' if len(started) == 1 else 'are'} {how}.")
        if not self.is_running:
            return  # it was left meanwhile
        if not watch or not in_front(self):
            self._plans.look_at_queue()
            self._plans.draw()
            return
        await self.factory.action_back()
        self.factory.open_run(started[0])

    async def action_leave(self) -> None:
        """One step back: out of the filter, or of the screen; nothing was written."""
        if self._starting:
            say(self, "The run is being started.")
            return
        if not self._pane.filtering:
            self._typed.keep(self._pane.target, self._pane.typed())
        await self.factory.action_back()
