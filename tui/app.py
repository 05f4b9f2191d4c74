"""The app: which screens there are, the ways between them, and what all of them have."""

from __future__ import annotations

from asyncio import to_thread
from collections import deque
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual import work
from textual.app import App, SystemCommand
from textual.command import Provider
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import WorkerFailed

from engine.remote import mirrors
from tui.acting import say
from tui.ahead import load_ahead
from tui.bindings import EVERYWHERE, KEYS, bindings_for, caption_in, keys_of
from tui.keys_in_turn import KeysInTurnApp
from tui.lookout import Lookout, terminal_is_gone
from tui.previewing import SitePreview
from tui.remembered import Remembered
from tui.screens.base import RoomScreen
from tui.settings import load_settings, with_keymap
from tui.styles import style_paths
from tui.theme import FACTORY, THEMES, usual_theme, variables_for
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from tui.serving import OwnServers
    from tui.widgets.confirm import Confirm

ROOMS: dict[str, str] = {
    "runs": "tui.screens.runs:RunsScreen",
    "live": "tui.screens.live:LiveScreen",
    "decide": "tui.screens.decide:DecideScreen",
    "validate": "tui.screens.validate:ValidateScreen",
    "report": "tui.screens.report:ReportScreen",
    "new_run": "tui.screens.new_run:NewRunScreen",
    "examples": "tui.screens.examples:ExamplesScreen",
    "compare": "tui.screens.compare:CompareScreen",
    "loops": "tui.screens.loops:LoopsScreen",
    "research": "tui.screens.research:ResearchScreen",
    "serve": "tui.screens.serve:ServeScreen",
    "journal": "tui.screens.journal:JournalScreen",
    "artifacts": "tui.screens.artifacts:ArtifactsScreen",
}
"""Every screen by its name. A screen is imported when it is first opened."""

PLACES = {
    "runs": "Every run of the workspace.",
    "loops": "Flywheels as they turn, and the tries at a target: the best so far.",
    "research": "Campaigns that search a training recipe: every try, and what came of it.",
    "new_run": "Plan a run.",
    "journal": "What was tried, what came of it, and your notes.",
    "artifacts": "What the world may see: pages with their numbers, blockers and findings.",
    "serve": "Models that answer here: two side by side on one prompt.",
}
"""The screens of the whole workspace, for the command palette."""

ONLY_THERE = ("new_run", "loops", "research", "serve", "journal", "artifacts")
"""Screens that do not work on a copy of another machine's workspace."""

DEMO_TARGET = "drone-router"

WIDTHS = [(0, "-narrow"), (100, "-medium"), (160, "-wide")]
"""Classes that a screen has from so many columns on."""

HEIGHTS = [(0, "-short"), (32, "-tall"), (50, "-high")]
"""Classes that a screen has from so many lines on."""

TOLD = 2
"""So many problems of the settings are said at once."""

LINE_EVERY_S = 0.5
"""How often the state of the line to another machine is looked at."""

WATCH_EVERY_S = 2.0
"""How often the queue is looked at, for the title and for runs that ended."""


def load_room(name: str) -> type[RoomScreen]:
    """The class of a screen; KeyError for a name that is not in ROOMS."""
    module, _, attribute = ROOMS[name].partition(":")
    return cast("type[RoomScreen]", getattr(import_module(module), attribute))


def _runs_in_palette() -> type[Provider]:
    from tui.palette import RunProvider

    return RunProvider


class FactoryApp(KeysInTurnApp):
    """The control room on one workspace.

    ``start`` and ``run_id`` say which screen opens first. With ``demo`` a run of the demo's target
    is started, with ``seed``, and shown.
    """

    TITLE = "factory"
    BINDINGS = bindings_for(EVERYWHERE)
    COMMAND_PALETTE_BINDING = "ctrl+p"
    COMMANDS = App.COMMANDS | {_runs_in_palette}
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(
        self,
        workspace: Path,
        demo: bool = False,
        start: str = "runs",
        run_id: str | None = None,
        seed: int | None = None,
    ) -> None:
        # The first screen's styles are read with the app's: Textual reads those of later ones only.
        super().__init__(css_path=style_paths("tokens", "app", start))
        self.workspace = workspace.resolve()
        self.elsewhere = mirrors.root_of(self.workspace)
        self.line_words = ""
        """What is wrong with the line to another machine's workspace; empty where nothing is."""
        self.remembered = Remembered(self.workspace)
        self.settings = load_settings(self.workspace, KEYS)
        self.key_table = with_keymap(KEYS, self.settings.keymap)
        self.set_keymap(dict(self.settings.keymap))
        self.demo = demo
        self.last_words = ""
        """What is said in the terminal after a screen broke."""
        self._start = (start, run_id)
        self._seed = seed
        self._did: deque[str] = deque(maxlen=30)
        self._servers: OwnServers | None = None
        self._leave_question: Confirm | None = None
        self.site_preview = SitePreview(self.workspace)
        self.lookout = Lookout(self.workspace, self.settings, self._to_terminal, self._tell)
        for theme in THEMES:
            self.register_theme(theme)
        usual = usual_theme(self.console.color_system)
        wanted = self.settings.theme or self.remembered.get("theme", usual.name)
        self._unknown_theme = wanted if wanted not in self.available_themes else None
        self.theme = FACTORY.name if self._unknown_theme else wanted

    def on_ready(self) -> None:
        if self._start[0] != "runs":  # which does it when it has read the runs
            load_ahead()

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        out, back = self.lookout.suspended, self.lookout.resumed
        self.app_suspend_signal.subscribe(self, lambda _: out(), immediate=True)
        self.app_resume_signal.subscribe(self, lambda _: back(), immediate=True)
        if problems := self.settings.problems:
            # One note: one each would cover a small screen.
            rest = len(problems) - TOLD
            more = [f"And {rest} more: they are said once these are mended."] if rest > 0 else []
            text = "\n".join([*problems[:TOLD], *more])
            self.notify(text, severity="warning", timeout=15, markup=False)
        if self._unknown_theme:
            text = f"There is no theme “{self._unknown_theme}”; the palette (^p) lists them."
            self.notify(text, severity="warning", markup=False)
        self.set_interval(WATCH_EVERY_S, self._look_around)
        if self.elsewhere is not None:
            self.set_interval(LINE_EVERY_S, self._look_at_line)
        if self.demo:
            self._start_demo()

    def _keep_theme(self, theme: object) -> None:
        self.remembered.put("theme", self.theme)

    @work(thread=True, group="demo")
    def _start_demo(self) -> None:
        """Start the demo run, then show it. It goes on when the app is left."""
        from engine.plans.starting import start
        from engine.workspace import Workspace
        from tui.acting import attempt

        place = Workspace(self.workspace)
        started: list[str] = []

        def begin() -> None:
            started.append(start(place, place.target_path(DEMO_TARGET), seed=self._seed).run_id)

        if attempt(self.screen, begin, ""):
            self.call_from_thread(self.open_run, started[0])

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return variables_for(self.current_theme)

    # --- screens ------------------------------------------------------------------

    def get_default_screen(self) -> Screen[object]:
        name, run_id = self._start
        return cast("Screen[object]", load_room(name)(run_id))

    def show(self, name: str, run_id: str | None = None, runs: tuple[str, ...] = ()) -> None:
        """Open a screen, or go back to it where it is open already on that run (or those runs)."""
        wanted = (name, run_id, runs)
        for depth, screen in enumerate(reversed(self.screen_stack)):
            if (
                isinstance(screen, RoomScreen)
                and (screen.ROOM, screen.run_id, screen.runs) == wanted
            ):
                for _ in range(depth):
                    self.pop_screen()
                return
        if self.elsewhere is not None and name in ONLY_THERE:
            say(self.screen, f"{mirrors.only_there(self.elsewhere)}.", "warning")
            return
        room = load_room(name)
        self.push_screen(room(run_id, runs) if runs else room(run_id))

    def open_run(self, run_id: str) -> None:
        """Show a run as it happens, or as it happened."""
        self.show("live", run_id)

    async def action_back(self) -> None:
        """One screen back; from the last one to the list of runs, where back does nothing."""
        if isinstance(self.screen, RoomScreen) and self.screen.step_back():
            return
        if len(self.screen_stack) > 1:
            await self.pop_screen()
        elif isinstance(self.screen, RoomScreen) and self.screen.ROOM != "runs":
            # Textual 8.2 gives the first screen no result callback, and switching takes one away.
            self.screen._push_result_callback(self.screen, None)
            await self.switch_screen(load_room("runs")())

    def action_show(self, name: str) -> None:
        """Open a screen of the whole workspace."""
        self.show(name)

    def action_help(self) -> None:
        """What the keys of the screen do."""
        if isinstance(self.screen, RoomScreen):
            from tui.screens.help import HelpScreen

            self.push_screen(HelpScreen(self.screen.ROOM))

    def action_jump(self) -> None:
        """A letter on everything that can have the focus."""
        if not isinstance(self.screen, RoomScreen):
            return
        from tui.screens.jump import JumpScreen, places

        found = places(self.screen)

        def go(widget: Widget | None) -> None:
            if widget is not None:
                widget.focus()

        if found:
            self.push_screen(JumpScreen(found), go)

    def action_resize(self, across: int, down: int) -> None:
        """Move an edge between panes: right and down are positive."""
        if isinstance(self.screen, RoomScreen) and not self.screen.panes.move(across, down):
            say(self.screen, "No pane of this screen can be resized that way.")

    def action_reset_panes(self) -> None:
        """The panes' usual sizes."""
        if isinstance(self.screen, RoomScreen):
            self.screen.panes.reset()

    def action_leave(self) -> None:
        """Leave the app. Supervisors are processes of their own, so runs go on; model servers that
        are not to stay end with it, so then it asks."""
        from tui.widgets.confirm import Confirm

        ending = self._servers.not_kept() if self._servers is not None else []
        if not ending or self.screen is self._leave_question:
            self.exit()
            return
        one = len(ending) == 1
        self._leave_question = Confirm(
            f"Leave, and stop {' and '.join(ending)}?",
            f"{'This model server runs' if one else 'These model servers run'} only as long as the "
            f"app. In Serve, {caption_in(self, 'serve.keep')} leaves one running.",
            "Leave",
            "Stay",
        )
        self.push_screen(self._leave_question, lambda yes: self.exit() if yes else None)

    @property
    def servers(self) -> OwnServers:
        """The model servers that were started here: they end with the app unless kept."""
        if self._servers is None:
            from tui.serving import OwnServers

            self._servers = OwnServers(self.workspace)
        return self._servers

    async def on_unmount(self) -> None:
        if self._servers is not None:
            await to_thread(self._servers.close)
        await to_thread(self.site_preview.close)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        if isinstance(screen, RoomScreen):
            for key in keys_of(screen.ROOM, self.key_table):
                if key.palette:
                    title = f"{key.label.capitalize()}  ({key.caption})"
                    run = partial(self._run_key, key.action, key.screen)
                    yield SystemCommand(title, key.help, run)
            for name, words in PLACES.items():
                if name != screen.ROOM:
                    title = f"Go to {name.replace('_', ' ').capitalize()}"
                    yield SystemCommand(title, words, partial(self.show, name))
        yield SystemCommand("Theme", "Choose other colours.", self.action_change_theme)
        yield SystemCommand("Save a picture", "Write the screen as SVG.", self.deliver_screenshot)

    async def _run_key(self, action: str, where: str) -> None:
        """Do what a key does, from the palette: a pane's keys are the pane's."""
        panes = (one for one in self.screen.query("*") if getattr(one, "KEYS_OF", "") == where)
        await self.run_action(action, next(panes, self.screen))

    async def run_action(self, action: Any, *args: Any, **named: Any) -> bool:
        """Textual's, and it is remembered what was done: a crash report tells."""
        self._did.append(action if isinstance(action, str) else str(action[1]))
        return await super().run_action(action, *args, **named)

    # --- while nobody looks -------------------------------------------------------

    def on_key(self) -> None:
        self.lookout.key_pressed()

    def on_app_focus(self) -> None:
        self.lookout.focus_moved(True)

    def on_app_blur(self) -> None:
        self.lookout.focus_moved(False)

    def _look_around(self) -> None:
        if terminal_is_gone():
            self.exit(return_code=1)
            return
        if not any(one.group == "watch" and one.is_running for one in self.workers):
            self._watch_runs()

    @work(thread=True, group="watch", exclusive=True)
    def _watch_runs(self) -> None:
        look = self.lookout.look()
        self.call_from_thread(self.lookout.say, look)

    def _look_at_line(self) -> None:
        """Say above every screen when the line to the other machine is lost."""
        assert self.elsewhere is not None
        state = mirrors.line_state(self.elsewhere)
        words = "" if state.get("state") == "up" else str(state.get("words", ""))
        if words != self.line_words:
            self.line_words = words
            for screen in self.screen_stack:
                for bar in screen.query(TopBar):
                    bar.refresh()

    def _tell(self, text: str, well: bool) -> None:
        say(self.screen, text, "information" if well else "error")

    def _to_terminal(self, sequence: str) -> None:
        if self._driver is not None:
            self._driver.write(sequence)
            self._driver.flush()

    # --- when a screen breaks -----------------------------------------------------

    def _handle_exception(self, error: Exception) -> None:
        cause = error.error if isinstance(error, WorkerFailed) else error
        if isinstance(cause, NoMatches) and (self._exit or not self._running):
            return  # left while a screen was put together, or a thread had news for one
        self._leave_report(error)
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """End; ``last_words`` say why. Textual's traceback shows values, which may be secret."""
        self.bell()
        self.panic()

    def _leave_report(self, error: Exception) -> None:
        if self.last_words:
            return
        from tui.crash import leave_report

        rooms = [one for one in self._screen_stack if isinstance(one, RoomScreen)]
        room = rooms[-1] if rooms else None
        self.last_words = leave_report(
            self.workspace,
            error,
            screen=room.ROOM if room else "none",
            run_id=room.run_id if room else None,
            actions=self._did,
        )
