"""A field of a form: label, entry, and beneath it what is wrong with what was entered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static, TextArea

from tui.views.plain import plain


class Choice(Widget, can_focus=True):
    """One of a few values on one line: ← and → move, a click chooses the next one.

    ``value`` is empty until something was chosen.
    """

    STEPS: ClassVar[Mapping[str, int]] = {
        **dict.fromkeys(("left", "h"), -1),
        **dict.fromkeys(("right", "l", "space", "enter"), 1),
    }
    ALLOW_SELECT = False
    DEFAULT_CSS = "Choice { text-wrap: nowrap; text-overflow: ellipsis; }"

    value: reactive[str] = reactive("")

    @dataclass
    class Changed(Message):
        choice: Choice
        value: str

    def __init__(self, options: Mapping[str, str], value: str = "") -> None:
        super().__init__()
        self._options = dict(options)
        self.set_reactive(Choice.value, value)

    def offer(self, options: Mapping[str, str]) -> None:
        """Offer other values."""
        self._options = dict(options)

    def render(self) -> Content:
        if not self.value:
            return Content.assemble(("‹ ", "$accent"), ("→ chooses", "$muted"), (" ›", "$accent"))
        what = self._options.get(self.value, "")
        return Content.assemble(
            ("‹ ", "$accent"),
            (plain(self.value), "bold"),
            (" ›", "$accent"),
            (f"  {what}" if what else "", "$muted"),
        )

    def on_key(self, event: events.Key) -> None:
        # Not by bindings: those are looked up where the focus is by then, and ⇥ comes before them.
        if by := self.STEPS.get(event.key):
            event.stop()
            event.prevent_default()
            self.action_step(by)

    def action_step(self, by: int) -> None:
        names = list(self._options)
        if not names:
            return
        at = names.index(self.value) + by if self.value in names else (0 if by > 0 else -1)
        self.value = names[at % len(names)]

    def watch_value(self, value: str) -> None:
        self.post_message(self.Changed(self, value))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.action_step(1)


class Field(Vertical):
    """A labelled entry: free text, or a `Choice` when ``options`` are given."""

    @dataclass
    class Changed(Message):
        """The entry has another value."""

        name: str
        value: str

    def __init__(
        self,
        name: str,
        label: str,
        hint: str,
        *,
        value: str = "",
        required: bool = False,
        options: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(classes="field")
        self.key = name
        self._label, self._hint, self._value = label, hint, value
        self._required, self._options = required, options

    def compose(self) -> ComposeResult:
        need = ("", "") if self._required else ("  optional", "$muted")
        yield Static(Content.assemble((self._label, "$strong"), need), classes="field-label")
        if self._options is not None:
            yield Choice(self._options, self._value)
        else:
            yield TextArea(
                self._value,
                compact=True,
                tab_behavior="focus",
                show_line_numbers=False,
                placeholder=self._hint,
                highlight_cursor_line=False,
            )
        yield Static(classes="field-problem")

    @property
    def entry(self) -> TextArea | Choice:
        """The widget that takes the focus."""
        if self._options is not None:
            return self.query_one(Choice)
        return self.query_one(TextArea)

    def complain(self, problem: str | None) -> None:
        """Say beneath the entry what is wrong, or no longer anything."""
        self.set_class(problem is not None, "-wrong")
        self.query_one(".field-problem", Static).update(Content(f"✘ {problem}" if problem else ""))

    @on(TextArea.Changed)
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._tell(event.text_area.text)

    @on(Choice.Changed)
    def _chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._tell(event.value)

    def _tell(self, value: str) -> None:
        if value != self._value:
            self._value = value
            self.post_message(self.Changed(self.key, value))
