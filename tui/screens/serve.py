"""Serve: base and candidate as servers of this machine, and one prompt to both, side by side."""

from __future__ import annotations

import time

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static, TextArea

from engine.serving.store import LOG, serve_dir
from tui.bindings import bindings_for
from tui.screens.panes import Edge
from tui.screens.serve_asking import HISTORY
from tui.screens.serve_suites import SuiteActs
from tui.standing import is_seen
from tui.styles import style_paths
from tui.views.cells import Cell
from tui.views.entries import Entry
from tui.views.serve_answer import body_lines, head_spans
from tui.views.serve_question import expected_cells
from tui.views.serve_settings import system_words
from tui.views.serve_sides import SIDES, note_cells, side_entry, title_of, trouble_cells
from tui.views.wrapping import Line
from tui.widgets.answer_pane import AnswerPane, AnswerText
from tui.widgets.entry_list import EntryList
from tui.widgets.key_bar import KeyBar
from tui.widgets.log_pane import LogPane
from tui.widgets.prompt_box import PromptBox
from tui.widgets.tones import paint
from tui.widgets.top_bar import TopBar

FRAME_S = 0.15
"""Between two pictures of answers that stream in."""


class ServeScreen(SuiteActs):
    """Two servers, one prompt, two answers. What runs is in ``.factory/serve/``, not here."""

    ROOM = "serve"
    CSS_PATH = style_paths("serve")
    BINDINGS = bindings_for("serve")
    EDGES = (Edge("#log", "top"), Edge("#prompt", "bottom"), Edge("#base", "right"))

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._put: dict[str, object] = {}

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "serve", *([self.run_id] if self.run_id else []))
        yield EntryList(id="servers")
        yield Static(id="trouble")
        yield PromptBox(id="prompt")
        with Horizontal(id="settings"):
            yield Static("max tokens ", classes="label")
            yield Input("256", id="tokens", compact=True)
            yield Static("temperature ", classes="label")
            yield Input("0", id="temperature", compact=True)
            yield Static(id="system")
        yield Static(id="expected")
        with Horizontal(id="answers"):
            for side in SIDES:
                yield AnswerPane(side)
        yield Static(id="note")
        with Vertical(id="below"):
            yield LogPane(serve_dir(self.place) / SIDES[0], name=LOG, id="log")
        yield KeyBar("serve")

    def on_mount(self) -> None:
        self.prompt.remember(self.factory.remembered.get(HISTORY, []))
        self.prompt.border_title = " prompt "
        ask, newline, example = (self.key(one) for one in ("ask", "newline", "example"))
        self.prompt.placeholder = (
            f"What to ask both. {ask} asks, {newline} breaks the line, {example} takes an example."
        )
        self.prompt.focus()
        self.draw_sides()
        self.draw_question()
        self.draw_answers()
        self.set_interval(FRAME_S, self._frame)
        self.begin()

    def on_screen_resume(self) -> None:
        if self.sources:
            self.look()

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw_all)

    def _draw_all(self) -> None:
        self._put.clear()
        self.draw_sides()
        self.draw_question()
        self.draw_answers()

    def _frame(self) -> None:
        if is_seen(self) and self.asking:
            self.draw_answers()

    # --- drawing ------------------------------------------------------------------------

    def draw_sides(self) -> None:
        if not self.there:
            return
        sides = list(self.sides.values())
        ready = sum(one.answers for one in sides)
        right, tone = f"{ready} of {len(sides)} ready", "good" if ready else "muted"
        parts = ["factory", "serve", *([self.run_id] if self.run_id else [])]
        self.query_one(TopBar).put(*parts, right=right, tone=tone)  # type: ignore[arg-type]
        if self._changed("servers", (self.sides, self.chosen)):

            def make(width: int) -> list[Entry]:
                return [side_entry(one, one.name == self.chosen, width) for one in sides]

            servers = self.query_one("#servers", EntryList)
            servers.put(make)
            servers.select(self.chosen)
            self._turn_log()
            self.draw_answers()
        self._line("#trouble", trouble_cells(sides, self.size.width - 2))

    def _turn_log(self) -> None:
        side = self.sides[self.chosen]
        log = self.query_one(LogPane)
        if side.source.endpoint is not None:
            log.turn_to(serve_dir(self.place) / LOG, side.source.endpoint.shown)  # we have none
            return
        server = side.server or side.name
        log.turn_to((side.folder or serve_dir(self.place) / server) / LOG, server)

    def draw_question(self) -> None:
        if not self.there:
            return
        question = self.question
        width = self.size.width - 2
        self._line("#expected", expected_cells(question, width))
        words = system_words(question.system, self.targets_system)
        self._line(
            "#system",
            [
                Cell("system prompt ", "muted"),
                Cell(words),
                Cell(f"  {self.key('system')}", "muted"),
            ],
        )

    def draw_answers(self) -> None:
        if not self.there:
            return
        self._draw_heads()
        for name in SIDES:
            pane = self.query_one(f"#{name}", AnswerPane)
            answer = self.answers.get(name)
            done = answer is None or answer.end is not None
            spans = None
            if self.with_marks and self.compared is not None:
                spans = self.compared.spans.get(name)
            mark = (answer, done, spans, answer and (len(answer.pieces), answer.score))
            if not self._changed(f"text-{name}", (id(answer), *mark[1:], _reasoned(answer))):
                continue

            def make(width: int, answer=answer, spans=spans) -> list[Line]:  # type: ignore[no-untyped-def]
                return body_lines(answer, width, spans)

            pane.lines.put(make, follow=not done)
        words = self._difference()
        sides = list(self.sides.values())
        self._line("#note", note_cells(sides, words, self.key("servers"), self.key("ask")))

    def _difference(self) -> str:
        """How the answers differ, and the key that shows or hides where."""
        if self.compared is None:
            return ""
        if not any(self.compared.spans.values()):
            return self.compared.words
        does = "hides marks" if self.with_marks else "marks where"
        return f"{self.compared.words} {self.key('marks')} {does}."

    def _draw_heads(self) -> None:
        now = time.monotonic()
        for name in SIDES:
            pane = self.query_one(f"#{name}", AnswerPane)
            title = title_of(self.sides[name].source, max(10, pane.size.width - len(name) - 12))
            pane.set_class(name == self.chosen, "-chosen")
            sign = "▸ " if name == self.chosen else ""
            parts = [part for part in (sign + name, title) if part]
            pane.head(
                " ─ ".join(parts), head_spans(self.answers.get(name), now, pane.size.width - 1)
            )

    def _line(self, selector: str, cells: list[Cell] | None) -> None:
        if self._changed(selector, cells):
            line = self.query_one(selector, Static)
            line.display = bool(cells)
            line.update(paint(*cells) if cells else "")

    def _changed(self, what: str, value: object) -> bool:
        """Whether that is drawn otherwise now; what is drawn already costs nothing."""
        if what in self._put and self._put[what] == value:
            return False
        self._put[what] = value
        return True

    # --- keys ---------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        focused = self.focused
        if not self.there:
            return False
        if action == "ask":
            return isinstance(focused, PromptBox | AnswerText | EntryList)
        if action == "newline":
            return isinstance(focused, PromptBox)
        if action == "scroll":
            return isinstance(focused, PromptBox | Input)
        if action == "history":
            by = parameters[0] if parameters else 0
            return isinstance(by, int) and self.prompt.may_step(by)
        return True

    def action_ask(self) -> None:
        """Send the prompt; in the list of servers, start or stop the one at the cursor."""
        if isinstance(self.focused, EntryList):
            self.action_server()
        else:
            super().action_ask()

    def choose_side(self, name: str) -> None:
        """Mean that side from now on."""
        self.chosen = name
        self.draw_sides()
        self.draw_answers()

    def action_other(self) -> None:
        """Mean the other side."""
        self.choose_side(SIDES[1 - SIDES.index(self.chosen)])

    def action_scroll(self, direction: int) -> None:
        """Both answers a page down (1) or up (-1)."""
        for pane in self.query(AnswerText):
            page = max(1, pane.size.height - 1)
            pane.scroll_relative(y=direction * page, animate=False)

    def action_log(self) -> None:
        """Give the screen to the log, or take it back."""
        full = not self.has_class("-log")
        self.set_class(full, "-log")
        if full:
            self.query_one(LogPane).focus()
        else:
            self.prompt.focus()

    def step_back(self) -> bool:
        if not self.there:
            return False
        log = self.query_one(LogPane)
        if log.holds(self.focused) and log.step_back():
            return True
        if self.give_up():
            return True
        if self.has_class("-log"):
            self.action_log()
            return True
        return False

    # --- mouse and typing -----------------------------------------------------------------

    @on(EntryList.Moved, "#servers")
    def _moved(self, event: EntryList.Moved) -> None:
        self.choose_side(event.key)

    @on(EntryList.Chosen, "#servers")
    def _list_chosen(self, event: EntryList.Chosen) -> None:
        self.choose_side(event.key)
        self.action_server()

    @on(AnswerPane.Chosen)
    def _pane_chosen(self, event: AnswerPane.Chosen) -> None:
        self.choose_side(event.side)

    @on(events.Click, "#system")
    def _system_clicked(self) -> None:
        self.action_system()

    @on(TextArea.Changed, "#prompt")
    def _typed(self) -> None:
        """What was expected of an example is not expected of another prompt."""
        changed = self.question.typed(self.prompt.text)
        if changed.picked is not self.question.picked:
            self.question = changed
            self.draw_question()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.prompt.focus()


def _reasoned(answer: object) -> int:
    return len(getattr(answer, "reasoned", ()))
