"""The form of a new campaign: its protocol is checked while it is typed, its commands are shown
and agreed to before anything runs. Made by the functions that the command line calls."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer

from engine.workspace import Workspace
from tui.acting import hand_over
from tui.screens.loops_form import FormDialog
from tui.views.plain import plain
from tui.views.research_form import PROTOCOL, REPO, campaign_fields, path_of, wish_of
from tui.views.setting import Setting
from tui.widgets.agree import Agree
from tui.widgets.tones import lines

if TYPE_CHECKING:
    from engine.loops.research.making import Plan

CHECK_AFTER_S = 0.3
"""So long after the last letter the protocol is checked."""


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look at the form's words found: a plan, or a problem."""

    plan: Plan | None = None
    problem: str = ""
    open: str | None = None
    """The campaign of this protocol and repository that is open."""


class NewCampaign(FormDialog[str | None]):
    """Answers with the id of the campaign that was started; None when none was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "start", "start", priority=True),
        Binding("escape", "leave", "back"),
    ]

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._looked: _Looked | None = None
        self._to_look: Timer | None = None
        self._starting = False
        buttons = {"leave": "Leave it (esc)", "start": "Start (^s)"}
        super().__init__("a new campaign", campaign_fields(), buttons)

    def on_mount(self) -> None:
        for setting in self._settings:
            self.row(setting.key).offer(setting.default)
        self.complain("")
        self._find()

    @work(thread=True, group="find")
    def _find(self) -> None:
        """A protocol of the workspace, to begin with."""
        home = self._workspace.path
        found = sorted(home.glob("recipes/*/protocol.json"))
        if found:
            name = found[0].relative_to(home).as_posix()
            hand_over(self, self._offer, name)

    def _offer(self, name: str) -> None:
        if not self.row(PROTOCOL).value:
            self.row(PROTOCOL).put(name)

    # --- checking ---------------------------------------------------------------------

    def changed(self, setting: Setting, value: str) -> None:
        self._looked = None
        self.standing = ""
        self._forget_looks()
        self._to_look = self.set_timer(CHECK_AFTER_S, self._look_if_right)

    def _forget_looks(self) -> None:
        """What is looked at, or still to be, is of before: its word would hide what is newer."""
        if self._to_look is not None:
            self._to_look.stop()
        self.workers.cancel_group(self, "look")

    def _look_if_right(self) -> None:
        if self.wrong is None and not self._starting:
            self._look(self.typed())

    @work(thread=True, group="look", exclusive=True)
    def _look(self, typed: dict[str, str]) -> None:
        hand_over(self, self._take, self._looked_at(typed))

    def _looked_at(self, typed: dict[str, str]) -> _Looked:
        from engine.loops.research.making import open_campaign, plan_campaign

        if not typed[PROTOCOL]:
            return _Looked(problem="Name the protocol: a campaign runs by its rules.")
        home = self._workspace.path
        repo = path_of(typed[REPO], home) if typed[REPO] else None
        try:
            plan = plan_campaign(
                self._workspace, path_of(typed[PROTOCOL], home), repo, wish_of(typed)
            )
            there = open_campaign(self._workspace, plan)
        except Exception as error:  # noqa: BLE001 - the border between engine and screen
            return _Looked(problem=str(error) or type(error).__name__)
        return _Looked(plan, open=there.loop_id if there is not None else None)

    def _take(self, looked: _Looked) -> None:
        self._looked = looked
        self.standing = looked.problem
        self.complain(self.standing)
        self.explain()

    def help_of(self, setting: Setting) -> Content:
        looked = self._looked
        if looked is None or looked.plan is None or setting.key not in (PROTOCOL, REPO):
            return Content.styled(setting.help, "$muted")
        plan = looked.plan
        rows = [
            Content.assemble(
                ("✔ ", "$success"), plain(plan.read.protocol.meta.purpose_statement, clip=300)
            ),
            Content.assemble(
                ("runs: ", "$muted"), plain(" ; ".join(plan.commands), clip=300),
                (" · agreed to" if plan.agreed else " · you are asked first", "$muted"),
            ),
        ]  # fmt: skip
        if looked.open is not None:
            words = f"⚠ {plain(looked.open, clip=200)} is open. This begins another one."
            rows.append(Content.styled(words, "$warning"))
        rows += [Content.styled(f"⚠ {plain(one, clip=300)}", "$warning") for one in plan.warnings]
        return lines(rows)

    # --- starting ---------------------------------------------------------------------

    def action_start(self) -> None:
        """Ask for what has to be agreed to, then make the campaign and start it."""
        wrong = self.wrong
        if self._starting:
            return
        if wrong is not None:
            self.complain(f"{wrong.setting.label}: {wrong.problem}.")
            wrong.entry.focus()
            return
        self._starting = True
        self._forget_looks()
        self.complain("")
        self.busy("Looking at the protocol and its repository …")
        self._plan(self.typed())

    @work(thread=True, group="start")
    def _plan(self, typed: dict[str, str]) -> None:
        looked = self._looked_at(typed)
        hand_over(self, self._agree, looked)

    def _agree(self, looked: _Looked) -> None:
        self._looked = looked
        plan = looked.plan
        if plan is None:
            self._failed(looked.problem)
            return
        if plan.agreed and not plan.needs_git_init:
            self._begin(plan)
            return
        where = f"in a worktree of {plan.repo}."
        if plan.needs_git_init:
            where += " That folder is no git repository: it becomes one, with a first commit."
        typed = shlex.join(
            ["factory-tui", "research", str(plan.read.path), "--repo", str(plan.repo)]
        )
        question = Agree("Run these commands?", plan.commands, where, typed, "Run them")
        self.app.push_screen(question, self._agreed(plan))

    def _agreed(self, plan: Plan) -> Callable[[bool | None], None]:
        def answered(yes: bool | None) -> None:
            if yes:
                self._begin(plan)
            else:
                self._failed("Nothing was run. The commands have to be agreed to once.")

        return answered

    def action_leave(self) -> None:
        """Leave; not while a campaign is being made, which then would begin unseen."""
        if not self._starting:
            self.dismiss(None)

    def _begin(self, plan: Plan) -> None:
        self.busy("Making the campaign …")
        self._make(plan)

    @work(thread=True, group="start")
    def _make(self, plan: Plan) -> None:
        from engine.loops.launch import launch_loop
        from engine.loops.research.making import agree_to, make_campaign

        try:
            agree_to(self._workspace, plan)
            folder = make_campaign(self._workspace, plan)
            launch_loop(folder)
        except Exception as error:  # noqa: BLE001 - the border between engine and screen
            self.app.call_from_thread(self._failed, str(error) or type(error).__name__)
            return
        self.app.call_from_thread(self.finish, folder.loop_id)

    def _failed(self, problem: str) -> None:
        self._starting = False
        self._forget_looks()
        self.explain()
        self.complain(problem)
