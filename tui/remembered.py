"""What a screen was left like: columns, sizes of panes, theme. In the workspace's ``.factory/``.

It belongs to this machine and to no run, and nothing depends on it: a file that is missing or
broken counts as empty, and one that cannot be written is not written.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from engine.workspace import Workspace

FILE = "screen.json"
_MAX_BYTES = 1 << 20

Value = TypeVar("Value")


class Remembered:
    """Named values of one workspace: ``remembered.get("runs.columns", [])``.

    Values are whatever JSON can hold. ``get`` gives the default for a value of another kind than
    the default's, since the file may have been edited by hand.
    """

    def __init__(self, workspace: Path) -> None:
        self.path = Workspace(workspace).local_dir / FILE
        self._values: dict[str, object] = {}
        try:
            with self.path.open("rb") as file:
                found = json.loads(file.read(_MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            found = None
        if isinstance(found, dict):
            self._values = found

    def get(self, name: str, default: Value) -> Value:
        """The value of that name, or the default."""
        found = self._values.get(name, default)
        return found if isinstance(found, type(default)) else default

    def put(self, name: str, value: object) -> None:
        """Keep a value for the next start."""
        if self._values.get(name) == value:
            return
        self._values[name] = value
        from engine.folder import write_json_atomic  # pydantic is not for the way to first paint

        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json_atomic(self.path, self._values)
        except OSError:
            # A workspace that cannot be written is still looked at; the value lives until the end.
            return
