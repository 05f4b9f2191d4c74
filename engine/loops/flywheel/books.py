"""What an iteration leaves for people, other tools and git, once it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from engine.checks.contents import RunContents, load
from engine.comparing.course import course_of
from engine.judge.gates import CANDIDATE
from engine.live.history import folded
from engine.loops import commits
from engine.loops.flywheel import project_files
from engine.loops.flywheel.project_files import BestScore, Told
from engine.records.loop import (
    IterationCommit,
    IterationData,
    IterationPlan,
    IterationRun,
    IterationVerdict,
)

if TYPE_CHECKING:
    from engine.loops.flywheel.flywheel import Flywheel

OWN_FILES = ("forge.yaml", "BACKGROUND.md", "AGENT_CONTEXT.md", "PLAN.md", ".gitignore")
"""What an iteration may have changed besides its data; git says what it really did."""


def beat(wheel: Flywheel, status: str, error: str | None = None) -> None:
    """``output/flywheel_heartbeat.json``: who looks from outside sees that the loop lives."""
    now = wheel.runner.status
    project_files.heartbeat(wheel.path / "output", now.iteration, status, now.best_score, error)


def close(wheel: Flywheel, iteration: int) -> IterationCommit:
    """Write the project's files and commit; both may be begun again."""
    told = [_told(wheel, number) for number in range(1, iteration + 1)]
    _write(wheel, told)
    beat(wheel, "running")
    if not wheel.loop.commits:
        return IterationCommit(reason="This loop makes no commits.")
    message = commits.message_of(iteration, told[-1].score, told[-1].hypothesis)
    files = [*OWN_FILES, *_data_files(wheel)]
    made = commits.commit(wheel.path, files, message, frozenset(wheel.loop.target_dirty))
    if made.commit is None and commits.last_message(wheel.path) == message:
        return IterationCommit(reason="It had been committed before the loop was interrupted.")
    if made.reason:
        wheel.runner.message("commit", made.reason, level="warning")
    return IterationCommit(commit=made.commit, reason=made.reason, left_out=list(made.left_out))


def _data_files(wheel: Flywheel) -> list[str]:
    dataset = wheel.target.forge.dataset
    dev = wheel.loop.dev.file if wheel.loop.dev else None
    adapters = [
        f"{verdict.adapter}/metadata.json"
        for number in wheel.folder.iterations()
        if (verdict := wheel.verdict(number)) is not None and verdict.adapter
    ]
    names = [dataset.canonical, dev, "output/best_score.json", *adapters]
    return [name for name in names if name]


def _write(wheel: Flywheel, told: list[Told]) -> None:
    output, last = wheel.path / "output", told[-1]
    contents = load(wheel.folder.workspace.runs_dir / last.run)
    rows = contents.rows.get(CANDIDATE, [])
    record = contents.evals.get(CANDIDATE)
    right = sum(row.correct for row in rows) if rows else None
    project_files.experiment(output, last, right, len(rows) or None)
    categories: dict[str, tuple[int, int]] = {}
    for row in rows:
        good, total = categories.get(row.slice or "all", (0, 0))
        categories[row.slice or "all"] = (good + row.correct, total + 1)
    project_files.agent_context(wheel.path / "AGENT_CONTEXT.md", last, categories)
    if record is not None and rows:
        limit = wheel.loop.limits.target_score
        passed = limit is not None and record.score >= limit
        project_files.eval_results(output, record, rows, passed, last)
    if last.is_new_best and right is not None:
        verdict = wheel.verdict(last.iteration)
        adapter = verdict.adapter if verdict and verdict.adapter else ""
        best = BestScore(
            adapter=adapter,
            accuracy=last.score,
            correct=right,
            total=len(rows),
            safety_violations=last.safety_violations,
            iteration=last.iteration,
            loop=last.loop,
            run=last.run,
            judged_on="dev",
        )
        project_files.best_score(output, best)
    ended = wheel.why_end(last.iteration)
    project_files.plan_file(
        wheel.path / "PLAN.md",
        told,
        "Judged on the dev suite, on the same rows as the best before; more than noise is kept. "
        "Gold is opened for the final candidate alone.",
        ended or f"Iteration {last.iteration + 1}.",
    )


def _told(wheel: Flywheel, iteration: int) -> Told:
    folder = wheel.folder
    plan, run = folder.done(iteration, IterationPlan), folder.done(iteration, IterationRun)
    verdict = folder.done(iteration, IterationVerdict)
    data = folder.done(iteration, IterationData)
    assert plan is not None and run is not None and verdict is not None and data is not None
    contents = load(folder.workspace.runs_dir / run.run_id)
    return Told(
        loop=wheel.loop.loop_id,
        iteration=iteration,
        hypothesis=plan.hypothesis,
        patches=plan.settings,
        expected_pp=plan.expected_pp,
        run=run.run_id,
        outcome=verdict.outcome,
        reason=verdict.reason,
        score=verdict.score,
        best=verdict.best_before,
        loss=_loss(wheel, run.run_id),
        epochs=_epochs(contents),
        train_rows=contents.dataset.counts.train_rows if contents.dataset else None,
        failures=verdict.failures,
        safety_violations=verdict.safety_violations,
        is_new_best=verdict.outcome == "kept",
    )


def _loss(wheel: Flywheel, run: str) -> float | None:
    """The last training loss that the run reported."""
    return course_of(folded(wheel.folder.workspace.runs_dir / run / "events.jsonl")).loss


def _epochs(contents: RunContents) -> float | None:
    """How often the training rows were gone through, by what was planned."""
    settings: Mapping[str, Any] = contents.config.hyperparameters if contents.config else {}
    rows = contents.dataset.counts.train_rows if contents.dataset else 0
    iters, batch = settings.get("iters"), settings.get("batch_size")
    if not rows or not isinstance(iters, int) or not isinstance(batch, int):
        return None
    return round(iters * batch / rows, 2)
