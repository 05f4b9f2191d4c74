"""The plan that waits, to be changed before it runs: hypothesis, settings, rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.binding import Binding, BindingType

from engine.loops.flywheel.planning import changed, read_draft
from engine.loops.flywheel.proposing import space_of
from engine.loops.folder import LoopFolder
from engine.loops.patches import ALLOWED, Bounds
from engine.records.loop import IterationPlan
from engine.target import load_target
from tui.screens.loops_form import FormDialog
from tui.views.loops_form import (
    FOR_GOOD,
    HYPOTHESIS,
    plan_fields,
    plan_problems,
    plan_typed,
    plan_words,
)
from tui.views.settings_form import as_typed


class EditPlan(FormDialog[bool | None]):
    """Answers True when the plan is to run as it was kept, False when it was only kept, None when
    nothing was changed. What no plan may have is refused by the engine, at its field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep(False)", "keep", priority=True),
        Binding("ctrl+g", "keep(True)", "keep and approve", priority=True),
        Binding("escape", "leave", "back"),
    ]

    def __init__(
        self,
        folder: LoopFolder,
        target: Path,
        plan: IterationPlan,
        space: Mapping[str, Bounds],
        own: Mapping[str, Any],
    ) -> None:
        """``own``: the target's values of the settings, which an empty field means."""
        self._folder, self._target, self._plan = folder, target, plan
        self._space, self._own = space, own
        self._keeping = False
        buttons = {
            "leave": "Leave it (esc)",
            "keep(False)": "Keep (^s)",
            "keep(True)": "Keep and approve (^g)",
        }
        super().__init__(
            f"the plan of iteration {plan.iteration}", plan_fields(plan, space), buttons
        )

    def on_mount(self) -> None:
        typed = plan_typed(self._plan)
        for setting in self._settings:
            row = self.row(setting.key)
            row.offer(as_typed(self._own.get(setting.key.removeprefix(FOR_GOOD))))
            row.put(typed.get(setting.key, ""))
        self.complain("")
        self.explain()

    def action_keep(self, approve: bool) -> None:
        """Hand the plan to the engine, which takes it or says why not."""
        if self._keeping:
            return
        wrong = self.wrong
        if wrong is not None:
            self.complain(f"{wrong.setting.label}: {wrong.problem}.")
            wrong.entry.focus()
            return
        words = plan_words(self.typed())
        problems = plan_problems(words, self._space)
        for name, problem in problems.items():
            self.row(name).complain(problem)
        if problems:
            first = next(iter(problems))
            self.complain(f"{first}: {problems[first]}.")
            self.row(first).entry.focus()
            return
        if HYPOTHESIS not in words:
            self.complain("A plan needs a hypothesis: what is the iteration to show?")
            self.row(HYPOTHESIS).entry.focus()
            return
        self._keeping = True
        self._keep(words, approve)

    @work(thread=True, group="keep")
    def _keep(self, words: dict[str, Any], approve: bool) -> None:
        try:
            changed(self._folder, load_target(self._target), self._plan.iteration, **words)
        except Exception as error:  # noqa: BLE001 - the border between engine and screen
            self.app.call_from_thread(self._refused, str(error) or type(error).__name__)
            return
        self.app.call_from_thread(self.finish, approve)

    def action_leave(self) -> None:
        """Leave; not while the plan is being kept, which would be approved unsaid or not at all."""
        if not self._keeping:
            self.dismiss(None)

    def _refused(self, problem: str) -> None:
        self._keeping = False
        self.complain(problem)


def edit_form(folder: LoopFolder, target: Path, iteration: int, own: Mapping[str, Any]) -> EditPlan:
    """The form of a draft as it stands in its file. Reads files; LookupError without a draft."""
    plan = read_draft(folder, iteration)
    if plan is None:
        raise LookupError(f"Iteration {iteration} has no plan that could still be changed.")
    space = space_of(load_target(target))
    return EditPlan(folder, target, plan, ALLOWED if space is None else space, own)
