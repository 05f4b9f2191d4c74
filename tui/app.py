"""The app: which screens there are, how one gets from one to the other, theme and help."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import cast

from textual import work
from textual.app import App, SystemCommand
from textual.screen import Screen

from tui.bindings import EVERYWHERE, bindings_for, keys_of
from tui.remembered import Remembered
from tui.screens.base import RoomScreen
from tui.styles import style_paths
from tui.theme import FACTORY, variables_for

ROOMS: dict[str, str] = {
    "runs": "tui.screens.runs:RunsScreen",
    "live": "tui.screens.live:LiveScreen",
    "decide": "tui.screens.decide:DecideScreen",
    "validate": "tui.screens.validate:ValidateScreen",
    "report": "tui.screens.report:ReportScreen",
    "new_run": "tui.screens.new_run:NewRunScreen",
}
"""Every screen by its name. A screen is imported when it is first opened."""


DEMO_TARGET = "drone-router"

WIDTHS = [(0, "-narrow"), (100, "-medium"), (160, "-wide")]
"""Classes that a screen has from so many columns on."""

HEIGHTS = [(0, "-short"), (32, "-tall"), (50, "-high")]
"""Classes that a screen has from so many lines on."""


def load_room(name: str) -> type[RoomScreen]:
    """The class of a screen; KeyError for a name that is not in ROOMS."""
    module, _, attribute = ROOMS[name].partition(":")
    return cast("type[RoomScreen]", getattr(import_module(module), attribute))


class FactoryApp(App[None]):
    """The control room on one workspace.

    ``start`` and ``run_id`` say which screen opens first. With ``demo`` a run of the demo's target
    is started, with ``seed``, and shown.
    """

    TITLE = "factory"
    BINDINGS = bindings_for(EVERYWHERE)
    COMMAND_PALETTE_BINDING = "ctrl+p"
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
        self.remembered = Remembered(self.workspace)
        self.demo = demo
        self._start = (start, run_id)
        self._seed = seed
        self.register_theme(FACTORY)
        self.theme = FACTORY.name

    def on_mount(self) -> None:
        if self.demo:
            self._start_demo()

    @work(thread=True, group="demo")
    def _start_demo(self) -> None:
        """Start the demo run, then show it. It goes on when the app is left."""
        from engine.starting import start
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
            await self.switch_screen(load_room("runs")())

    def action_show(self, name: str) -> None:
        """Open a screen of the whole workspace."""
        self.show(name)

    def action_help(self) -> None:
        """What the keys of the screen do."""
        if isinstance(self.screen, RoomScreen):
            from tui.screens.help import HelpScreen

            self.push_screen(HelpScreen(self.screen.ROOM))

    def action_leave(self) -> None:
        """Leave the app. Supervisors are processes of their own, so runs go on."""
        self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        if isinstance(screen, RoomScreen):
            for key in keys_of(screen.ROOM):
                if key.palette:
                    title = f"{key.label.capitalize()}  ({key.caption})"
                    yield SystemCommand(title, key.help, partial(screen.run_action, key.action))
        yield SystemCommand("Theme", "Choose other colours.", self.action_change_theme)
        yield SystemCommand("Save a picture", "Write the screen as SVG.", self.deliver_screenshot)
