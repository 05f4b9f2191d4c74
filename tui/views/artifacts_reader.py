"""Reads the public artifacts for their screen, in a thread: again only those that changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from engine.artifacts.around import files_below
from engine.artifacts.checking import Checked, check_entries
from engine.artifacts.registry import SUFFIX, read_artifact
from engine.artifacts.wording import in_order
from engine.checks.finding import Finding
from engine.checks.public.places import folder_rules
from engine.publish.card.writing import CARD
from engine.workspace import Workspace

SHOW_EVERY_S = 0.25
"""How often what is read so far is shown."""

Stamp = tuple[int, int]
_NEVER: Stamp = (-1, -1)
_NEW = (_NEVER, None)


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The registry as it was read: what is ready first, parked last. ``waiting`` are the names that
    are still to be read, ``stray`` what was found of other files in artifacts/."""

    checked: tuple[Checked, ...] = ()
    waiting: tuple[str, ...] = ()
    stray: tuple[Finding, ...] = ()
    cards: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    whole: bool = False

    def one(self, name: str | None) -> Checked | None:
        """The artifact of that file."""
        return next((one for one in self.checked if one.entry.name == name), None)


class ArtifactsReader:
    """The artifacts of a workspace with their findings, kept from one look to the next."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[str, tuple[Stamp, Checked]] = {}
        self._with_card: dict[str, tuple[str, ...]] = {}
        self._last: dict[str, Stamp] | None = None
        self._one_reads = Lock()

    @property
    def folder(self) -> Path:
        """Where the artifacts lie."""
        return self._workspace.artifacts_dir

    def changed(self) -> bool:
        """Whether a file of artifacts/ came, went or was written since it was read. OSError where
        the directory cannot be listed."""
        return self._stamps() != self._last

    def read(self, *, anew: bool = False) -> Iterator[Artifacts]:
        """What is read so far, now and then, and the whole at the end; ``anew`` also what did not
        change itself, since its records may have. OSError where artifacts/ cannot be listed."""
        with self._one_reads:
            stamps = self._stamps()
            # What is old is shown until it is read again: a cursor stays on it.
            self._known = {
                name: (_NEVER if anew else stamp, checked)
                for name, (stamp, checked) in self._known.items()
                if name in stamps
            }
            waiting = [
                name for name in sorted(stamps) if self._known.get(name, _NEW)[0] != stamps[name]
            ]
            stray = self._stray()
            shown = time.monotonic()
            yield self._so_far(waiting, stray)
            while waiting:
                name = waiting.pop(0)
                entry = read_artifact(self._workspace, name.removesuffix(SUFFIX))
                checked = check_entries(self._workspace, [entry])[0]
                self._known[name] = (stamps[name], checked)
                self._with_card[name] = self._cards(checked)
                if waiting and time.monotonic() - shown > SHOW_EVERY_S:
                    yield self._so_far(waiting, stray)
                    shown = time.monotonic()
            self._last = stamps
            yield self._so_far([], stray, whole=True)

    def _cards(self, checked: Checked) -> tuple[str, ...]:
        artifact = checked.entry.artifact
        runs = artifact.runs if artifact else []
        seen = checked.around.runs
        return tuple(
            one
            for one in runs
            if one in seen and seen[one].there
            if (self._workspace.runs_dir / one / CARD).is_file()
        )

    def _so_far(
        self, waiting: list[str], stray: tuple[Finding, ...], whole: bool = False
    ) -> Artifacts:
        checked = in_order([one for _, one in self._known.values()])
        cards = {f"artifacts/{name}": runs for name, runs in self._with_card.items()}
        unread = tuple(name for name in waiting if name not in self._known)
        return Artifacts(tuple(checked), unread, stray, cards, whole)

    def _stray(self) -> tuple[Finding, ...]:
        folder = self._workspace.artifacts_dir
        return tuple(folder_rules("artifacts", files_below(folder) if folder.is_dir() else ()))

    def _stamps(self) -> dict[str, Stamp]:
        return dict(_stamps(self._workspace.artifacts_dir))


def _stamps(folder: Path) -> Iterator[tuple[str, Stamp]]:
    if not folder.is_dir():
        return
    for one in os.scandir(folder):
        if not one.name.endswith(SUFFIX) or one.name.startswith("."):
            continue
        try:
            found = one.stat()
        except OSError:  # removed since it was listed, or a link to nothing: reading it says so
            yield one.name, (0, 0)
        else:
            yield one.name, (found.st_mtime_ns, found.st_size)
