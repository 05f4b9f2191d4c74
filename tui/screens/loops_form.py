"""A small form in front of Loops: fields, what the one with the focus means, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Static

from tui.styles import style_paths
from tui.views.plain import plain_lines
from tui.views.setting import Setting
from tui.widgets.dialog import Dialog
from tui.widgets.setting_row import SettingRow

Answer = TypeVar("Answer")


class FormDialog(Dialog[Answer]):
    """Rows of settings. A subclass says what they are, explains them, and takes what is typed."""

    CSS_PATH = style_paths("forms")
    AUTO_FOCUS = ".setting Choice, .setting Input"

    def __init__(self, title: str, settings: Sequence[Setting], buttons: Mapping[str, str]) -> None:
        """``buttons``: action to label, with the key in it."""
        super().__init__()
        self._title, self._settings, self._buttons = title, settings, buttons
        self._explained: Setting | None = settings[0] if settings else None
        self.standing = ""
        """What is wrong whatever is typed; it comes back when a field changes."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog form") as box:
            box.border_title = Content(f" {self._title} ")
            with VerticalScroll(classes="form-rows", can_focus=False):
                for setting in self._settings:
                    yield SettingRow(setting)
            yield Static(classes="form-help")
            yield Static(classes="form-problem")
            with Horizontal(classes="buttons"):
                for action, label in self._buttons.items():
                    yield Button(Content(label), name=action, compact=True)

    def row(self, key: str) -> SettingRow:
        """The field of that key."""
        return next(one for one in self.query(SettingRow) if one.setting.key == key)

    def typed(self) -> dict[str, str]:
        """What every field holds; "" for its own value."""
        return {one.setting.key: one.value.strip() for one in self.query(SettingRow)}

    @property
    def wrong(self) -> SettingRow | None:
        """The first field with a value that cannot be."""
        return next((one for one in self.query(SettingRow) if one.problem), None)

    def complain(self, text: str) -> None:
        """Say what is wrong with all of it; "" takes it away."""
        line = self.query_one(".form-problem", Static)
        line.display = bool(text)
        line.update(Content.styled(f"✘ {plain_lines(text, clip=2_000)}" if text else "", "$error"))

    def explain(self) -> None:
        """Say what the field with the focus means."""
        if self._explained is not None:
            self.query_one(".form-help", Static).update(self.help_of(self._explained))

    def busy(self, words: str) -> None:
        """Say what is being done, in the place of what a field means."""
        self.query_one(".form-help", Static).update(Content.styled(words, "$accent"))

    def help_of(self, setting: Setting) -> Content:
        """What a field means, in a few lines."""
        return Content.styled(setting.help, "$muted")

    @on(SettingRow.Entered)
    def _entered(self, event: SettingRow.Entered) -> None:
        event.stop()
        self._explained = event.setting
        self.explain()

    @on(SettingRow.Changed)
    def _changed(self, event: SettingRow.Changed) -> None:
        event.stop()
        self.complain(self.standing)
        self.changed(event.setting, event.value)

    def changed(self, setting: Setting, value: str) -> None:
        """A field has another value."""

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.focus_next()

    @on(Button.Pressed)
    async def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        await self.run_action(event.button.name or "leave")

    def finish(self, answer: Answer) -> None:
        """Answer from a thread's callback: one that waits for the removal waits for ever."""
        self.dismiss(answer)

    def action_leave(self) -> None:
        self.dismiss(None)
