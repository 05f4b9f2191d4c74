"""What can be done with the chosen runs of the list: cancel, resume, tag, delete, compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from textual import work

from engine.catalogue.summary import RunSummary
from tui.acting import attempt, say, still_at
from tui.screens.runs_reading import RunsReading
from tui.views.plain import plain
from tui.views.runs_view import RunRow
from tui.views.tag_edit import TagEdit
from tui.widgets.confirm import Confirm

_MOST_UNDONE = 100


@dataclass(slots=True)
class _Undo:
    """How one step is taken back: what is said then, and what is done, run by run."""

    said: str
    steps: list[Callable[[], object]] = field(default_factory=list)


class RunsActs(RunsReading):
    """Acts on the marked runs, or on the one at the cursor where none is marked."""

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._undo: list[_Undo] = []

    @property
    def current(self) -> RunRow | None:
        """The run at the cursor."""
        return self.table.current

    @property
    def chosen(self) -> list[RunRow]:
        """The marked runs in the order of the list, those that a filter hides last; without
        marks the one at the cursor."""
        marked = self.table.marked & self.index.rows.keys()
        if not marked:
            return [self.current] if self.current is not None else []
        listed = [row for row in self.table.rows if row.run_id in marked]
        hidden = marked - {row.run_id for row in listed}
        return [*listed, *(self.index.rows[run_id] for run_id in sorted(hidden))]

    # --- other rooms ----------------------------------------------------------------

    def _open(self, name: str, run_id: str | None = None, runs: Sequence[str] = ()) -> None:
        from tui.app import ROOMS

        if name not in ROOMS:
            say(self, f"There is no screen for {name} in this version.", "warning")
        else:
            self.factory.show(name, run_id, tuple(runs))

    def action_room(self, name: str) -> None:
        """Open another screen on the run at the cursor."""
        if name in ("new_run", "loops", "journal", "artifacts"):
            self._open(name)
        elif self.current is not None:
            self._open(name, self.current.run_id)
        elif name == "serve":
            self._open(name)

    def action_follow(self) -> None:
        """Plan a run whose parent is the one at the cursor."""
        if self.current is not None:
            self._open("new_run", self.current.run_id)

    def action_artifact(self) -> None:
        """Make a public artifact of the decided run at the cursor."""
        if self.current is not None:
            from tui.screens.artifacts_make import make_artifact

            make_artifact(self, self.current.summary.path)

    def action_package(self) -> None:
        """Make the package of the shipped run at the cursor."""
        if self.current is not None:
            from tui.screens.artifacts_make import make_package_of

            make_package_of(self, self.current.summary.path)

    def action_compare(self) -> None:
        """Compare the marked runs; one run with its parent, else with the best of its target."""
        rows = self.chosen
        if self.table.marked and len(rows) == 1 and self.current not in (None, rows[0]):
            rows = [rows[0], *([self.current] if self.current else [])]
        if len(rows) == 1:
            summary = rows[0].summary
            other = self.index.summary(summary.parent_run_id) or self.index.best(
                summary.target, besides=summary.run_id
            )
            if other is None:
                say(
                    self,
                    f"Nothing to compare {summary.run_id} with: it has no parent here, and no "
                    "other run of its target has a score. Mark runs with space, then press c.",
                )
                return
            self._open("compare", None, (other.run_id, summary.run_id))
        elif rows:
            self._open("compare", None, [row.run_id for row in rows])

    # --- tags -------------------------------------------------------------------------

    def action_tags(self) -> None:
        """Edit the tags of the chosen runs."""
        rows = self.chosen
        if not rows:
            return
        from tui.screens.runs_tags import TagsDialog

        def answered(edit: TagEdit | None) -> None:
            if edit is not None and not edit.empty:
                self._tag([row.summary for row in rows], edit)

        names = [row.run_id for row in rows]
        tags = [row.summary.tags for row in rows]
        self.app.push_screen(TagsDialog(names, tags, self.index.words["tag"]), answered)

    @work(thread=True, group="act")
    def _tag(self, summaries: list[RunSummary], edit: TagEdit) -> None:
        from engine.catalogue.tags import edit_tags, write_tags

        undo = _Undo("The tags are as they were.")
        for summary in summaries:
            changed: list[tuple[list[str], list[str]]] = []

            def give(path: Path = summary.path, into: list[object] = changed) -> None:  # type: ignore[assignment]
                into.append(edit_tags(path, edit.add, edit.remove))

            if not attempt(self, give, ""):
                break
            before, after = changed[0]
            if before != after:
                undo.steps.append(
                    lambda path=summary.path, tags=before: write_tags(path, tags)  # type: ignore[misc]
                )
        count = len(undo.steps)
        what = (
            f"{edit.said().capitalize()}: {count:,} run{'s' * (count != 1)} changed. u undoes it."
        )
        self.app.call_from_thread(self._done, undo, what)

    # --- delete and undo ----------------------------------------------------------------

    def action_delete(self) -> None:
        """Move the chosen runs to the trash, after a question."""
        rows = self.chosen
        if not rows:
            return
        moving = [row.run_id for row in rows if row.in_progress]
        if moving:
            say(self, f"{moving[0]} is under way. Cancel it first (C), then delete it.", "warning")
            return
        from engine.catalogue.trash import one_of_them

        names = [row.run_id for row in rows]
        detail = [f"{one_of_them(names)}."] if len(names) > 1 else []
        hidden = len({*names} - {row.run_id for row in self.table.rows})
        if hidden:
            detail.append(f"{hidden:,} of them {'is' if hidden == 1 else 'are'} not listed now.")
        children = [child for name in names for child in self.index.children(name)]
        children = [child for child in dict.fromkeys(children) if child not in names]
        if children:
            name_it = "names it" if len(children) == 1 else "name it"
            if len(names) > 1:
                name_it = name_it.replace("it", "one of them")
            detail.append(f"{one_of_them(children)} {name_it} as parent, and will not find it.")
        detail.append("u brings back what was deleted last; T shows the trash.")
        what = names[0] if len(names) == 1 else f"{len(names):,} runs"

        def answered(yes: bool | None) -> None:
            if yes:
                self._delete(names)

        question = f"Move {plain(what)} to the trash?"
        self.app.push_screen(Confirm(question, plain(" ".join(detail)), "Delete"), answered)

    @work(thread=True, group="act")
    def _delete(self, names: list[str]) -> None:
        from engine.catalogue.trash import Trash, Trashed

        trash = Trash(self.workspace)
        gone: list[Trashed] = []
        for name in names:
            if not attempt(self, lambda name=name: gone.append(trash.put(name)), ""):  # type: ignore[misc]
                break
        count = len(gone)
        what = gone[0].run_id if count == 1 else f"{count:,} runs"
        undo = _Undo(f"{what} {'is' if count == 1 else 'are'} back.")
        undo.steps = [lambda one=one: trash.restore(one) for one in gone]  # type: ignore[misc]
        are, them = ("is", "it") if count == 1 else ("are", "them")
        said = f"{what} {are} in the trash. u brings {them} back, T shows {them}."
        self.app.call_from_thread(self._done, undo, said)

    def _done(self, undo: _Undo, said: str) -> None:
        """After something that can be undone."""
        if undo.steps:
            self._undo.append(undo)
            del self._undo[:-_MOST_UNDONE]
            say(self, said)
        self.look()

    def action_undo(self) -> None:
        """Take back the last deletion or edit of tags, then the one before."""
        if self._undo:
            self._take_back(self._undo.pop())
        else:
            say(self, "Nothing to undo here. T shows what is in the trash.")

    @work(thread=True, group="act")
    def _take_back(self, undo: _Undo) -> None:
        went_well = [attempt(self, step, "") for step in reversed(undo.steps)]
        if all(went_well):
            self.app.call_from_thread(say, self, undo.said)
        self.app.call_from_thread(self.look)

    def action_trash(self) -> None:
        """What was deleted: to restore, or to remove for good."""
        from tui.screens.runs_trash import TrashDialog

        def answered(restored: list[str] | None) -> None:
            self.look()

        self.app.push_screen(TrashDialog(self.workspace), answered)

    # --- cancel and resume --------------------------------------------------------

    def action_cancel(self) -> None:
        """Cancel the run at the cursor, after a question."""
        row = self.current
        if row is None:
            return
        summary = row.summary
        unfinished = row.in_progress or summary.liveness == "dead" or summary.phase == "created"
        if not unfinished:
            say(self, f"{row.run_id} is not running, so there is nothing to cancel.")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._cancel(summary)

        self.app.push_screen(
            Confirm(
                f"Cancel {plain(row.run_id)}?",
                "A training stage saves a checkpoint first, so the run can be resumed from there.",
                "Cancel the run",
            ),
            answered,
        )

    @work(thread=True, group="act")
    def _cancel(self, summary: RunSummary) -> None:
        from engine.supervise.launch import cancel

        attempt(self, lambda: cancel(summary.path), f"{summary.run_id} is being cancelled.")

    def action_resume(self) -> None:
        """Go on with the run at the cursor."""
        row = self.current
        if row is None:
            return
        if row.in_progress:
            say(self, f"{row.run_id} is running already.")
        elif row.summary.decision is not None:
            say(self, f"{row.run_id} is decided; a further try is a new run (n).")
        elif not still_at(self, "A run is still being started.", "resume"):
            self._resume(row.summary)

    @work(thread=True, group="resume")
    def _resume(self, summary: RunSummary) -> None:
        from tui.screens.agreeing import resume_run

        def went_on(place: Path) -> None:
            where = "" if place.name == summary.run_id else f" as {place.name}"
            say(self, f"{summary.run_id} goes on{where}.")

        resume_run(self, summary.path, went_on)
