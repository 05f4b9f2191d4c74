"""The tags of one or several runs, as one line that is completed from those that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from engine.catalogue.tags import TagError
from tui.views.plain import plain
from tui.views.tag_edit import TagEdit, common, on_some, read_edit, tag_candidates
from tui.widgets.completing import CompletingInput, Offers
from tui.widgets.dialog import Dialog


class TagsDialog(Dialog[TagEdit | None]):
    """The edit that was asked for, or None. ``tags`` are those of each run, ``known`` all
    that there are, with the number of runs that have them."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "leave", "leave it")]

    def __init__(
        self, names: Sequence[str], tags: Sequence[Sequence[str]], known: Mapping[str, int]
    ) -> None:
        super().__init__()
        self._names, self._tags, self._known = names, tags, known
        self._before = common(tags)

    def compose(self) -> ComposeResult:
        one = len(self._names) == 1
        value = "".join(f"{tag} " for tag in self._before)
        some = [f"{plain(tag)} ({count})" for tag, count in on_some(self._tags)]
        with Vertical(classes="dialog tags") as box:
            box.border_title = Content(
                f" Tags of {plain(self._names[0]) if one else f'{len(self._names):,} runs'} "
            )
            box.border_subtitle = " ⏎ writes them · esc leaves it "
            yield Static(
                "Words with spaces between them; one that you take out of the line goes.",
                classes="hint",
            )
            if some:
                text = f"Only some have: {', '.join(some[:12])}. -word takes one of those away."
                yield Static(Content(text), classes="hint")
            yield CompletingInput(
                lambda text, cursor: tag_candidates(text, cursor, self._known),
                value=value,
                placeholder="for example: nightly debug",
            )
            yield Static(id="tags-said")
            yield Offers()

    def on_mount(self) -> None:
        entry = self.query_one(CompletingInput)
        entry.cursor_position = len(entry.value)
        entry.focus()

    @on(CompletingInput.Offered)
    def _offered(self, event: CompletingInput.Offered) -> None:
        self.query_one(Offers).put(event.sender)

    @on(Input.Changed)
    def _changed(self) -> None:
        said = self.query_one("#tags-said", Static)
        try:
            edit = self._edit()
        except TagError as error:
            said.update(Content.styled(f"✘ {error}", "$error"))
        else:
            said.update(Content.styled(f"This {edit.said()}.", "$muted"))

    def _edit(self) -> TagEdit:
        return read_edit(self.query_one(CompletingInput).value, self._before)

    @on(Input.Submitted)
    def _done(self) -> None:
        try:
            self.dismiss(self._edit())
        except TagError:
            return  # said below the line already

    def action_leave(self) -> None:
        self.dismiss(None)
