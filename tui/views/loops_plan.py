"""The iteration at the cursor in words: its plan, and what became of its hypothesis. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.judge.noise import p_text
from engine.records.loop import IterationPlan, IterationVerdict
from tui.views import cells
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.live_view import LEVELS
from tui.views.loops_course import SIGNS, WHAT_A_FLYWHEEL_IS, outcome_of
from tui.views.loops_reader import Iteration, LoopView
from tui.views.plain import plain
from tui.views.settings_form import as_typed

NOT_RECORDED = "not recorded"


def plan_entries(view: LoopView, number: int | None, width: int) -> list[Entry]:
    """Outcome and reason, hypothesis, patches old → new, expected against measured, refusals,
    rows and commit."""
    one = None if number is None else view.at(number)
    if one is None:
        return sentence(WHAT_A_FLYWHEEL_IS, width)
    outcome = outcome_of(view, one)
    sign, role = SIGNS[outcome]
    head: list[Segment] = [
        (f"{sign} {outcome}  ", role),
        (f"iteration {one.number}  ", "strong"),
        (plain(one.run or "no run yet"), "muted"),
    ]
    found = [Entry(clipped(head, width))]
    for problem in one.problems:
        found += sentence(f"✘ {plain(problem, clip=600)}", width, "bad")
    if one.verdict is not None:
        found += sentence(plain(one.verdict.reason, clip=800), width, "plain")
    if one.plan is None:
        if not one.problems:
            found += sentence("No plan yet.", width)
        return found
    found += _plan(view, one, one.plan, width)
    found += _measured(one, width)
    found += _after(one, width)
    found += _said(view, one.number, width)
    return found


def _said(view: LoopView, number: int, width: int) -> list[Entry]:
    """What the loop said in an iteration: warnings, what was turned away, gold."""
    said = [one for one in view.said if one.iteration == number]
    if not said:
        return []
    found = [entry(), entry(("said on the way", "accent"))]
    for one in said:
        sign, role = LEVELS.get(one.level, LEVELS["info"])
        found += sentence(f"{sign} {plain(one.text, clip=800)}", width, role, "  ")
    return found


def _plan(view: LoopView, one: Iteration, plan: IterationPlan, width: int) -> list[Entry]:
    by = _planner(plan.by)
    how = ", changed by a person" if plan.edited else ""
    how += ", approved" if plan.approved else ""
    draft = "draft of a plan" if one.draft else "plan"
    found = [entry(), entry((f"{draft} by {by}{how}", "accent"))]
    found += sentence(f"“{plain(plan.hypothesis, clip=2_000)}”", width, "plain")
    if plan.rationale:
        found += sentence(plain(plan.rationale, clip=2_000), width)
    for values, what in ((plan.patches, ""), (plan.permanent, "  for good")):
        for name, value in values.items():
            old = own_before(view, one.number, name)
            row: list[Segment] = [
                (f"  {plain(name, clip=60)}  ", "muted"),
                (f"{old} → ", "muted"),
                (plain(as_typed(value), clip=120), "strong"),
                (what, "warn"),
            ]
            found.append(Entry(clipped(row, width)))
    if not plan.patches and not plan.permanent:
        found.append(entry(("  no setting is changed", "muted")))
    for refused in plan.refused:
        value = plain(as_typed(refused.value), clip=60)
        words = f"✘ refused: {plain(refused.name, clip=60)} = {value}: "
        found += sentence(f"{words}{plain(refused.reason, clip=300)}", width, "warn", "  ")
    if plan.background:
        found += sentence(f"learned: {plain(plan.background, clip=800)}", width, indent="  ")
    if plan.augment_focus or plan.augment_n is not None:
        count = "" if plan.augment_n is None else f"{plan.augment_n:,} "
        focus = f" on {plain(plan.augment_focus, clip=300)}" if plan.augment_focus else ""
        found += sentence(f"asks for {count}rows{focus}", width, indent="  ")
    return found


def own_before(view: LoopView, number: int, name: str) -> str:
    """What a setting was before an iteration's plan, as one would type it.

    The target's own value, unless a plan changed it for good: then that of the plan before, which
    is not recorded where this loop's first such plan is the one asked about.
    """
    made = {
        one.number: one.plan.permanent[name]
        for one in view.iterations
        if one.plan is not None and not one.draft and name in one.plan.permanent
    }
    earlier = [value for at, value in made.items() if at < number]
    if earlier:
        return plain(as_typed(earlier[-1]), clip=60)
    if made:
        return NOT_RECORDED
    return plain(as_typed(view.settings[name]), clip=60) if name in view.settings else "not set"


def _measured(one: Iteration, width: int) -> list[Entry]:
    verdict = one.verdict
    expected = one.plan.expected_pp if one.plan is not None else None
    if verdict is None and expected is None:
        return []
    found = [entry(), entry(("expected and measured", "accent"))]
    hoped = NOT_RECORDED if expected is None else f"{cells.minus(f'{expected:+.1f}')}pp"
    found += sentence(f"expected {hoped}, measured {_gain(verdict)}", width, "plain", "  ")
    if verdict is None:
        return found
    score = cells.number(verdict.score) if verdict.score is not None else NOT_RECORDED
    before = cells.number(verdict.best_before)
    facts = [f"dev {score} after {before}"]
    if verdict.fixed is not None and verdict.broken is not None:
        facts.append(f"{verdict.fixed} fixed, {verdict.broken} broken")
    if verdict.p is not None:
        facts.append(p_text(verdict.p))
    if verdict.failures is not None:
        facts.append(f"{verdict.failures} still fail")
    found += sentence(" · ".join(facts), width, "muted", "  ")
    drop = verdict.breadth_drop_pp
    breadth = f"breadth {cells.minus(f'{0.0 - drop:+.1f}')}pp" if drop is not None else None
    safety = verdict.safety_violations
    held = f"{safety} safety violations" if safety is not None else None
    if breadth or held:
        found += sentence(" · ".join(one for one in (breadth, held) if one), width, "muted", "  ")
    return found


def _gain(verdict: IterationVerdict | None) -> str:
    if verdict is None:
        return "not yet"
    if verdict.difference is None:
        return NOT_RECORDED
    value, low, high = verdict.difference
    share = cells.is_share(verdict.score, verdict.best_before)
    ends = [cells.difference(end, share=share) for end in (low, high)]
    return f"{cells.difference(value, share=share)} ({ends[0]} to {ends[1]})"


def _after(one: Iteration, width: int) -> list[Entry]:
    """What followed the verdict: rows, a commit, an adapter that was put away."""
    lines: list[str] = []
    if one.retried:
        lines.append(f"ran out of memory once, as {plain(one.retried)}: smaller batch")
    if one.trained is False:
        lines.append("trained nothing: an adapter that was there is judged again")
    if one.verdict is not None and one.verdict.adapter:
        lines.append(f"adapter: {plain(one.verdict.adapter, clip=200)}")
    if one.data is not None:
        lines.append(_rows(one))
        if one.data.note:
            lines.append(plain(one.data.note, clip=400))
    if one.commit is not None:
        made = one.commit.commit
        why = plain(one.commit.reason or "no reason is recorded", clip=300)
        lines.append(f"commit {plain(made, clip=12)}" if made else f"no commit: {why}")
        lines += [f"left out: {plain(name, clip=200)}" for name in one.commit.left_out[:5]]
    if not lines:
        return []
    found = [entry(), entry(("after it", "accent"))]
    for line in lines:
        found += sentence(line, width, "muted", "  ")
    return found


def _rows(one: Iteration) -> str:
    data = one.data
    assert data is not None
    words = f"{data.added:,} rows added of {data.asked:,} asked for"
    if data.by:
        words += f", by {plain(data.by, clip=80)}"
    if data.focus:
        words += f", for {plain(data.focus, clip=200)}"
    if data.refused:
        words += f"; turned away: {refusals(data.refused)}"
    return words


def refusals(found: Mapping[str, Any]) -> str:
    """What was turned away at the door of canonical, by why."""
    return ", ".join(f"{count} {plain(why, clip=80)}" for why, count in sorted(found.items()))


def _planner(name: str) -> str:
    from engine.loops.flywheel.teachers import SETTINGS  # loaded by the reader's thread by now

    return "the built-in sampler" if name == SETTINGS else plain(name, clip=80)


def loop_lines(view: LoopView) -> Iterable[str]:
    """What the loop is, as it was made: a fact a line."""
    loop = view.loop
    if loop is None:
        return
    how = "wait to be approved" if loop.approve else "run by themselves"
    yield f"planner: {_planner(loop.planner)}; plans {how}"
    yield f"rows from: {plain(loop.data_from or 'nobody', clip=80)}"
    yield f"commits: {'yes' if loop.commits else 'no'}"
    if loop.dev is not None:
        made = plain(loop.dev.made_from, clip=120)
        yield f"judged on {plain(loop.dev.file)}: {loop.dev.rows:,} rows, from {made}"
    if loop.locked:
        yield f"locked while it runs: {', '.join(plain(name) for name in sorted(loop.locked))}"
