"""What every screen has in common: the run it shows, the app's rooms, and the way there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual.screen import Screen

if TYPE_CHECKING:
    from tui.app import FactoryApp


class RoomScreen(Screen[None]):
    """A full screen. ``ROOM`` is its name in the app's table and in the table of bindings.

    ``run_id`` is the run that it shows, None for screens of the whole workspace; ``runs`` are the
    runs of a screen that shows several, in their order. A subclass has::

        ROOM = "decide"
        CSS_PATH = style_paths("decide")
        BINDINGS = bindings_for("decide")
    """

    ROOM = ""

    def __init__(self, run_id: str | None = None, runs: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.run_id = run_id
        self.runs = runs

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

    def step_back(self) -> bool:
        """Undo one step inside the screen (close a search); False when there is none to undo."""
        return False
