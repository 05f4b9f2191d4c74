"""Loops: a loop as it turns, steered from here; or the tries at a target that has no loop."""

from __future__ import annotations

import time
from functools import cached_property
from threading import Lock

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static
from textual.worker import get_current_worker

from engine.records.loop import LoopPhase
from engine.workspace import Workspace
from tui.acting import at_work, attempt, hand_over, say
from tui.bindings import bindings_for, caption_in
from tui.screens.loops_acts import LoopActs
from tui.screens.loops_chain import ChainPane
from tui.screens.loops_pane import LoopPane
from tui.screens.panes import Edge
from tui.standing import is_seen
from tui.styles import style_paths
from tui.views.loops_look import Look, LoopsReader
from tui.views.loops_now import top_words
from tui.views.loops_places import short_labels
from tui.views.loops_reader import LoopView
from tui.views.loops_view import WHAT_A_LOOP_IS, target_line
from tui.views.plain import plain
from tui.widgets.entry_list import EntryList
from tui.widgets.key_bar import KeyBar
from tui.widgets.tones import paint
from tui.widgets.top_bar import TopBar

LOOK_EVERY_S = 1.0
"""How often loops and runs that are under way are looked at."""

QUIET_EVERY = 4
"""Where nothing runs, only every so many looks are taken."""

_NAMED = ("flywheel", "pause", "stop", "resume", "skip", "approve", "edit_plan", "gold")
"""The actions whose keys stand in sentences."""

_WHEN: dict[str, str] = {
    "pause": "running",
    "stop": "running",
    "cancel": "going",
    "skip": "going",
    "resume": "idle",
    "approve": "waits",
    "edit_plan": "waits",
    "gold": "judged",
    "pane(1)": "loop",
}
"""When the footer shows a key of a loop; the others are always there."""


class LoopsScreen(LoopActs):
    """Everything shown is read from the folders of loops and runs, in a thread."""

    ROOM = "loops"
    CSS_PATH = style_paths("loops")
    BINDINGS = bindings_for("loops")
    EDGES = (
        Edge("#best", "bottom"),
        Edge("#left", "right"),
        Edge("#course", "bottom"),
        Edge("#iterations", "bottom"),
        Edge("#loop-left", "right"),
    )

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._look = Look()
        self._wanted: str | None = None
        self._one_reads = Lock()
        self._read_once = False
        self._looks = 0
        self._busy = ""
        self._footer: frozenset[str] = frozenset()

    @cached_property
    def _reader(self) -> LoopsReader:
        return LoopsReader(Workspace(self.factory.workspace))

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "loops")
        yield Static(id="targets")
        yield ChainPane(id="chain")
        yield LoopPane(id="loop")
        yield Static(id="empty")
        yield KeyBar("loops")

    def on_mount(self) -> None:
        keys = {name: caption_in(self.app, f"loops.{name}") for name in _NAMED}
        self._loop_pane.keys = keys
        self._loop_pane.display = False
        self._chain_pane.entries.focus()
        self._draw()
        self._read()
        self.set_interval(LOOK_EVERY_S, self._tick)

    def on_screen_resume(self) -> None:
        if self._read_once:
            self._read()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_all)

    @property
    def _chain_pane(self) -> ChainPane:
        return self.query_one(ChainPane)

    @property
    def _loop_pane(self) -> LoopPane:
        return self.query_one(LoopPane)

    # --- reading ------------------------------------------------------------------

    def _tick(self) -> None:
        if not is_seen(self) or not self._read_once:
            return
        self._looks += 1
        if self.view is not None:
            self._loop_pane.draw_clocks()
            self._draw_top()
        reading = at_work(self, "read")
        more = self.view is not None and self.view.reading
        if not reading and (self._look.running or more or not self._looks % QUIET_EVERY):
            self._read()

    def look_again(self) -> None:
        self._read()

    @work(thread=True, group="read", exclusive=True)
    def _read(self, anew: bool = False) -> None:
        worker = get_current_worker()
        wanted, first, cursor = self._wanted, not self._read_once, None
        looks: list[Look] = []

        def look() -> None:
            nonlocal wanted, cursor
            with self._one_reads:  # a worker that another one follows goes on to its end
                if worker.is_cancelled:
                    return  # that one reads what this one would have
                if first and self.run_id is not None:
                    wanted, cursor = self._reader.place_of(self.run_id)
                looks.append(self._reader.read(wanted, anew))
                if first and wanted is None and looks[0].shown is not None:
                    kept = self._kept(looks[0])
                    if kept is not None:
                        wanted = kept
                        looks.append(self._reader.read(kept))

        if attempt(self, look, "") and looks:
            hand_over(self, self._take, looks[-1], wanted, cursor)

    def _kept(self, look: Look) -> str | None:
        """The place that was shown last, unless a loop runs or has come since."""
        kept: list[object] = self.factory.remembered.get("loops.place", [])
        if len(kept) != 2 or any(one.running and one.loop for one in look.places):
            return None
        name, newest = kept
        return name if isinstance(name, str) and newest == _newest(look) else None

    def _take(self, look: Look, wanted: str | None, cursor: int | None) -> None:
        if not self.is_mounted:
            return
        if self._read_once and wanted != self._wanted:
            self._read()  # another place was chosen while this one was read
            return
        self.awaited = ""
        first, self._read_once = not self._read_once, True
        before = self._look.shown
        self._look, self._wanted = look, look.shown.name if look.shown is not None else None
        self._draw(cursor if first else None, self.run_id if first else None)
        if look.shown is not None and (before is None or before.name != look.shown.name):
            (self._loop_pane if look.loop is not None else self._chain_pane).entries.focus()
        if first and look.loop is not None:
            self._read()  # the targets are not known yet

    def action_refresh(self) -> None:
        """Read every run again."""
        self._read(anew=True)

    # --- drawing ------------------------------------------------------------------

    @property
    def view(self) -> LoopView | None:
        return self._look.loop

    @property
    def current(self) -> str | None:
        """The run at the cursor."""
        pane = self._loop_pane
        return pane.run_at(pane.current) if self.view is not None else self._chain_pane.current

    def _draw_all(self) -> None:
        if self.is_mounted:
            self._draw()
            (self._loop_pane if self.view is not None else self._chain_pane).draw()

    def _draw(self, cursor: int | None = None, run: str | None = None) -> None:
        if not self.is_mounted:
            return
        look = self._look
        empty = self.query_one("#empty", Static)
        empty.display = self._read_once and look.shown is None
        self._loop_pane.display = look.loop is not None
        self._chain_pane.display = look.loop is None and not empty.display
        empty.update(self._empty_words())
        if look.loop is not None:
            self._loop_pane.put(look.loop, cursor)
        else:
            self._loop_pane.leave()
        if look.tries is not None:
            self._chain_pane.put(look.tries, run)
        self._draw_places()
        self._draw_top()
        footer = frozenset(name for name in _WHEN if self.offers(name))
        if footer != self._footer:
            self._footer = footer
            self.refresh_bindings()

    def _draw_top(self) -> None:
        bar, shown = self.query_one(TopBar), self._look.shown
        if shown is None:
            bar.put("factory", "loops")
        elif self.view is not None:
            words, tone = top_words(self.view, time.time())
            words += self._loop_pane.words
            if self._busy:
                words, tone = self._busy, "accent"
            bar.put("factory", "loops", shown.name, right=words, tone=tone)
        else:
            bar.put("factory", "loops", shown.name, right=self._busy or self._chain_pane.words)

    def busy(self, words: str) -> None:
        self._busy = words
        if self.is_running:
            self._draw_top()

    def _draw_places(self) -> None:
        line = self.query_one("#targets", Static)
        labels = short_labels(self._look.places)
        found = {labels[one.name]: one.sign for one in self._look.places}
        line.display = len(found) > 1
        shown = labels.get(self._wanted or "", "")
        line.update(paint(*target_line(found, shown, self.size.width - 2)))

    def _empty_words(self) -> Content:
        return Content.assemble(
            ("No tries yet.\n\n", "$strong bold"),
            f"{WHAT_A_LOOP_IS}\n\n",
            (caption_in(self.app, "loops.flywheel"), "bold $accent"),
            " starts a flywheel, which turns by itself: it plans, trains, judges and adds rows.\n",
            (caption_in(self.app, "loops.follow"), "bold $accent"),
            " plans a first run by hand. The next is planned from here, after the try at the "
            "cursor.",
        )

    def offers(self, action: str) -> bool:
        view, when = self.view, _WHEN.get(action)
        if self._look.shown is None:
            return action in ("flywheel", "follow")
        if when is None:
            return True
        if view is None:
            return False
        phase = view.status.phase if view.status is not None else LoopPhase.COMPLETED
        running, waits = view.state == "running", view.waiting is not None
        return {
            "running": running,
            "going": running or not phase.ended,
            "idle": not running and not waits and phase is not LoopPhase.COMPLETED,
            "waits": waits,
            "judged": view.status is not None and view.status.gold_run is not None,
            "loop": True,
        }[when]

    # --- places ---------------------------------------------------------------------

    def action_target(self, direction: int) -> None:
        """The loop or target before or after in the line."""
        names = [one.name for one in self._look.places]
        if len(names) < 2:
            say(self, "There is no other loop, and no other target that was tried.")
            return
        at = names.index(self._wanted) if self._wanted in names else 0
        self._show_place(names[(at + direction) % len(names)])

    def action_choose_target(self) -> None:
        """Choose among loops and targets by name."""
        from tui.screens.loops_targets import TargetsScreen

        if self._look.places:
            self.app.push_screen(TargetsScreen(self._look.places, self._wanted), self._chosen_place)

    def _chosen_place(self, name: str | None) -> None:
        if name is not None:
            self._show_place(name)

    def _show_place(self, name: str) -> None:
        if name == self._wanted:
            return
        self._wanted = self.awaited = name
        self.factory.remembered.put("loops.place", [name, _newest(self._look)])
        self._draw_places()
        self._read()

    def action_flywheel(self) -> None:
        """Start a flywheel on a target."""
        from tui.screens.loops_start import StartFlywheel

        shown = self._look.shown
        first = shown.target if shown is not None else None
        workspace = Workspace(self.factory.workspace)
        self.app.push_screen(StartFlywheel(workspace, first), self._begun)

    def _begun(self, loop_id: str | None) -> None:
        if loop_id is not None:
            say(self, f"{loop_id} is started. It goes on when this screen is left.")
            self._wanted = self.awaited = loop_id
            self._read()

    # --- the try at the cursor ----------------------------------------------------

    @on(EntryList.Chosen, "#tries")
    @on(EntryList.Chosen, "#iterations")
    def _chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Open the run at the cursor in Live; of a campaign, its own screen at that try."""
        if self.view is not None and self.view.research:
            number = self._loop_pane.current
            at = () if number is None else (str(number - 1),)
            self.factory.show("research", self.view.loop_id, at)
            return
        if (run := self._run()) is not None:
            self.factory.open_run(run)

    def _run(self) -> str | None:
        """The run at the cursor; where there is none, or it was removed, that is said."""
        run = self.current
        if run is None:
            if self.view is not None and self._loop_pane.current is not None:
                say(self, f"Iteration {self._loop_pane.current} has no run yet.")
        elif not (self.factory.workspace / "runs" / run).is_dir():
            say(self, f"The run {plain(run)} is not in this workspace any more.", "warning")
            return None
        return run

    def action_follow(self) -> None:
        """Plan a run whose parent is the one at the cursor; a first one where there is none."""
        self.factory.show("new_run", self.current)

    def action_mark(self) -> None:
        """Mark the try at the cursor, or take its mark away, and go on to the next."""
        (self._loop_pane if self.view is not None else self._chain_pane).mark()
        self._draw_top()

    def action_compare(self) -> None:
        """Compare the marked tries; without two of them, this one with its parent or the best."""
        pane = self._loop_pane if self.view is not None else self._chain_pane
        runs = pane.to_compare()
        if len(runs) > 1:
            self.factory.show("compare", None, runs=runs)
        elif runs:
            say(self, f"There is nothing to compare {plain(runs[0])} with.")

    def action_room(self, name: str) -> None:
        """Open another screen on the run at the cursor."""
        if (run := self._run()) is not None:
            self.factory.show(name, run)

    def action_pane(self, direction: int) -> None:
        """The next pane gets the focus: iterations, plan, facts."""
        if self.view is not None:
            self._loop_pane.next_pane(direction)


def _newest(look: Look) -> str:
    """The newest loop that there is; "" without any."""
    return max((one.name for one in look.places if one.loop), default="")
