"""One setting of New run: label, entry, unit and range on one line."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from tui.views.plain import middle, plain
from tui.views.setting import HYPOTHESIS, MORE, SEEDS, Setting
from tui.views.settings_form import is_changed, wrong_with
from tui.widgets.field import Choice

LABEL_CELLS = 23
"""As the margin of the entry in the stylesheet."""

LEAST_NOTE = 8
TEXT_NOTE = 26
WIDE_ROW = 68
"""From so many columns on, a text has a note behind it."""

WAS_CELLS = 16
ASIDE = (MORE, SEEDS, HYPOTHESIS)
"""Fields that no target has a value for."""


class Entry(Input):
    """An entry. In one for numbers "/" is no character, but the key that filters the settings."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(compact=True, classes="setting-entry", select_on_focus=False)
        self._numeric = setting.kind in ("whole", "number")

    def check_consume_key(self, key: str, character: str | None) -> bool:
        if self._numeric and character == "/":
            return False
        return super().check_consume_key(key, character)

    async def _on_key(self, event: events.Key) -> None:
        if self._numeric and event.character == "/":
            event.prevent_default()  # the binding of the screen gets it


class SettingRow(Widget):
    """The target's own value is the placeholder; what is typed over it is marked with a dot.

    Label and note are drawn by the row itself: forty rows of three widgets take long to open.
    """

    @dataclass
    class Changed(Message):
        """Something was typed or chosen."""

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
        self.problem: str | None = None
        self._told = ""

    def compose(self) -> ComposeResult:
        if self.setting.options:
            yield Choice(dict.fromkeys(self.setting.options, ""))
        else:
            yield Entry(self.setting)

    def on_resize(self, event: events.Resize) -> None:
        """Texts have the whole line, but for a note where there is room for it."""
        if self.setting.kind in ("text", "list"):
            note = TEXT_NOTE if event.size.width >= WIDE_ROW else 0
            self.entry.styles.width = max(8, event.size.width - LABEL_CELLS - note)

    def render(self) -> Content:
        start = LABEL_CELLS + self.entry.outer_size.width + 1
        room = self.size.width - start
        label = self._label().truncate(LABEL_CELLS - 1, ellipsis=True)
        if room < LEAST_NOTE:
            return label
        note = self.note.truncate(room, ellipsis=True)
        return label.pad_right(start - label.cell_length) + note

    @property
    def entry(self) -> Entry | Choice:
        """The widget that takes the focus."""
        return self.query_one(Choice) if self.setting.options else self.query_one(Entry)

    @property
    def value(self) -> str:
        """What is typed; "" for what the target says."""
        entry = self.entry
        if isinstance(entry, Choice):
            return "" if entry.value == self.own else entry.value
        return entry.value

    def put(self, value: str) -> None:
        """Fill the entry; "" is what the target says."""
        self.entry.value = value or (self.own if self.setting.options else "")

    def offer(self, own: str) -> None:
        """The target's own value, which an empty entry means."""
        typed = self.value
        self.own = own
        entry = self.entry
        if isinstance(entry, Choice):
            entry.value = typed or own
        elif self.setting.key == MORE:
            entry.placeholder = "key=value …"
        else:
            entry.placeholder = plain(own, clip=200) or "not set"
        self.refresh()

    @property
    def changed(self) -> bool:
        return is_changed(self.setting, self.value, self.own)

    def complain(self, told: str | None) -> None:
        """What the engine says of the value, or None."""
        self._told = told or ""
        self._check()

    def _check(self) -> None:
        self.problem = wrong_with(self.setting, self.value) or self._told or None
        self.set_class(self.problem is not None, "-wrong")
        self.refresh()

    def _label(self) -> Content:
        changed = self.is_mounted and self.changed
        sign = ("✘ ", "$error") if self.problem else ("● ", "$accent") if changed else ("  ", "")
        label = (self.setting.label, "bold $strong" if changed else "")
        return Content.assemble(sign, label)

    @property
    def note(self) -> Content:
        """What stands behind the entry: what is wrong, what it was, or its unit and range."""
        if self.problem:
            return Content.styled(f"✘ {plain(self.problem, clip=200)}", "$error")
        if self.is_mounted and self.changed and self.setting.key not in ASIDE:
            was = middle(plain(self.own, clip=200), WAS_CELLS) if self.own else "not set"
            return Content.assemble(
                (f"was {was}", "$accent"), (f" {self.setting.unit}".rstrip(), "$muted")
            )
        words = " · ".join(part for part in (self.setting.unit, self.setting.range) if part)
        return Content.styled(words, "$muted")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._tell(event.value)

    @on(Choice.Changed)
    def _chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self._tell(self.value)

    def _tell(self, value: str) -> None:
        self._told = ""
        self._check()
        self.post_message(self.Changed(self.setting, value))

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        self.post_message(self.Entered(self.setting))
