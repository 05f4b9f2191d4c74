"""One run as it happens, or as it happened."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Footer

from tui.bindings import bindings_for
from tui.screens.base import RoomScreen
from tui.styles import style_paths
from tui.widgets.top_bar import TopBar


class LiveScreen(RoomScreen):
    """Phase ladder, charts, examples, signs and log of one run."""

    ROOM = "live"
    CSS_PATH = style_paths("live")
    BINDINGS = bindings_for("live")

    def compose(self) -> ComposeResult:
        yield TopBar("factory", self.run_id or "")
        yield Footer(show_command_palette=False)
