"""The files of a flywheel project that people and other tools read: ``output/``, AGENT_CONTEXT.md,
PLAN.md. They say what the loop's own records say, in the forms that have grown; nothing here is
read back by the loop.

Every writer may be called twice for one iteration (a runner that was killed between a file and the
next): the second call changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.folder import write_bytes_atomic, write_json_atomic
from engine.plain_file import read_plain
from engine.records.base import utc_now
from engine.records.evaluation import EvalResult, RowResult

MAX_BYTES = 64 * 2**20

SHOWN_FAILURES = 10

CONTEXT_HEADER = (
    "# Agent Context\n\nMade by the flywheel after every evaluation. Not for editing.\n"
)
PLAN_SECTIONS = (
    "Current Strategy",
    "Hypotheses Queue",
    "What Has Worked",
    "What Has Failed",
    "Configuration Notes",
    "Next Action",
    "Iteration Log",
)


@dataclass(frozen=True, slots=True)
class Told:
    """One iteration, as these files tell it. Shares in [0, 1]; None is not recorded."""

    loop: str
    iteration: int
    hypothesis: str
    patches: dict[str, Any]
    expected_pp: float | None
    run: str
    outcome: str
    reason: str
    score: float | None
    best: float | None
    loss: float | None
    epochs: float | None
    train_rows: int | None
    failures: int | None
    safety_violations: int | None
    is_new_best: bool


def heartbeat(
    output: Path,
    iteration: int,
    status: str,
    accuracy: float | None = None,
    error: str | None = None,
) -> None:
    """``flywheel_heartbeat.json``: status is running, completed, error or cancelled."""
    found: dict[str, Any] = {"iteration": iteration, "status": status, "timestamp": _now()}
    if accuracy is not None:
        found["accuracy"] = round(accuracy, 4)
    if error is not None:
        found["error"] = error
    output.mkdir(parents=True, exist_ok=True)
    write_json_atomic(output / "flywheel_heartbeat.json", found)


def experiment(output: Path, told: Told, correct: int | None, total: int | None) -> None:
    """Append the iteration to ``experiments.jsonl``, once."""
    path = output / "experiments.jsonl"
    before = _text(path)
    for line in before.splitlines():
        try:
            known = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(known, dict) and (known.get("loop"), known.get("iteration")) == (
            told.loop,
            told.iteration,
        ):
            return
    row = {
        "iteration": told.iteration,
        "timestamp": _now(),
        "accuracy": _rounded(told.score),
        "correct": correct,
        "total": total,
        "loss": told.loss,
        "epochs": told.epochs,
        "failures_count": told.failures,
        "is_new_best": told.is_new_best,
        "train_examples": told.train_rows,
        "hypothesis": told.hypothesis,
        "config_patches": _nested(told.patches),
        "expected_improvement_pp": told.expected_pp,
        "outcome": "improvement" if told.is_new_best else "no_improvement",
        # ours
        "loop": told.loop,
        "run": told.run,
        "reason": told.reason,
        "judged_on": "dev",
    }
    if before and not before.endswith("\n"):
        before += "\n"
    _write(path, before + json.dumps(row, ensure_ascii=False) + "\n")


def eval_results(
    output: Path, record: EvalResult, rows: Sequence[RowResult], passed: bool, told: Told
) -> None:
    """``eval_results.json`` in its documented and its grown form, ``eval_failures.jsonl`` and
    ``failures_<loop>_<iteration>.json``."""
    wrong = [
        {
            "index": index,
            "category": row.slice,
            "input": row.prompt,
            "expected": row.expected,
            "actual": row.got,
            "error": row.error,
        }
        for index, row in enumerate(rows)
        if not row.correct
    ]
    categories: dict[str, dict[str, int]] = {}
    for row in rows:
        one = categories.setdefault(row.slice or "all", {"correct": 0, "total": 0})
        one["correct"] += row.correct
        one["total"] += 1
    output.mkdir(parents=True, exist_ok=True)
    write_json_atomic(
        output / "eval_results.json",
        {
            "accuracy": _rounded(record.score),
            "correct": sum(row.correct for row in rows),
            "total": len(rows),
            "safety_violations": record.safety_violations or 0,
            "passed": passed,
            "per_category": categories,
            "per_cmd": categories,
            "failure_count": len(wrong),
            "failures": wrong,
            "elapsed_min": None if record.duration_s is None else round(record.duration_s / 60, 3),
            "judged_on": record.suite,
            "run": told.run,
        },
    )
    lines = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in wrong)
    _write(output / "eval_failures.jsonl", lines)
    write_json_atomic(
        output / f"failures_{told.loop}_{told.iteration:03d}.json", {"failures": wrong}
    )


@dataclass(frozen=True, slots=True)
class BestScore:
    """What is kept of the best adapter. Shares in [0, 1]; None is not recorded and not written.
    ``delta`` is against the best before, ``forced`` why it was promoted against the rule."""

    adapter: str
    accuracy: float | None
    correct: int | None
    total: int | None
    safety_violations: int | None
    iteration: int | None
    loop: str | None
    run: str | None
    judged_on: str | None
    delta: float | None = None
    forced: str | None = None


def best_score(output: Path, best: BestScore) -> None:
    """``best_score.json``, with the keys of both forms that there are."""
    output.mkdir(parents=True, exist_ok=True)
    found = {
        "accuracy": _rounded(best.accuracy),
        "iteration": best.iteration,
        "timestamp": _now(),
        "adapter_dir": best.adapter,
        "snapshot": best.adapter,
        "correct": best.correct,
        "total": best.total,
        "safety_violations": best.safety_violations,
        "delta": _rounded(best.delta),
        "loop": best.loop,
        "run": best.run,
        "judged_on": best.judged_on,
        "forced": best.forced,
    }
    kept = {name: value for name, value in found.items() if value is not None}
    write_json_atomic(output / "best_score.json", kept)


def agent_context(path: Path, told: Told, categories: dict[str, tuple[int, int]]) -> None:
    """Add the iteration to ``AGENT_CONTEXT.md``, below ``## Iteration Log``, once."""
    before = _text(path) or CONTEXT_HEADER
    marker = f"<!-- {told.loop} {told.iteration} -->"
    if marker in before:
        return
    if "## Iteration Log" not in before:
        before = before.rstrip("\n") + "\n\n## Iteration Log\n"
    breakdown = {name: f"{right}/{total}" for name, (right, total) in sorted(categories.items())}
    lines = [
        "",
        f"### Iteration {told.iteration} — {_now()[:10]} {marker}",
        "",
        f"- Accuracy on the dev suite: {_percent(told.score)} ({told.outcome}: {told.reason})",
        f"- Hypothesis: {_line(told.hypothesis)}",
        f"- Loss: {'not recorded' if told.loss is None else f'{told.loss:.4f}'}",
        f"- Training rows: {'not recorded' if told.train_rows is None else told.train_rows}",
        f"- Failures: {'not recorded' if told.failures is None else told.failures}",
        f"- Breakdown: {json.dumps(breakdown, ensure_ascii=False)}",
        f"- Run: {told.run}",
    ]
    _write(path, before.rstrip("\n") + "\n" + "\n".join(lines) + "\n")


def plan_file(path: Path, all_told: Sequence[Told], strategy: str, next_action: str) -> None:
    """Make ``PLAN.md`` anew from all iterations of the loop; what stands in other sections, or
    above the first of ours, stays."""
    kept = _foreign(_text(path))
    worked = [one for one in all_told if one.is_new_best]
    failed = [one for one in all_told if not one.is_new_best]
    bodies = {
        "Current Strategy": strategy,
        "Hypotheses Queue": "",
        "What Has Worked": "\n".join(f"- {_told_line(one)}" for one in worked),
        "What Has Failed": "\n".join(f"- {_told_line(one)}" for one in failed),
        "Configuration Notes": "\n".join(
            f"- {name} = {value}" for name, value in sorted((_last_patches(worked)).items())
        ),
        "Next Action": next_action,
        "Iteration Log": "\n".join(
            f"- {one.iteration}: {_percent(one.score)}, {one.outcome}" for one in all_told
        ),
    }
    text = kept or "# Plan\n"
    for name in PLAN_SECTIONS:
        text = text.rstrip("\n") + f"\n\n## {name}\n\n{bodies[name] or 'Nothing yet.'}\n"
    _write(path, text)


def background_addition(path: Path, loop: str, iteration: int, text: str) -> None:
    """Append what a plan found out to ``BACKGROUND.md``, below its own heading, once."""
    before = _text(path)
    marker = f"<!-- {loop} {iteration} -->"
    if marker in before:
        return
    if "## Agent-Discovered Patterns" not in before:
        before = before.rstrip("\n") + "\n\n## Agent-Discovered Patterns\n"
    _write(path, before.rstrip("\n") + f"\n\n{marker}\n{text.strip()}\n")


# --- text --------------------------------------------------------------------------------


def _foreign(text: str) -> str:
    """What of a PLAN.md is not one of our sections."""
    kept: list[str] = []
    ours = False
    for line in text.splitlines():
        if line.startswith("## "):
            ours = line[3:].strip() in PLAN_SECTIONS
        if not ours:
            kept.append(line)
    return "\n".join(kept).strip("\n") + "\n" if any(one.strip() for one in kept) else ""


def _told_line(told: Told) -> str:
    return f"Iteration {told.iteration} ({_percent(told.score)}): {_line(told.hypothesis)}"


def _last_patches(worked: Sequence[Told]) -> dict[str, Any]:
    return dict(worked[-1].patches) if worked else {}


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split(".")
        node = tree
        for key in path:
            node = node.setdefault(key, {})
        node[last] = value
    return tree


def _percent(score: float | None) -> str:
    return "not measured" if score is None else f"{100 * score:.1f}%"


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, 4)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def _text(path: Path) -> str:
    try:
        return read_plain(path, MAX_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return ""


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(path, text.encode("utf-8", "replace"))


def _now() -> str:
    return utc_now().isoformat(timespec="seconds").replace("+00:00", "Z")
