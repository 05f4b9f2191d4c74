"""Research: one campaign, its tries and what came of them, steered from here."""

from __future__ import annotations

from textual import events, on
from textual.widgets import Input

from engine.records.loop import LoopPhase
from tui.acting import say
from tui.bindings import bindings_for
from tui.screens.panes import Edge
from tui.screens.research_scene import ResearchScene
from tui.styles import style_paths
from tui.views.plain import plain
from tui.views.research_pane import RUN
from tui.views.research_table import ORDERS
from tui.views.research_tries import Tried
from tui.widgets.chart import Chart
from tui.widgets.entry_list import EntryList
from tui.widgets.tones import paint

_WHEN: dict[str, str] = {
    "live": "measures",
    "pause": "running",
    "stop": "running",
    "cancel": "going",
    "resume": "idle",
    "edit": "person",
    "accept": "not kept",
    "discard": "kept",
    "rerun": "measured",
    "copy": "committed",
    "diff": "changed",
}
"""When the footer shows a key; the others are there once there is a campaign."""


class ResearchScreen(ResearchScene):
    """Everything shown is read from the campaign's folder, in a thread. ``run_id`` is the
    campaign's, None for the newest."""

    ROOM = "research"
    CSS_PATH = style_paths("research")
    BINDINGS = bindings_for("research")
    EDGES = (Edge("#best", "bottom"), Edge("#left", "right"), Edge("#course", "bottom"))

    def offers(self, action: str) -> bool:
        view, when = self.campaign, _WHEN.get(action)
        if view is None:
            return action == "new"
        if when is None:
            return True
        status = view.loop.status
        phase = status.phase if status is not None else LoopPhase.COMPLETED
        running, one = view.loop.state == "running", self.current
        judged = one is not None and one.verdict is not None
        return {
            "measures": view.loop.running is not None,
            "running": running,
            "going": running or not phase.ended,
            "idle": not running and phase is not LoopPhase.COMPLETED,
            "person": view.by_person and not running,
            "not kept": judged and one is not None and one.score is not None and one.what != "keep",
            "kept": one is not None and one.what == "keep" and one.number > 0,
            "measured": judged and one is not None and one.score is not None,
            "committed": one is not None and one.commit is not None,
            "changed": one is not None and one.number > 0,
        }[when]

    # --- the cursor ---------------------------------------------------------------

    @on(EntryList.Moved, "#tries")
    def _moved(self, event: EntryList.Moved) -> None:
        self._go(int(event.key) - 1)

    def _go(self, number: int) -> None:
        if self.campaign is None or self.campaign.at(number) is None:
            return
        if number != self.number:
            self.query_one("#try").scroll_to(y=0, animate=False)
        self.number = number
        if self.tries.current != str(number + 1):
            self.tries.select(str(number + 1))
        self._draw_cursor()
        self.tell_footer()

    def action_step(self, by: int) -> None:
        """The try before or after, by number, whatever the table is sorted by."""
        if self.number is not None:
            self._go(self.number + by)

    @on(Chart.Zoom)
    def _wheel(self, event: Chart.Zoom) -> None:
        """The wheel on the chart goes from try to try."""
        event.stop()
        if event.chart.id == "best":
            self.action_step(-event.direction)

    @on(events.Click, "#best")
    def _chart_clicked(self, event: events.Click) -> None:
        """The try at the place of the chart that was clicked."""
        chart = self.query_one("#best", Chart)
        spot = event.get_content_offset(chart)
        if spot is not None and chart.frame is not None:
            self._go(round(chart.frame.at(spot.x)))

    @on(EntryList.Chosen)
    def _chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        """Open a run of the try in Live: the one at the cursor of its pane, else its first."""
        pane, one, view = self.query_one("#try", EntryList), self.current, self.campaign
        if one is None or view is None:
            say(self, "There is no try to open.")
            return
        run = one.run
        if pane.has_focus and pane.current is not None:
            run = pane.current.removeprefix(RUN)
        elif view.open is not None and view.open.number == one.number and view.loop.running:
            run = view.loop.running
        self.open_run(run, one)

    def open_run(self, run: str | None, one: Tried) -> None:
        """A run in Live; where there is none, that is said."""
        if run is None:
            why = "it was refused" if one.what == "refused" else "it has not run"
            say(self, f"{one.name.capitalize()} has no run: {why}.")
        elif self.run_folder(run) is None:
            say(self, f"The run {plain(run)} is not in this workspace any more.", "warning")
        else:
            self.factory.open_run(run)

    def action_live(self) -> None:
        """The repetition that runs now, in Live."""
        view = self.campaign
        if view is None or view.open is None or view.loop.running is None:
            say(self, "Nothing is measured now.")
        else:
            self.open_run(view.loop.running, view.open)

    # --- the table and the panes --------------------------------------------------

    def action_order(self) -> None:
        """Sort the table by the next thing."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        if self.campaign is not None:
            self._draw_tries(self.campaign)

    def action_filter(self) -> None:
        """Show only the tries with some words."""
        self.query_one("#search").add_class("-open")
        self.query_one(Input).focus()

    @on(Input.Changed, "#search Input")
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._words = event.value.strip()
        view = self.campaign
        if view is None:
            return
        shown = self._shown(view)
        if shown and self.number not in {one.number for one in shown}:
            self.number = shown[0].number
            self._draw_cursor()
        self._draw_tries(view)

    @on(Input.Submitted, "#search Input")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_search()

    def on_key(self, event: events.Key) -> None:
        """From the filter down into the table."""
        if event.key == "down" and self.query_one(Input).has_focus:
            event.stop()
            self.tries.focus()

    def _close_search(self) -> None:
        self.query_one("#search").set_class(bool(self._words), "-open")
        self.tries.focus()

    def step_back(self) -> bool:
        """Take away the filter, then the rules."""
        if self._words or self.query_one("#search").has_class("-open"):
            self.query_one(Input).value = ""
            self._words = ""
            self._close_search()
            self._draw()
        elif self.has_class("-rules"):
            self.action_rules()
        else:
            return False
        return True

    def action_rules(self) -> None:
        """The rules in place of the try, or the try again."""
        self.set_class(not self.has_class("-rules"), "-rules")
        name = "#rules" if self.has_class("-rules") else "#try"
        self.query_one(name).focus()

    def action_pane(self, by: int) -> None:
        """The next pane: tries, try, rules."""
        panes = [one for one in self.query("#body EntryList") if one.display]
        at = panes.index(self.focused) if self.focused in panes else 0
        panes[(at + by) % len(panes)].focus()

    def on_descendant_focus(self) -> None:
        reading = self.focused is not None and self.focused.id in ("try", "rules")
        self.set_class(reading, "-reading")

    def show_campaign(self, name: str) -> None:
        """Show another campaign."""
        if name != (self.campaign.name if self.campaign is not None else None):
            self._wanted = self.run_id = self.awaited = name
            self.number, self._change = None, None
            self._read()

    def action_choose(self) -> None:
        """Choose among the campaigns."""
        from tui.screens.pick import Pick

        names = self.look.names
        if not names:
            say(self, f"There is no campaign. {self._keys['new']} begins one.")
            return
        at = names.index(self.campaign.name) if self.campaign is not None else 0
        rows = [paint(plain(name, clip=200)) for name in names]

        def picked(number: int | None) -> None:
            if number is not None:
                self.show_campaign(names[number])

        self.app.push_screen(Pick("campaigns", rows, at), picked)
