"""One look at all that Loops shows: the places, and the one that is chosen. For worker threads."""

from __future__ import annotations

from dataclasses import dataclass

from engine.catalogue.summary import summarise
from engine.comparing.reader import run_folder
from engine.loops.folder import LoopFolder, loops_dir
from engine.loops.mark import mark_of
from engine.workspace import Workspace
from tui.views.loops_load import Tries, TryReader
from tui.views.loops_places import LoopList, Place, chosen, target_places
from tui.views.loops_reader import LoopReader, LoopView


@dataclass(frozen=True, slots=True)
class Look:
    """``tries`` where the chosen place is a target, ``loop`` where it is a loop; neither where
    there is no place."""

    places: tuple[Place, ...] = ()
    shown: Place | None = None
    tries: Tries | None = None
    loop: LoopView | None = None

    @property
    def running(self) -> bool:
        """Whether anything goes on by itself."""
        return any(one.running for one in self.places)


class LoopsReader:
    """Looks again and again, each time only at what changed. For one thread at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._list = LoopList(workspace)
        self._tries = TryReader(workspace)
        self._loop: LoopReader | None = None
        self._targets: tuple[Place, ...] | None = None

    def read(self, wanted: str | None, anew: bool = False) -> Look:
        """The place called ``wanted``, else one that runs, else the newest loop, else the target
        with the newest try."""
        loops = self._list.read()
        wants_loop = any(one.name == wanted for one in loops) or (loops and wanted is None)
        if wants_loop and self._targets is None:
            # Runs of a large workspace take a while: the loop is seen before.
            self._targets = ()
            shown = chosen(loops, wanted)
            return Look(tuple(loops), shown, None, self._view(shown, anew))
        self._targets = tuple(target_places(self._tries.targets(anew), loops))
        places = (*loops, *self._targets)
        shown = chosen(places, wanted)
        if shown is None:
            return Look()
        if shown.loop:
            return Look(places, shown, None, self._view(shown, anew))
        return Look(places, shown, self._tries.tries_of(shown.name), None)

    def _view(self, shown: Place | None, anew: bool) -> LoopView | None:
        if shown is None:
            return None
        if self._loop is None or self._loop.folder.loop_id != shown.name:
            self._loop = LoopReader(LoopFolder(loops_dir(self._workspace) / shown.name))
        return self._loop.read(anew)

    def place_of(self, run_id: str) -> tuple[str | None, int | None]:
        """The place that a run belongs to, and its iteration where that is a loop."""
        path = run_folder(self._workspace, run_id)
        mark = mark_of(path) if path is not None else None
        if mark is not None and (loops_dir(self._workspace) / mark.loop_id).is_dir():
            return mark.loop_id, mark.iteration
        return (summarise(path).target or None if path is not None else None), None
