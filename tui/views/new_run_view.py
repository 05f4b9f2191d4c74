"""The right side of New run: what is wrong, what it would cost, the data, the plan. No Textual."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.costs.forecast import Outlook
from engine.judge.suite_power import planned_power
from engine.plans.data_check import DataCheck
from engine.plans.data_lengths import TokenCount
from engine.plans.planning import Draft
from engine.records.run import RunConfig
from tui.views.cells import Cell
from tui.views.data_check import data_lines
from tui.views.draft_view import draft_lines, varied, varied_lines
from tui.views.estimate_view import estimate_lines, short
from tui.views.plain import plain

Line = list[Cell]


@dataclass(slots=True)
class NewRunState:
    """What is known of the run that is planned. None and "" are "not known yet"."""

    draft: Draft | None = None
    problem: str = ""
    """What is wrong, a sentence a line."""
    parent: RunConfig | None = None
    parent_id: str = ""
    check: DataCheck | None = None
    count: TokenCount | None = None
    count_trouble: str = ""
    limit: int = 0
    """max_seq_len of what is asked for, in tokens."""
    base_score: float | None = None
    """What the base model scores on the primary suite, where an earlier run measured it."""
    outlook: Outlook | None = None
    measuring: str = ""
    commands: list[str] = field(default_factory=list)
    queue: str = ""
    ahead: int = 0
    """Runs that have the accelerator or wait for it."""

    @property
    def problems(self) -> list[str]:
        return [line for line in self.problem.split("\n") if line.strip()]

    @property
    def risky(self) -> bool:
        """Whether the run may need more memory than the machine has."""
        if self.outlook is None:
            return False
        best = self.outlook.best
        peak = best.cost.peak if best else None
        over = peak is not None and peak.high > self.outlook.limit_bytes
        return self.outlook.too_large or over


def plan_lines(state: NewRunState) -> list[Line]:
    """Everything, the most urgent first: problems, cost, data, what is varied, commands."""
    lines: list[Line] = []
    if state.problems:
        lines.append([Cell("This cannot run yet", "bad")])
        lines += [[Cell("✘ ", "bad"), Cell(plain(one, clip=1000))] for one in state.problems]
        lines.append([])
    if state.draft is not None:
        lines.append([Cell("Time and memory", "accent")])
        lines += estimate_lines(state.outlook, state.measuring)
        if state.queue:
            text = plain(state.queue, clip=300)
            lines.append([Cell(text, "warn") if state.ahead else Cell(text, "muted")])
        lines.append([])
    elif not state.problems:
        lines += [[Cell("planning …", "muted")], []]
    if state.check is not None or not state.problems:
        lines.append([Cell("Data", "accent")])
    if state.check is None:
        lines += [] if state.problems else [[Cell("reading …", "muted")]]
    else:
        lines += data_lines(state.check, state.count, state.limit, state.count_trouble)
        lines += power_lines(state)
    if state.draft is not None:
        if state.parent is not None:
            differences = varied(state.parent, state.draft.config)
            lines += [[], *varied_lines(state.parent_id, differences)]
        lines += [[], *draft_lines(state.draft, state.commands)]
    return lines


def power_lines(state: NewRunState) -> list[Line]:
    """What the rows of the primary suite can tell, and whether the bound asks for more."""
    if state.draft is None or state.check is None or not state.check.suites:
        return []
    suite, evaluation = state.check.suites[0], state.draft.config.eval
    reach = None if suite.cut else planned_power(evaluation, suite.usable, state.base_score)
    if reach is None:
        return []
    if state.base_score is None:
        why = f"thought to flip are {reach.discordance:.0%}: nothing was measured on it yet"
    else:
        bound = evaluation.threshold.primary_min
        why = f"the base model has {state.base_score:.3f}, the bound is {bound:.3f}"
    sign = Cell("⚠ ", "warn") if reach.too_small else Cell("✔ ", "good")
    return [[sign, Cell(plain(reach.sentence)), Cell(f"  {why}", "muted")]]


def target_lines(name: str) -> list[Line]:
    """What is said beside the choice of the target."""
    where = f"targets/{plain(name, clip=80)}/forge.yaml" if name else ""
    return [
        [Cell("target", "strong"), Cell(f"  {where}", "muted")],
        [Cell("← → choose another, ⇥ and ↓ go to its settings, / finds one by name.")],
        [Cell("What is typed over a setting holds for this run alone.", "muted")],
    ]


def state_words(state: NewRunState) -> str:
    """The right end of the line at the top."""
    if state.draft is None:
        count = len(state.problems)
        return f"{count} to mend" if count else ""
    runs = len(state.commands)
    what = f"{runs} runs" if runs > 1 else "it"
    verb = "queues" if state.ahead else "starts"
    return " · ".join(part for part in (short(state.outlook), f"^s {verb} {what}") if part)
