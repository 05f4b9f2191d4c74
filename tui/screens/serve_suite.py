"""A prompt goes into a suite: into which file, and what the right answer is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static, TextArea

from engine.answers.by_hand import SuitePlace
from tui.views.plain import plain_lines
from tui.views.serve_suite import consequence, place_names
from tui.widgets.confirm import Confirm
from tui.widgets.dialog import Dialog
from tui.widgets.field import Choice

SHOWN_PROMPT = 400


@dataclass(frozen=True, slots=True)
class Row:
    """What was decided: where the row goes, and what is expected."""

    place: SuitePlace
    expected: str


class ToSuite(Dialog[Row | None]):
    """Asks for the file and the expected answer; None when it was left.

    ``offers`` are the answers that came, by their side; ``expected`` is what is typed already.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("ctrl+s", "done", "write", priority=True),
        Binding("f2", "offer(0)", "first answer", priority=True),
        Binding("f3", "offer(1)", "second answer", priority=True),
    ]

    def __init__(
        self,
        prompt: str,
        expected: str,
        places: Sequence[SuitePlace],
        offers: Sequence[tuple[str, str]],
    ) -> None:
        super().__init__()
        self._prompt, self._expected = prompt, expected
        self._places, self._offers = list(places), list(offers)

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog to-suite") as box:
            box.border_title = " into a suite "
            keys = [f"F{at} {side}'s answer" for at, (side, _) in enumerate(self._offers, start=2)]
            box.border_subtitle = Content(f" {' · '.join(['^s writes', *keys, 'esc leaves'])} ")
            yield Static("prompt", classes="label")
            yield Static(Content(plain_lines(self._prompt, clip=SHOWN_PROMPT)), classes="prompt")
            yield Static("file", classes="label")
            yield Choice(place_names(self._places), self._places[0].file)
            yield Static("the right answer", classes="label")
            yield TextArea(
                self._expected,
                compact=True,
                tab_behavior="focus",
                show_line_numbers=False,
                highlight_cursor_line=False,
                placeholder="What a good model answers, exactly as its scorer wants it.",
            )
            yield Static(classes="consequence")

    def on_mount(self) -> None:
        self._say_consequence()
        field = self.query_one(TextArea)
        field.focus()
        field.move_cursor(field.document.end)

    @property
    def place(self) -> SuitePlace:
        """The file that is chosen."""
        wanted = self.query_one(Choice).value
        return next(one for one in self._places if one.file == wanted)

    @on(Choice.Changed)
    def _say_consequence(self) -> None:
        line = self.query_one(".consequence", Static)
        frozen = self.place.frozen
        sign, tone = ("⚠ ", "$warning") if frozen else ("", "$muted")
        line.update(Content.styled(sign + consequence(self.place), tone))

    def action_offer(self, number: int) -> None:
        """One of the answers as a start."""
        if number < len(self._offers):
            self.query_one(TextArea).load_text(self._offers[number][1])

    def action_done(self) -> None:
        row = Row(self.place, self.query_one(TextArea).text)
        if not row.place.frozen:
            self.dismiss(row)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(row)

        question = f"Make {row.place.file} another suite?"
        self.app.push_screen(Confirm(question, consequence(row.place), "Add it"), answered)

    def action_leave(self) -> None:
        self.dismiss(None)
