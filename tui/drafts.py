"""Keeps the drafts of decisions: ``.factory/drafts/<run>.json``, a file a run.

They belong to this machine and to no run, and are gone once the decision is written.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from engine.folder import write_json_atomic
from engine.plain_file import open_plain
from engine.workspace import Workspace
from tui.views.decision_draft import Drafts, from_json, to_json

MAX_BYTES = 4 * 2**20
_MAX_NAME = 200
"""Bytes of a run's name; a file's name has room for 255, the ending and a temporary one's too."""


class DraftFile:
    """The drafts of one run on disk."""

    def __init__(self, workspace: Path, run_id: str) -> None:
        name = run_id
        if len(run_id.encode("utf-8", "replace")) > _MAX_NAME:
            name = f"{run_id[:40]}-{sha256(run_id.encode('utf-8', 'replace')).hexdigest()[:16]}"
        self.path = Workspace(workspace).local_dir / "drafts" / f"{name}.json"

    def read(self) -> tuple[Drafts, str | None]:
        """The drafts, and what is wrong with a file that is there and holds none."""
        try:
            with open_plain(self.path) as file:
                value = json.loads(file.read(MAX_BYTES))
        except FileNotFoundError:
            return {}, None
        except OSError as error:
            return {}, f"The draft cannot be read: {error.strerror}."
        except (ValueError, RecursionError):
            return {}, f"The draft in {self.path.name} is broken and is not shown."
        return from_json(value), None

    def write(self, drafts: Drafts) -> str | None:
        """Keep these drafts, or no file without any; a sentence when the disk refuses."""
        value = to_json(drafts)
        try:
            if not value["drafts"]:
                self.path.unlink(missing_ok=True)
                return None
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_json_atomic(self.path, value)
        except OSError as error:
            why = error.strerror or str(error)
            return f"The draft cannot be kept: {why}. It is lost when you leave."
        return None
