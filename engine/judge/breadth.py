"""Breadth: the regression suites of a run, paired up, and the gate on how much was forgotten."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.judge.comparison import Comparison
from engine.judge.gate import BREADTH_DROP, SLACK, Gate, Verdict
from engine.judge.measured import Measured
from engine.records.run import RunConfig


def regression_files(names: Sequence[str]) -> list[tuple[str, str]]:
    """(baseline file, candidate file) of every regression suite that has either, in name order.

    ``eval-regression-baseline.json`` belongs to ``eval-regression-candidate.json``, and
    likewise with anything before or after the word.
    """
    pairs = set()
    for name in names:
        if not (name.startswith("eval-regression") and name.endswith(".json")):
            continue
        if "baseline" in name:
            pairs.add((name, name.replace("baseline", "candidate")))
        elif "candidate" in name:
            pairs.add((name.replace("candidate", "baseline"), name))
    return sorted(pairs)


def regression_suites(config: RunConfig) -> list[str]:
    """The names of the suites that breadth is judged by.

    All frozen suites but the primary one, and those named beside them that no file could freeze
    (tasks of a harness); without frozen suites the one that the documented schema has room for.
    """
    named, frozen = config.eval.regression, config.eval.suites
    if not frozen:
        return [named] if named else []
    suites = [name for name in frozen if name != config.eval.primary]
    beside = [] if not named or named in suites else named.split(", ")
    return [*suites, *(name for name in beside if name not in suites)]


def pair_regression(measured: Measured) -> tuple[list[Comparison], str | None]:
    """Every regression suite compared, and why breadth cannot be judged (None where it can)."""
    config, evals, rows = measured.config, measured.evals, measured.rows
    wanted = regression_suites(config)
    pairs: list[Comparison] = []
    for baseline_file, candidate_file in regression_files([*evals]):
        baseline, candidate = evals.get(baseline_file), evals.get(candidate_file)
        if baseline is None or candidate is None:
            absent = baseline_file if baseline is None else candidate_file
            return pairs, f"Breadth was not measured on both sides: {absent} is missing."
        # A regression suite of ours may have its own direction; others follow the config.
        direction = candidate.direction or baseline.direction or config.eval.direction
        pair = Comparison(
            baseline, candidate, rows.get(baseline_file), rows.get(candidate_file), direction
        )
        for file in (baseline_file, candidate_file):
            if problem := measured.problem(file) or _no_share(file, evals[file].score):
                return pairs, problem
        if problem := pair.mismatch:
            return pairs, problem
        pairs.append(pair)
    if not pairs:
        named = f" ({', '.join(wanted)})" if wanted else ""
        return pairs, f"Breadth was not measured: there is no regression evidence{named}."
    seen = {pair.candidate.suite for pair in pairs}
    missing = [name for name in wanted if name not in seen]
    if len(pairs) < len(wanted) and missing:
        return pairs, f"Breadth was not measured on {', '.join(missing)}."
    return pairs, None


def _no_share(file: str, score: float) -> str | None:
    if -1.5 <= score <= 1.5:
        return None
    return (
        f"The score in {file} is {score:g}: a drop in percentage points needs shares between 0 "
        "and 1."
    )


def breadth_interval(pairs: Sequence[Comparison]) -> tuple[float, float] | None:
    """A 95 % interval of the mean drop in percentage points, None where a suite has none.

    Suites are independent samples, so the distances from the mean to its limits are the
    root of the summed squares of theirs, divided by their number (the square-and-add rule of
    G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008) 1693-1702).
    """
    drops: list[float] = []
    below = above = 0.0
    for pair in pairs:
        interval = pair.gain_interval
        if interval is None:
            return None
        # A drop is a lost gain: its lower end is the gain's upper end.
        low, high = -100 * interval[1], -100 * interval[0]
        drop = -100 * pair.gain
        drops.append(drop)
        below += (drop - low) ** 2
        above += (high - drop) ** 2
    mean = math.fsum(drops) / len(drops)
    return mean - math.sqrt(below) / len(drops), mean + math.sqrt(above) / len(drops)


def breadth_drop(measured: Measured) -> Gate | None:
    """The mean drop over the regression suites stays within its bound; None without a bound."""
    bound = measured.config.eval.threshold.breadth_drop_max_pp
    if bound is None:
        return None
    pairs, problem = pair_regression(measured)
    if problem is not None:
        return Gate(BREADTH_DROP, bound, None, None, Verdict.UNDECIDED, problem)
    drop = math.fsum(-100 * pair.gain for pair in pairs) / len(pairs)
    interval = breadth_interval(pairs)
    over = "suite" if len(pairs) == 1 else f"{len(pairs)} suites"
    what = f"a drop of {drop:.1f} pp" if drop > 0 else f"no drop but a gain of {-drop:.1f} pp"
    if abs(drop) <= SLACK:
        what = "no drop"
    reason = f"On the regression {over}: {what}; the bound is {bound:.1f} pp"
    if interval is not None:
        reason += f" (95 % interval of the drop {interval[0]:.1f} to {interval[1]:.1f} pp)"
    kept = drop <= bound + SLACK
    reason += "."
    if kept and interval is not None and interval[1] > bound:
        reason += " The interval reaches past the bound: more examples would make it sure."
    verdict = Verdict.PASS if kept else Verdict.FAIL
    return Gate(BREADTH_DROP, bound, drop, interval, verdict, reason)
