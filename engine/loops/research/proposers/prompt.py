"""What a command or a teacher is told: the goal, the rules, what was tried, how to answer.

All that comes from files or from processes is bounded, free of control characters and fenced by
more backticks than stand in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.loops.research.history import History, Try
from engine.loops.research.proposers.proposed import ProposerError, one_line
from engine.plain_file import read_plain
from engine.records.protocol import Protocol
from engine.records.research import ResultsRow
from engine.supervise.terminal import clean_line
from engine.teaching.tasks import NOTHING, shortened
from engine.teaching.templates import fill

Answer = Literal["edit", "diff"]
"""By changing the files in the worktree, or by a unified diff."""

SHOWN_TRIES = 40
SHOWN_CRASHES = 3
TRACE_LINES = 12
FILE_CHARACTERS = 40_000
ALL_CHARACTERS = 120_000
_FILE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Brief:
    """What a proposer may know of a campaign."""

    protocol: Protocol
    history: History
    goal: str | None = None
    confidence: float = 0.95
    seeds: int = 3
    earlier: Sequence[ResultsRow] = ()
    """What the results log held before the campaign: measured elsewhere, perhaps."""


def prompt_for(brief: Brief, answer: Answer, files: Mapping[str, str] | None = None) -> str:
    """The whole prompt. ``files`` are the best's mutable files, name to text, where they are
    shown."""
    goal = brief.goal or brief.protocol.meta.purpose_statement
    return fill(
        "recipe",
        {
            "goal": fenced(one_line(goal, 2000)),
            "metric": metric_line(brief),
            "rules": "\n".join(f"- {one}" for one in rules_of(brief)),
            "history": fenced(history_table(brief)),
            "crashes": crashes_of(brief.history),
            "files": "" if files is None else _files(files),
            "answer": fill(f"recipe_{answer}", {}),
        },
    )


# --- the rules ---------------------------------------------------------------------------


def metric_line(brief: Brief) -> str:
    """Which number counts, and which way."""
    metric = brief.protocol.measurement.primary_metric
    way = "lower is better" if brief.protocol.lower_is_better else "higher is better"
    return f"{one_line(metric.name)}, {way}"


def rules_of(brief: Brief) -> list[str]:
    """The protocol's rules, as sentences."""
    rules = brief.protocol
    surface, run = rules.mutable_surface, rules.execution
    said = [f"Only these files may be changed: {_list(surface.allowed_globs)}."]
    if surface.forbidden_globs:
        said.append(f"These may not, whatever else holds: {_list(surface.forbidden_globs)}.")
    if rules.immutable_harness.paths:
        why = one_line(rules.immutable_harness.rationale or "", 400)
        said.append(f"The harness stays as it is: {_list(rules.immutable_harness.paths)}. {why}")
    if surface.allowed_kinds:
        said.append(f"Kinds of change that are allowed: {_list(surface.allowed_kinds)}.")
    budget = run.stop_condition.training_seconds_budget
    said.append(
        f"A measurement runs `{one_line(run.command)}` in {one_line(run.cwd)} and may train for "
        f"{budget:g} s of wall clock. The budget is not yours to change. One that takes over "
        f"{run.hard_timeout_seconds:g} s in all is stopped and counts as a crash."
    )
    if rules.environment.constraints.no_new_dependencies:
        said.append("No new dependencies: import only what the files import already.")
    said.append(
        f"{one_line(rules.measurement.primary_metric.name)} is printed once, by the measure of the "
        "harness after a real training. A number without training is refused."
    )
    said.append(
        f"A try is measured with up to {brief.seeds} seeds and kept when it is better than the "
        f"best with a probability of at least {brief.confidence:g}."
    )
    if rules.agent_rules.simplicity_criterion:
        said.append("Simplicity counts: at equal value fewer lines are kept, and no more.")
    if rules.safety.oom_policy == "reduce_batch":
        said.append("Out of memory: the batch is halved once, then it is a crash.")
    said.append("Files that were as they are now in an earlier try are not run again.")
    return [one.strip() for one in said]


def _list(names: Sequence[str]) -> str:
    return ", ".join(one_line(name) for name in names)


# --- what was tried ----------------------------------------------------------------------


def history_table(brief: Brief) -> str:
    """The tries, oldest first, one a line; the baseline and the best are always among them."""
    tries, best = brief.history.tries, brief.history.best
    before = _earlier(brief.earlier)
    if not tries:
        return "\n".join([*before, "Nothing yet: not even the baseline is measured."])
    newest = tries[-SHOWN_TRIES:]
    shown = [one for one in tries if one in newest or one is tries[0] or one is best]
    name = one_line(brief.protocol.measurement.primary_metric.name)
    lines = [f"try | verdict | {name} [interval] | what was tried | why"]
    lines += [_row(one, one is best) for one in shown]
    if left := len(tries) - len(shown):
        lines.insert(2, f"({left} older tries are left out)")
    return "\n".join([*before, *lines])


def _earlier(rows: Sequence[ResultsRow]) -> list[str]:
    """The newest rows of the log from before the campaign."""
    if not rows:
        return []
    lines = ["Before this campaign, and perhaps on another machine:"]
    for row in rows[-SHOWN_TRIES:]:
        value = "not recorded" if row.value is None else f"{row.value:.6g}"
        cells = (one_line(row.status or "unknown"), value, one_line(row.description))
        lines.append(" | ".join(cell.replace("|", "/") for cell in cells))
    return [*lines, ""]


def _row(one: Try, best: bool) -> str:
    name = "baseline" if one.iteration == 1 else str(one.iteration - 1)
    what = one_line(one.plan.hypothesis)
    if one.plan.wish is not None:
        wish = one.plan.wish
        what = f"a person's wish: {wish.kind} of try {wish.iteration - 1}. {what}"
    if one.plan.violations:
        verdict, why = "refused", " ".join(v.text for v in one.plan.violations)
    elif one.verdict is None:
        verdict, why = "open", ""
    else:
        verdict, why = str(one.verdict.status), one.verdict.reason
    cells = (name, verdict + (" (the best)" if best else ""), _value(one), what, one_line(why))
    return " | ".join(cell.replace("|", "/") for cell in cells)


def _value(one: Try) -> str:
    if one.verdict is None or one.verdict.score is None:
        return "not recorded"
    value = f"{one.verdict.score:.6g}"
    if one.verdict.interval is None:
        return value
    low, high = one.verdict.interval
    return f"{value} [{low:.6g}, {high:.6g}]"


def crashes_of(history: History) -> str:
    """How often it crashed, by cause, and the last lines of the newest crashes."""
    crashed = [one for one in history.tries if one.verdict and one.verdict.outcome == "crashed"]
    if not crashed:
        return ""
    causes = Counter(one_line(one.verdict.cause or "not known") for one in crashed if one.verdict)
    counted = ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
    parts = [f"Crashes by cause: {counted}. The last lines of the newest:"]
    for one in crashed[-SHOWN_CRASHES:]:
        found = one.runs.measurements if one.runs else []
        trace = next((m.trace for m in reversed(found) if m.trace), [])
        if trace:
            lines = (clean_line(line)[0][:300] for line in trace[-TRACE_LINES:])
            parts.append(f"Try {one.iteration - 1}:\n{fenced(chr(10).join(lines))}")
    return "\n\n".join(parts)


# --- files -------------------------------------------------------------------------------


def texts_of(worktree: Path, names: Sequence[str]) -> dict[str, str]:
    """The files of a worktree as they are shown; ProposerError (``files``) for one that cannot be
    read, or that lies elsewhere."""
    home, texts = worktree.resolve(), {}
    for name in names:
        path = (worktree / name).resolve()
        if not path.is_relative_to(home):
            raise ProposerError(f"{one_line(name)} is a link to a place elsewhere.", "files")
        try:
            texts[name] = read_plain(path, _FILE_BYTES).decode("utf-8", "replace")
        except OSError as error:
            raise ProposerError(
                f"{one_line(name)} cannot be read ({error.strerror}).", "files"
            ) from error
    return texts


def _files(files: Mapping[str, str]) -> str:
    parts, left = ["The files as the best has them:"], ALL_CHARACTERS
    for name, text in files.items():
        shown = shortened(_clean(text), min(FILE_CHARACTERS, max(left, 200)))
        left -= len(shown)
        parts.append(f"{one_line(name)}\n{fenced(shown)}")
    return "\n\n".join(parts)


def _clean(text: str) -> str:
    """Line by line without control characters; indentation and tabs stay."""
    return "\n".join(
        "".join(c for c in line if c == "\t" or c.isprintable()) for line in text.splitlines()
    )


def fenced(text: str) -> str:
    """The text between fences that it cannot end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.strip(chr(10)) or NOTHING}\n{fence}"
