"""One setting of New run: label, entry, unit and range on one line."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.views.settings_form import Setting


class SettingRow(Horizontal):
    """The target's own value is the placeholder; what is typed over it is marked with a dot."""

    @dataclass
    class Changed(Message):
        """Something was typed."""

        setting: Setting
        value: str

    @dataclass
    class Entered(Message):
        """The entry has the focus now."""

        setting: Setting

    def __init__(self, setting: Setting) -> None:
        super().__init__(classes="setting")
        self.setting = setting
        self.own = ""

    def compose(self) -> ComposeResult:
        yield Static(" ", classes="setting-sign")
        yield Static(Content(self.setting.label), classes="setting-label")
        yield Input(compact=True, classes="setting-entry", select_on_focus=False)
        yield Static(Content(self.setting.unit), classes="setting-unit")
        yield Static(Content(self.setting.range), classes="setting-range")

    @property
    def entry(self) -> Input:
        return self.query_one(Input)

    def offer(self, own: str) -> None:
        """The target's own value, which an empty entry means."""
        self.own = own
        self.entry.placeholder = own or "from the target"

    def complain(self, wrong: bool) -> None:
        """Mark the entry as wrong, or no longer."""
        self.set_class(wrong, "-wrong")
        self._sign()

    def _sign(self) -> None:
        text = self.entry.value.strip()
        changed = bool(text) and text != self.own
        sign = (
            Content.styled("✘", "$error")
            if self.has_class("-wrong")
            else Content.styled("●" if changed else " ", "$accent")
        )
        self.query_one(".setting-sign", Static).update(sign)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._sign()
        self.post_message(self.Changed(self.setting, event.value))

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        self.post_message(self.Entered(self.setting))
