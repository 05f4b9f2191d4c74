"""Puts text on the clipboard of the terminal, also over ssh (OSC 52), and says what to expect."""

from __future__ import annotations

import os

from textual.app import App

from engine.numbers import size

SAFE_BYTES = 74_994
"""Terminals of the xterm family take 100,000 characters of base64, which hold so many bytes."""


def copy(app: App[None], text: str, what: str) -> tuple[str, bool]:
    """Copy; a sentence that says so, and whether it may have been too much.

    Nothing comes back from the terminal, so nobody can know whether it took the text.
    """
    data = text.encode("utf-8", "replace")
    app.copy_to_clipboard(data.decode("utf-8"))
    said = f"{what} is on its way to the clipboard ({size(len(data))})."
    if len(data) > SAFE_BYTES:
        return (
            f"{said} Many terminals take {size(SAFE_BYTES)} at most: if it does not arrive, export "
            "it to a file (x).",
            True,
        )
    if "TMUX" in os.environ:
        said += " tmux passes it on after: set -g set-clipboard on"
    return said, False
