"""The verdict on a try, keep, discard or crash: from what was measured and what was known then."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.judge.improvement import (
    Improvement,
    as_good_and_simpler,
    clear_loser,
    improvement,
    mean_interval,
    noise_of,
    number,
    sentence,
)
from engine.loops.research.history import History, Try
from engine.records.protocol import Protocol
from engine.records.research import Campaign, TryStatus, TryVerdict

CRASH_WORDS = {
    "oom": "It ran out of memory",
    "time-limit": "It reached the hard time limit and was stopped",
    "no-metric": "It ended without printing the metric",
    "metric-twice": "It printed the metric more than once, with different values",
    "exit": "It ended with an error",
    "signal": "It was ended by a signal",
    "nan": "Its metric is not a number",
    "disk": "It wrote more than its share of the disk and was stopped",
}


def judge_try(one: Try, before: History, campaign: Campaign, protocol: Protocol) -> TryVerdict:
    """The verdict on an iteration whose runs are done, by what was known before it."""
    if one.plan.violations:
        return _refused(one)
    assert one.runs is not None
    if broken := [v for m in one.runs.measurements for v in m.violations]:
        return TryVerdict(
            outcome="dropped", status=TryStatus.DISCARD, reason=broken[0].text, cause=broken[0].rule
        )
    if crash := next((m for m in one.runs.measurements if m.value is None), None):
        words = CRASH_WORDS.get(crash.cause or "", "It crashed")
        last = crash.trace[-1] if crash.trace else ""
        reason = f"{words}: {last}" if last else f"{words}."
        return TryVerdict(
            outcome="crashed", status=TryStatus.CRASH, reason=reason, cause=crash.cause or "exit"
        )
    if before.best is None:
        return _baseline(one, campaign)
    return _compared(one, before, campaign, protocol)


def _refused(one: Try) -> TryVerdict:
    first = one.plan.violations[0]
    more = len(one.plan.violations) - 1
    reason = first.text + (f" (And {more} more.)" if more else "")
    return TryVerdict(
        outcome="dropped", status=TryStatus.DISCARD, reason=f"Not run: {reason}", cause=first.rule
    )


def _baseline(one: Try, campaign: Campaign) -> TryVerdict:
    noise = noise_of([one.values])
    scatter = f", one measurement scatters by {number(noise.sd)}" if noise.df else ""
    count = len(one.values)
    times = "once" if count == 1 else f"{count} times"
    return TryVerdict(
        outcome="kept",
        status=TryStatus.KEEP,
        reason=f"The baseline on this machine, measured {times}{scatter}.",
        score=_mean(one.values),
        interval=mean_interval(one.values, noise, campaign.confidence),
        noise=noise.sd if noise.df else None,
    )


def _compared(one: Try, before: History, campaign: Campaign, protocol: Protocol) -> TryVerdict:
    best = before.best
    assert best is not None and one.runs is not None
    after = History([*before.tries, one])
    tried = after.values_of(one.state)
    best_values = before.values_of(best.state)
    noise = noise_of(after.groups())
    lower, confidence = protocol.lower_is_better, campaign.confidence
    wish = one.plan.wish
    replay = one.state == best.state
    found = improvement(best_values, tried, noise, lower_is_better=lower, confidence=confidence)
    saved = best.plan.lines - one.plan.lines
    simpler = _simpler(one, before, best_values, tried, saved, campaign, protocol)
    by_person = wish.reason if wish and wish.kind in ("accept", "discard") else None
    keep = found.better or simpler or by_person is not None or replay
    reason = one.runs.dropped_early or sentence(found)
    if replay:
        reason = f"The best, measured again: {number(_mean(tried))} on {len(tried)} seeds."
    elif by_person is not None:
        what = "Accepted" if wish and wish.kind == "accept" else "Taken back"
        reason = f"{what} by a person: {by_person} ({sentence(found)})"
    elif simpler and not found.better:
        lines = "line" if saved == 1 else "lines"
        reason = f"As good with {saved} {lines} fewer. {sentence(found)}"
    return TryVerdict(
        outcome="kept" if keep else "dropped",
        status=TryStatus.KEEP if keep else TryStatus.DISCARD,
        reason=reason,
        score=_mean(tried),
        best_before=_mean(best_values),
        difference=_difference(found),
        probability=found.probability,
        interval=mean_interval(tried, noise, confidence),
        noise=noise.sd if noise.df else None,
        lines_saved=saved,
        simpler=simpler and not found.better and by_person is None,
        by_person=by_person,
    )


def _simpler(
    one: Try,
    before: History,
    best_values: list[float],
    tried: list[float],
    saved: int,
    campaign: Campaign,
    protocol: Protocol,
) -> bool:
    """The tie-break: fewer lines at equal value, where the protocol wants simplicity to count."""
    whole = one.runs is not None and one.runs.dropped_early is None
    if not protocol.agent_rules.simplicity_criterion or not whole:
        return False
    groups = before.groups()
    # Of those that were kept: the luckiest of many equal tries would stop every simplification.
    kept = {t.state for t in before.tries if t.verdict and t.verdict.outcome == "kept"}
    pick = min if protocol.lower_is_better else max
    return as_good_and_simpler(
        best_values,
        tried,
        noise_of([*groups, one.values]),
        best_ever=pick(map(before.values_of, kept), key=_mean),
        lines_saved=saved,
        lower_is_better=protocol.lower_is_better,
        confidence=campaign.confidence,
    )


def early_drop(one: Try, before: History, campaign: Campaign, protocol: Protocol) -> str | None:
    """Why a try that is not measured whole need not be, as a sentence; None: go on."""
    best = before.best
    if best is None or not one.values:
        return None
    return clear_loser(
        before.values_of(best.state),
        one.values,
        noise_of(before.groups()),
        planned=campaign.seeds,
        lower_is_better=protocol.lower_is_better,
        confidence=campaign.confidence,
        simpler=protocol.agent_rules.simplicity_criterion and one.plan.lines < best.plan.lines,
    )


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _difference(found: Improvement) -> tuple[float, float, float] | None:
    if found.interval is None:
        return None
    return (found.difference, *found.interval)
