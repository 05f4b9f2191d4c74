"""New run: choose a target, change its settings, see what would run, start it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.folder import FolderError, RunFolder
from engine.models import ModelOnDisk, cached_models
from engine.planning import Draft, draft
from engine.records.plan import Plan
from engine.starting import StartError, start_draft
from engine.target import Target, TargetError, load_target
from engine.workspace import Workspace
from tui.acting import say
from tui.bindings import bindings_for
from tui.screens.base import RoomScreen
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.data_check import DataCheck, check_data, data_lines
from tui.views.draft_view import BASE, draft_lines, setting_lines
from tui.views.plain import plain
from tui.views.settings_form import (
    MORE,
    SETTINGS,
    FormError,
    Setting,
    as_typed,
    field_of,
    overrides_of,
    seed_of,
    value_text,
)
from tui.widgets.field import Choice
from tui.widgets.key_bar import KeyBar
from tui.widgets.setting_row import SettingRow
from tui.widgets.tones import lines, paint
from tui.widgets.top_bar import TopBar

WAIT_S = 0.4
"""How long nothing is typed before the run is planned again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: the input of a draft."""

    target: Path
    overrides: tuple[str, ...]
    seed: int | None
    parent: str | None


class NewRunScreen(RoomScreen):
    """Plans a run as it is typed; nothing is written before it is started."""

    ROOM = "new_run"
    CSS_PATH = style_paths("new_run")
    BINDINGS = bindings_for("new_run")
    AUTO_FOCUS: ClassVar[str | None] = "Choice"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._targets: dict[str, Path] = {}
        self._own: dict[str, str] = {}
        self._wish: Wish | None = None
        self._draft: Draft | None = None
        self._data: DataCheck | None = None
        self._models: list[ModelOnDisk] | None = None
        self._explained: Setting | None = None
        self._problem = ""
        self._timer: Timer | None = None
        self._starting = False

    def compose(self) -> ComposeResult:
        names = ["factory", "new run"] + ([f"after {plain(self.run_id)}"] if self.run_id else [])
        yield TopBar(*names, right="reading the targets …")
        with Horizontal(id="sides"):
            with VerticalScroll(id="settings", can_focus=False):
                with Horizontal(classes="setting", id="target-line"):
                    yield Static(" ", classes="setting-sign")
                    yield Static("target", classes="setting-label")
                    yield Choice({})
                for setting in (*SETTINGS, MORE):
                    yield SettingRow(setting)
            with VerticalScroll(id="plan", can_focus=False):
                yield Static(id="explain")
                yield Static(id="check")
        yield Static(id="empty")
        yield KeyBar("new_run")

    def on_mount(self) -> None:
        self.query_one("#empty").display = False
        self._explain(None)
        self._find_targets()
        self._find_models()

    # --- the target ---------------------------------------------------------------

    @work(thread=True, exclusive=True, group="targets")
    def _find_targets(self) -> None:
        workspace = Workspace(self.factory.workspace)
        targets = {path.name: path for path in workspace.target_paths()}
        first = self._parent_target(workspace) or next(iter(targets), None)
        self.app.call_from_thread(self._take_targets, targets, first)

    def _parent_target(self, workspace: Workspace) -> str | None:
        """The target of the run that this one follows."""
        if self.run_id is None:
            return None
        try:
            plan = RunFolder(self.run_path).read("plan.json", Plan)
        except FolderError:
            return None
        return (workspace.path / plan.target_dir).name

    def _take_targets(self, targets: dict[str, Path], first: str | None) -> None:
        self._targets = targets
        if not targets:
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
            return
        choice = self.query_one(Choice)
        choice.offer(dict.fromkeys(targets, ""))
        choice.value = first if first in targets else next(iter(targets))

    @on(Choice.Changed)
    def _target_chosen(self, event: Choice.Changed) -> None:
        path = self._targets.get(event.value)
        if path is not None:
            self._data = None
            self._read_target(path)

    @work(thread=True, exclusive=True, group="target")
    def _read_target(self, path: Path) -> None:
        try:
            target = load_target(path)
        except TargetError as error:
            self.app.call_from_thread(self._take_target, path, None, str(error))
            return
        self.app.call_from_thread(self._take_target, path, target, "")
        data = check_data(target)
        self.app.call_from_thread(self._take_data, path, data)

    def _take_target(self, path: Path, target: Target | None, problem: str) -> None:
        self._own, self._wish = {}, None
        for row in self.query(SettingRow):
            own = value_text(target.forge, row.setting.key) if target else ""
            if target is not None and row.setting.key == "seed":
                own = as_typed(target.forge.training.seed)
            self._own[row.setting.key] = own
            row.offer(own)
        if target is None:
            self._draft, self._problem = None, problem
            self._draw()
        else:
            self._plan()

    def _take_data(self, path: Path, data: DataCheck) -> None:
        if path == self._targets.get(self.query_one(Choice).value):
            self._data = data
            self._draw()

    # --- models on this disk --------------------------------------------------------

    @work(thread=True, exclusive=True, group="models")
    def _find_models(self) -> None:
        try:
            models = cached_models()
        except OSError as error:
            text = f"The hub's cache cannot be read: {error.strerror or error}."
            self.app.call_from_thread(say, self, text, "warning")
            models = []
        self.app.call_from_thread(self._take_models, models)

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
            for row in self.query(SettingRow):
                if row.setting.key == BASE:
                    row.entry.value = model
                    row.entry.focus()
            self._plan()

    def action_page(self, by: int) -> None:
        """Scroll the plan, which has no focus of its own."""
        pane = self.query_one("#plan", VerticalScroll)
        if by > 0:
            pane.scroll_page_down(animate=False)
        else:
            pane.scroll_page_up(animate=False)

    # --- planning as it is typed ----------------------------------------------------

    @on(SettingRow.Changed)
    def _setting_changed(self, event: SettingRow.Changed) -> None:
        if self._timer is not None:
            self._timer.stop()
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
        if isinstance(self.focused, Choice):
            self._explain(None)

    def _explain(self, setting: Setting | None) -> None:
        self._explained = setting
        pane = self.query_one("#explain", Static)
        if setting is None:
            pane.update(Content.styled("← → choose the target, ⇥ goes to its settings.", "$muted"))
        else:
            own = self._own.get(setting.key, "")
            rows = setting_lines(setting, own, self._models)
            pane.update(lines(paint(*row) for row in rows))

    def _wish_now(self) -> Wish | None:
        """What is asked for now; None, with the problem kept, where it cannot be read."""
        path = self._targets.get(self.query_one(Choice).value)
        if path is None:
            return None
        try:
            typed = {row.setting.key: row.entry.value for row in self.query(SettingRow)}
            overrides = tuple(overrides_of(typed, self._own))
            return Wish(path, overrides, seed_of(typed), self.run_id)
        except FormError as error:
            self._draft, self._wish, self._problem = None, None, str(error)
            self._draw()
            return None

    def _plan(self) -> None:
        wish = self._wish_now()
        if wish is not None and wish != self._wish:
            self._wish = wish
            self.query_one(TopBar).put(*self._place, right="planning …")
            self._make_draft(wish)

    @work(thread=True, exclusive=True, group="draft")
    def _make_draft(self, wish: Wish) -> None:
        workspace = Workspace(self.factory.workspace)
        drafted, problem = None, ""
        try:
            drafted = draft(workspace, wish.target, wish.overrides, wish.seed, wish.parent)
        except TargetError as error:
            problem = str(error)
        except OSError as error:
            problem = f"{error.filename or wish.target} cannot be read: {error.strerror}."
        except ValueError as error:
            problem = f"A setting has a value that it cannot have: {error}."
        self.app.call_from_thread(self._take_draft, wish, drafted, problem)

    def _take_draft(self, wish: Wish, drafted: Draft | None, problem: str) -> None:
        if wish == self._wish:
            self._draft, self._problem = drafted, problem
            if drafted is not None and not self._own.get("factory.train.iters"):
                iters = drafted.config.hyperparameters.get("iters")
                for row in self.query(SettingRow):
                    if row.setting.key == "factory.train.iters":
                        row.entry.placeholder = f"{as_typed(iters)} (from the epochs)"
            self._draw()

    # --- what would run -----------------------------------------------------------

    @property
    def _place(self) -> tuple[str, ...]:
        after = (f"after {plain(self.run_id)}",) if self.run_id else ()
        return ("factory", "new run", *after)

    def _draw(self) -> None:
        problems = [line for line in self._problem.split("\n") if line.strip()]
        wrong = {field_of(problem) for problem in problems}
        for row in self.query(SettingRow):
            row.complain(row.setting.key in wrong)
        state = "^s starts it" if self._draft else f"{len(problems)} to mend" if problems else ""
        self.query_one(TopBar).put(*self._place, right=state)
        blocks: list[Content] = []
        if problems:
            blocks.append(Content.styled("This cannot run yet", "bold $error"))
            blocks += [paint(Cell("✘ ", "bad"), plain(problem)) for problem in problems]
            blocks.append(Content(""))
        if self._draft is not None:
            blocks += [paint(*line) for line in draft_lines(self._draft)]
        blocks.append(Content.styled("\nData" if self._draft else "Data", "$accent"))
        if self._data is None:
            blocks.append(Content.styled("reading …", "$muted"))
        else:
            blocks += [paint(*line) for line in data_lines(self._data)]
        self.query_one("#check", Static).update(lines(blocks))

    # --- starting -----------------------------------------------------------------

    def action_start(self) -> None:
        """Make the run and start it."""
        wish = self._wish_now()
        if self._starting:
            say(self, "The run is being started.")
        elif wish is None:
            say(self, self._problem or "There is no target to start a run of.", "warning")
        else:
            self._starting = True
            self.query_one(TopBar).put(*self._place, right="starting …")
            self._start(wish)

    @work(thread=True, group="start")
    def _start(self, wish: Wish) -> None:
        workspace = Workspace(self.factory.workspace)
        try:
            drafted = draft(workspace, wish.target, wish.overrides, wish.seed, wish.parent)
            folder = start_draft(workspace, drafted)
        except (TargetError, StartError, OSError) as error:
            self.app.call_later(self._started, None, str(error))
        else:
            self.app.call_later(self._started, folder.run_id, "")

    async def _started(self, run_id: str | None, problem: str) -> None:
        """Show the run that was started, or why none was.

        Runs as a callback of the app: a screen that waits for its own removal waits for ever.
        """
        self._starting = False
        if run_id is None:
            self._draw()
            say(self, problem, "error")
            return
        say(self, f"{run_id} is started.")
        await self.factory.action_back()
        self.factory.open_run(run_id)

    async def action_leave(self) -> None:
        """Back; nothing was written."""
        await self.factory.action_back()
