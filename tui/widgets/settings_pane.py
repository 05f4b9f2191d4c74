"""The left side of New run: the target, then every setting in groups, and a filter for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.views.setting import HYPOTHESIS
from tui.views.settings_form import matching
from tui.views.settings_table import GROUPS, SETTINGS
from tui.widgets.field import Choice
from tui.widgets.setting_row import SettingRow


class SettingsPane(Vertical):
    """Rows of settings. ``follows`` puts the hypothesis first, as a run with a parent has one."""

    @dataclass
    class TargetChosen(Message):
        """Another target, by its name."""

        name: str

    def __init__(self, *, follows: bool) -> None:
        super().__init__(id="settings-side")
        self._follows = follows
        self.own: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        with Horizontal(id="find-line"):
            yield Static("/ ", id="find-sign")
            yield Input(compact=True, id="find", placeholder="part of a name, such as lr or memory")
            yield Static("", id="find-count")
        with VerticalScroll(id="settings", can_focus=False):
            with Horizontal(classes="setting", id="target-line"):
                yield Static("  target", classes="setting-label")
                yield Choice({}).add_class("-target")
            groups = sorted(GROUPS, key=lambda group: group != "Run") if self._follows else GROUPS
            for group in groups:
                yield Static(group, classes="setting-group", name=group)
                for setting in SETTINGS:
                    if setting.group == group:
                        yield SettingRow(setting)

    def on_mount(self) -> None:
        self.query_one("#find-line").display = False

    # --- the target -----------------------------------------------------------------

    @property
    def target(self) -> str:
        """The name of the chosen target; "" for none."""
        return self.query_one(".-target", Choice).value

    def offer_targets(self, names: Mapping[str, str], chosen: str) -> None:
        """Offer the targets, and choose one."""
        choice = self.query_one(".-target", Choice)
        choice.offer(names)
        choice.value = chosen

    @on(Choice.Changed)
    def _target_chosen(self, event: Choice.Changed) -> None:
        event.stop()
        self.post_message(self.TargetChosen(event.value))

    # --- the settings ---------------------------------------------------------------

    @property
    def rows(self) -> Iterator[SettingRow]:
        yield from self.query(SettingRow).results()

    def row(self, key: str) -> SettingRow:
        """The row of a setting; StopIteration for a key that has none."""
        return next(row for row in self.rows if row.setting.key == key)

    def typed(self) -> dict[str, str]:
        """What is in the fields, by key; "" for the target's own value."""
        return {row.setting.key: row.value for row in self.rows}

    def offer(self, own: Mapping[str, str]) -> None:
        """What the target says, for every field."""
        self.own = dict(own)
        for row in self.rows:
            row.offer(own.get(row.setting.key, ""))

    def fill(self, typed: Mapping[str, str]) -> None:
        """Put values into the fields; those that are not named are emptied."""
        for row in self.rows:
            row.put(typed.get(row.setting.key, ""))

    def complain(self, told: Mapping[str | None, str]) -> None:
        """What is wrong, by the key of its field."""
        for row in self.rows:
            row.complain(told.get(row.setting.key))

    # --- the filter -----------------------------------------------------------------

    @property
    def filtering(self) -> bool:
        return bool(self.query_one("#find-line").display)

    def open_filter(self) -> None:
        self.query_one("#find-line").display = True
        self.query_one("#find", Input).focus()

    def close_filter(self) -> None:
        """Show every setting again, and stay where one was."""
        field = self.query_one("#find", Input)
        focused = field.has_focus
        field.value = ""
        self.query_one("#find-line").display = False
        if focused:
            self.query_one(".-target", Choice).focus()

    @on(Input.Changed, "#find")
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        found = matching(SETTINGS, event.value)
        shown: set[str] = set()
        for row in self.rows:
            row.display = row.setting.key in found
            if row.display:
                shown.add(row.setting.group)
        for head in self.query(".setting-group").results(Static):
            head.display = head.name in shown
        count = f" {len(found)} of {len(SETTINGS)}"
        self.query_one("#find-count", Static).update(
            Content.styled(count, "$muted") if found else Content.styled(" none", "$warning")
        )

    @on(Input.Submitted, "#find")
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        first = next((row for row in self.rows if row.display), None)
        if first is not None:
            first.entry.focus()

    def ask_hypothesis(self) -> None:
        """Put the cursor where the hypothesis is typed."""
        self.row(HYPOTHESIS).entry.focus()
