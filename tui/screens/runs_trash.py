"""The trash: what was deleted, to be restored or removed for good."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from engine.catalogue.trash import OLD, Trash, Trashed, one_of_them, size_of
from engine.workspace import Workspace
from tui.acting import at_work, attempt, hand_over, say
from tui.screens.ask_text import AskText
from tui.views import cells
from tui.views.plain import fit, middle, plain
from tui.widgets.choice_list import ChoiceList
from tui.widgets.confirm import Confirm
from tui.widgets.dialog import Dialog


class TrashDialog(Dialog[list[str]]):
    """The ids of the runs that were restored."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r,u", "restore", "restore"),
        Binding("delete,D", "destroy", "delete for good"),
        Binding("O", "empty_old", "empty what is old"),
        Binding("escape,q", "leave", "close"),
    ]

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._trash = Trash(workspace)
        self._entries: list[Trashed] = []
        self._sizes: dict[str, int] = {}
        self._restored: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog trash") as box:
            box.border_title = " Trash "
            box.border_subtitle = " esc closes "
            yield Static(
                Content.assemble(
                    *(("⏎ r", "$accent"), " restore  ", ("D", "$accent"), " delete for good  "),
                    *(("O", "$accent"), f" empty what is over {OLD.days} days old"),
                ),
                classes="hint",
            )
            yield ChoiceList()
            yield Static(id="trash-said")

    def on_mount(self) -> None:
        self.query_one(ChoiceList).focus()
        self._look()

    # --- reading --------------------------------------------------------------------

    @work(thread=True, group="trash-look", exclusive=True)
    def _look(self) -> None:
        found: list[Trashed] = []
        attempt(self, lambda: found.extend(self._trash.entries()), "")
        hand_over(self, self._take, found)
        for entry in found:
            if entry.path.name not in self._sizes:
                self._sizes[entry.path.name] = size_of(entry.path)
        hand_over(self, self._draw)

    def _take(self, entries: list[Trashed]) -> None:
        self._entries = entries
        self._draw()

    def _draw(self) -> None:
        now = datetime.now(UTC)
        lines = []
        for entry in self._entries:
            size = cells.size(self._sizes.get(entry.path.name))
            age = cells.age(entry.when, now)
            lines.append(
                [
                    (fit(middle(plain(entry.run_id), 44), 44), "strong"),
                    (f"  deleted {age if age == 'now' else age + ' ago':<9}", "muted"),
                    (f"{size:>7}", "plain"),
                ]
            )
        self.query_one(ChoiceList).put(lines)
        total = sum(self._sizes.get(entry.path.name, 0) for entry in self._entries)
        said = f"{len(self._entries):,} in the trash, {cells.size(total)}. Nothing goes by itself."
        self.query_one("#trash-said", Static).update(
            Content.styled(said if self._entries else "The trash is empty.", "$muted")
        )

    @property
    def _at_cursor(self) -> Trashed | None:
        at = self.query_one(ChoiceList).cursor
        return self._entries[at] if at < len(self._entries) else None

    # --- acting ---------------------------------------------------------------------

    @on(ChoiceList.Chosen)
    def action_restore(self) -> None:
        """Move the run at the cursor back into the list."""
        if self._at_cursor is not None and not at_work(self, "trash-act"):
            self._restore(self._at_cursor)

    @work(thread=True, group="trash-act")
    def _restore(self, entry: Trashed) -> None:
        if attempt(self, lambda: self._trash.restore(entry), f"{entry.run_id} is back."):
            self._restored.append(entry.run_id)
        hand_over(self, self._look)

    def action_destroy(self) -> None:
        """Remove the run at the cursor for good, after its name was typed."""
        entry = self._at_cursor
        if entry is None:
            return

        def answered(name: str | None) -> None:
            if name is not None:
                self._destroy([entry])

        self.app.push_screen(
            AskText(
                "Delete for good?",
                Content(
                    f"{plain(entry.run_id)}: its weights, scores and decision cannot be brought "
                    "back. Type the run's name to delete it."
                ),
                "",
                check=lambda name: (
                    None if name.strip() == entry.run_id else f"That is not {plain(entry.run_id)}."
                ),
                done="enter deletes it · esc leaves it",
            ),
            answered,
        )

    def action_empty_old(self) -> None:
        """Remove for good what was deleted long ago, after a question."""
        now = datetime.now(UTC)
        old = [entry for entry in self._entries if entry.when < now - OLD]
        if not old:
            say(self, f"Nothing in the trash was deleted over {OLD.days} days ago.")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._destroy(old)

        names = plain(one_of_them([entry.run_id for entry in old]))
        self.app.push_screen(
            Confirm(
                f"Delete {len(old):,} run{'s' * (len(old) != 1)} for good?",
                f"Deleted over {OLD.days} days ago: {names}. They cannot be brought back.",
                "Delete for good",
            ),
            answered,
        )

    @work(thread=True, group="trash-act")
    def _destroy(self, entries: list[Trashed]) -> None:
        for entry in entries:
            gone = f"{entry.run_id} is deleted for good." if len(entries) == 1 else ""
            attempt(self, lambda entry=entry: self._trash.destroy(entry), gone)  # type: ignore[misc]
        hand_over(self, self._look)

    def action_leave(self) -> None:
        self.dismiss(self._restored)
