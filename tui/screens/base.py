"""What every screen has in common: the run it shows, the app's rooms, and the way there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import events
from textual.screen import Screen

from tui.screens.panes import Edge, Panes
from tui.standing import KeepsApp

if TYPE_CHECKING:
    from tui.app import FactoryApp


class RoomScreen(KeepsApp, Screen[None]):
    """A full screen. ``ROOM`` is its name in the app's table and in the table of bindings.

    ``run_id`` is the run that it shows, None for screens of the whole workspace; ``runs`` are the
    runs of a screen that shows several, in their order. A subclass has::

        ROOM = "decide"
        CSS_PATH = style_paths("decide")
        BINDINGS = bindings_for("decide")
    """

    ROOM = ""
    EDGES: tuple[Edge, ...] = ()
    """The edges between panes that can be moved."""

    def __init__(self, run_id: str | None = None, runs: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.run_id = run_id
        self.runs = runs
        self.panes = Panes(self, self.ROOM, self.EDGES)

    @property
    def factory(self) -> FactoryApp:
        """The app, with its type."""
        return cast("FactoryApp", self.app)

    @property
    def run_path(self) -> Path:
        """The folder of this screen's run."""
        assert self.run_id is not None, f"{self.ROOM} was opened without a run"
        return self.factory.workspace / "runs" / self.run_id

    def action_room(self, name: str) -> None:
        """Open another screen on the same run."""
        self.factory.show(name, self.run_id)

    def offers(self, action: str) -> bool:
        """Whether the footer shows an action's key now: not where all it could do is say why not.
        A screen whose answer has changed calls ``refresh_bindings``."""
        return True

    def step_back(self) -> bool:
        """Undo one step inside the screen (close a search); False when there is none to undo."""
        return False

    # --- panes ----------------------------------------------------------------------

    def on_resize(self) -> None:
        self.call_after_refresh(self.panes.restore)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self.panes.press(event):
            event.stop()
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.panes.held:
            self.panes.drag(event)

    def on_mouse_up(self) -> None:
        if self.panes.held:
            self.panes.release()
            self.release_mouse()
