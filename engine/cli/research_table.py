"""A campaign's tries as a table on stdout."""

from __future__ import annotations

import shlex

from engine import numbers
from engine.cli.console import print_table, printable
from engine.judge.improvement import number as figures
from engine.loops.folder import LoopFolder
from engine.loops.research.history import Try, history_before
from engine.records.research import Campaign, Measurement

WIDEST = 70


def print_tries(folder: LoopFolder) -> None:
    """Every try with its metric, how sure its verdict is, and what it was. FolderError where a
    record cannot be read."""
    last = max(folder.iterations(), default=0)
    tries = history_before(folder, last + 1).tries
    rows = [_row(one) for one in tries]
    if rows:
        print_table(("TRY", "VERDICT", "METRIC", "Δ BEST", "P", "GB", "DESCRIPTION"), rows)
    status = folder.status()
    if status.best_run is not None:
        print(f"Best: {_score(status.best_score)}, first measured by {status.best_run}")
    campaign = Campaign.model_validate(folder.loop().spec)
    if any(one.iteration > 1 and one.verdict and one.verdict.outcome == "kept" for one in tries):
        repo, branch = str(folder.workspace.path / campaign.repo), campaign.branch
        words = shlex.join(["git", "-C", repo, "merge", branch])
        print(f"Take it over: {printable(words)}")


def _row(one: Try) -> tuple[str, ...]:
    verdict = one.verdict
    measured = one.runs.measurements if one.runs else []
    return (
        str(one.iteration - 1),
        verdict.status.value if verdict else "open",
        _metric(one),
        figures(verdict.difference[0], sign=True) if verdict and verdict.difference else "",
        _probability(verdict.probability if verdict else None),
        _memory(measured),
        _cut(printable(one.plan.hypothesis)),
    )


def _metric(one: Try) -> str:
    shown = _score(one.verdict.score if one.verdict else None)
    if one.verdict is None or one.verdict.score is None or one.verdict.interval is None:
        return shown
    low, high = one.verdict.interval
    return f"{shown} ± {figures((high - low) / 2)}"


def _score(value: float | None) -> str:
    """Four decimals; a number that they would round away has its leading figures."""
    if value is None:
        return numbers.score(None)
    return figures(value) if 0 < abs(value) < 0.001 else f"{value:.4f}"


def _probability(value: float | None) -> str:
    """Three digits, and never a certainty that nobody has."""
    return "" if value is None else f"{min(0.999, max(0.001, value)):.3f}"


def _memory(measured: list[Measurement]) -> str:
    sizes = [m.memory_gb for m in measured if m.memory_gb is not None]
    return f"{max(sizes):.2f}" if sizes else ""


def _cut(text: str) -> str:
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"
