"""The form of a new flywheel: made and started by the functions that the command line calls."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.content import Content

from engine.workspace import Workspace
from tui.acting import attempt, hand_over
from tui.screens.agreeing import question_on
from tui.screens.loops_form import FormDialog
from tui.views.loops_form import COMMITS, DATA, PLANNER, TARGET, start_fields, wish_of
from tui.views.loops_offers import Offer, Offers, offers_of
from tui.views.plain import plain
from tui.views.setting import Setting
from tui.widgets.tones import lines

if TYPE_CHECKING:
    from engine.plans.programs import Program

_NAMES = "Or a teacher's name: claude-…, openai:MODEL, MODEL@URL, local, a table of factory.toml."


class StartFlywheel(FormDialog[str | None]):
    """Answers with the id of the loop that was started; None when none was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "start", priority=True),
        Binding("escape", "leave", "back"),
    ]

    def __init__(self, workspace: Workspace, target: str | None) -> None:
        self._workspace = workspace
        self._targets = {path.name: path for path in workspace.target_paths()}
        self._first = target if target in self._targets else next(iter(self._targets), None)
        self._offers: Offers | None = None
        self._starting = False
        buttons = {"leave": "Leave it (esc)", "start": "Start (^s)"}
        super().__init__("a new flywheel", start_fields(self._targets), buttons)

    def on_mount(self) -> None:
        for setting in self._settings:
            self.row(setting.key).offer(setting.default)
        if self._first is None:
            self.standing = f"No target in {self._workspace.targets_dir}: a flywheel improves one."
        self.complain(self.standing)
        if self._first is None:
            return
        self.row(TARGET).offer(self._first)
        self._look()

    @property
    def _path(self) -> Path | None:
        return self._targets.get(self.row(TARGET).entry.value)

    # --- what there is for the target -------------------------------------------------

    def changed(self, setting: Setting, value: str) -> None:
        if setting.key == TARGET and self._first is not None:
            self._offers = None
            self.standing = ""  # what stands against the target of before
            self.complain("")
            self._look()

    @work(thread=True, group="offers", exclusive=True)
    def _look(self) -> None:
        path = self._path
        found: list[Offers] = []
        if path is not None and attempt(
            self, lambda: found.append(offers_of(self._workspace, path)), ""
        ):
            hand_over(self, self._take, found[0])

    def _take(self, offers: Offers) -> None:
        if self._path is None or self._path.name != offers.target:
            return
        self._offers = offers
        self.row("iterations").offer(offers.iterations)
        self.row(DATA).offer(offers.usual_writer)
        self.standing = offers.problem
        if offers.runs:
            self.standing = f"{offers.open}. Stop it before another one of this target begins."
        self.complain(self.standing)
        self.explain()

    def help_of(self, setting: Setting) -> Content:
        offers = self._offers
        if offers is None:
            return Content.styled(setting.help or "looking …", "$muted")
        if setting.key == PLANNER:
            return _offered(offers.planners)
        if setting.key == DATA:
            return _offered(offers.writers)
        if setting.key == COMMITS:
            words = offers.no_commits
            if words is None:
                return Content.styled(
                    "Each iteration is committed in the target's own repository: only the files "
                    "that it made.",
                    "$muted",
                )
            return Content.styled(f"✘ {words}", "$warning")
        if setting.key == TARGET and offers.open and not offers.runs:
            words = f"{plain(offers.open, clip=200)}. R goes on with it; this begins another one."
            return Content.styled(words, "$warning")
        return Content.styled(setting.help, "$muted")

    # --- starting ---------------------------------------------------------------------

    def action_start(self) -> None:
        """Make the loop and start it."""
        path, wrong, offers = self._path, self.wrong, self._offers
        typed = self.typed()
        if self._starting or path is None or offers is None:
            return
        if wrong is not None:
            self.complain(f"{wrong.setting.label}: {wrong.problem}.")
            wrong.entry.focus()
        elif self.standing:
            self.complain(self.standing)
        elif typed[COMMITS] == "true" and offers.no_commits:
            self.complain(offers.no_commits)
            self.row(COMMITS).entry.focus()
        else:
            self._begin(path, typed)

    def _begin(self, path: Path, typed: dict[str, str], agreed: Sequence[Program] = ()) -> None:
        self._starting = True
        self.complain("")
        self.busy("Making the loop, with its dev suite where there is none yet …")
        self._start(path, typed, agreed)

    def _ask(self, path: Path, typed: dict[str, str], programs: Sequence[Program]) -> None:
        """What the target brings is agreed to before a loop runs it."""

        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(path, typed, programs)
            else:
                self._failed("Nothing was run. What the target brings has to be agreed to once.")

        self.app.push_screen(question_on(programs, path, "flywheel", path.name), answered)

    def action_leave(self) -> None:
        """Leave; not while a loop is being made, which then would begin unseen."""
        if not self._starting:
            self.dismiss(None)

    @work(thread=True, group="start")
    def _start(self, path: Path, typed: dict[str, str], agreed: Sequence[Program]) -> None:
        from engine.loops.flywheel.making import make_flywheel
        from engine.loops.launch import launch_loop
        from engine.plans.programs import agree_to, not_agreed
        from engine.target import load_target

        try:
            agree_to(self._workspace, agreed)
            if programs := not_agreed(self._workspace, load_target(path)):
                self.app.call_from_thread(self._ask, path, typed, programs)
                return
            folder = make_flywheel(self._workspace, path, wish_of(typed))
            launch_loop(folder)
        except Exception as error:  # noqa: BLE001 - the border between engine and screen
            self.app.call_from_thread(self._failed, str(error) or type(error).__name__)
            return
        self.app.call_from_thread(self.finish, folder.loop_id)

    def _failed(self, problem: str) -> None:
        self._starting = False
        self.explain()
        self.complain(problem)


def _offered(offers: tuple[Offer, ...]) -> Content:
    """Who there is, and who not and why."""
    rows = [
        Content.assemble(
            ("✔ " if one.there else "✘ ", "$success" if one.there else "$warning"),
            (f"{one.name}  ", "bold"),
            (plain(one.words, clip=300), "$muted"),
        )
        for one in offers
    ]
    return lines([*rows, Content.styled(_NAMES, "$muted")])
