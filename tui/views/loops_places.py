"""What Loops can show: the loops of a workspace, and the targets that were tried without one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.folder import FolderError
from engine.loops.folder import LOOP, STATUS, LoopFolder, find_loops
from engine.loops.launch import alive
from engine.loops.words import state_words
from engine.records.loop import LoopPhase
from engine.workspace import Workspace
from tui.views.loops_load import TargetTries
from tui.views.plain import plain

_YEAR = re.compile(r"^\d{4}-(?=\d\d-\d\d-)")
_OLDEST = datetime.min.replace(tzinfo=UTC)

_SIGNS = {
    LoopPhase.COMPLETED: "✔",
    LoopPhase.FAILED: "✘",
    LoopPhase.CANCELLED: "■",
    LoopPhase.PAUSED: "‖",
    LoopPhase.RUNNING: "‖",
    LoopPhase.CREATED: "·",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A loop, or a target with tries and no loop. ``sign`` is a word or two for the line of places,
    ``words`` a sentence for the list."""

    name: str
    loop: bool
    target: str
    sign: str
    words: str
    running: bool = False
    newest: datetime | None = None


class LoopList:
    """The loops of a workspace, each read again only when its status changed or may have died."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._known: dict[str, tuple[tuple[int, int], bool, Place]] = {}

    def read(self) -> list[Place]:
        """The loops, those that run first, then the newest first."""
        found: dict[str, tuple[tuple[int, int], bool, Place]] = {}
        for folder in find_loops(self._workspace):
            stamp = (_time_of(folder, LOOP), _time_of(folder, STATUS))
            known = self._known.get(folder.loop_id)
            if known is None or known[0] != stamp or known[1]:
                known = (stamp, *_place(folder))
            found[folder.loop_id] = known
        self._known = found
        places = [place for _, _, place in found.values()]
        return sorted(
            places, key=lambda one: (one.running, one.newest or _OLDEST, one.name), reverse=True
        )


def _time_of(folder: LoopFolder, name: str) -> int:
    try:
        return (folder.path / name).stat().st_mtime_ns
    except OSError:
        return 0


def _place(folder: LoopFolder) -> tuple[bool, Place]:
    """A loop as a place, and whether it may die without a word."""
    try:
        loop, status = folder.loop(), folder.status()
    except (FolderError, OSError) as error:
        words = plain(f"cannot be read: {error}", clip=300)
        return False, Place(folder.loop_id, True, "", "✘", words)
    state = alive(status)
    running = state == "running"
    sign = "▶" if running else "◌" if state == "dead" else _SIGNS[status.phase]
    words = plain(state_words(status), clip=300)
    if status.best_score is not None:
        words = f"best {status.best_score:.3f}, {words}"
    place = Place(folder.loop_id, True, loop.target, sign, words, running, loop.created)
    return state != "idle", place


def target_places(targets: Iterable[TargetTries], loops: Iterable[Place]) -> list[Place]:
    """The targets that were tried and have no loop, in the order that they come in."""
    with_loop = {one.target for one in loops}
    return [
        Place(
            one.target,
            False,
            one.target,
            str(one.count),
            f"{one.count} {'try' if one.count == 1 else 'tries'}",
            one.running > 0,
            one.newest,
        )
        for one in targets
        if one.target not in with_loop
    ]


def chosen(places: Sequence[Place], wanted: str | None) -> Place | None:
    """The place that is shown: the one that is wanted where it is there, else the first."""
    found = next((one for one in places if one.name == wanted), None)
    return found or (places[0] if places else None)


def short_labels(places: Sequence[Place]) -> dict[str, str]:
    """A label for each place, by its name: a loop's without its year where that says enough."""
    short = {one.name: _YEAR.sub("", one.name) if one.loop else one.name for one in places}
    seen = Counter(short.values())
    return {name: label if seen[label] == 1 else name for name, label in short.items()}
