"""A flywheel: the steps of an iteration, each a function from what is there to what it concluded.

plan → run → judge → add rows for what failed → write down and commit. Every step may be begun again
after a kill: it looks for what the one before it had done already.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.folder import FolderError, sha256_file
from engine.loops.agreeing import check_agreed
from engine.loops.asking import count
from engine.loops.flywheel import books, growing, planning, promoting, runs
from engine.loops.flywheel.canonical import CanonicalError, read_lines
from engine.loops.flywheel.dev import DevError
from engine.loops.flywheel.gold import judge_on_gold
from engine.loops.flywheel.judging import judge_run
from engine.loops.flywheel.writing import take_seeds
from engine.loops.folder import Request
from engine.loops.runner import LoopFailed, Runner, Step
from engine.loops.runs import out_of_memory, why_failed
from engine.plans.planning import Draft
from engine.records.loop import (
    IterationCommit,
    IterationData,
    IterationPlan,
    IterationRun,
    IterationVerdict,
    LoopPhase,
    LoopStatus,
)
from engine.target import Target, TargetError, load_target
from engine.teaching.errors import TeachingError

CRASHES = 2
"""So many crashes in a row end a loop."""

EVALUATES = ["eval-baseline", "eval-candidate", "report"]
"""The plan of an iteration that trains nothing."""

VALID_SHARE = 0.1
REPLAY_LEAST = 1000
"""A loop may begin with few rows of the target; old skills are not kept alive by a share of few."""

FEWEST_VALID = 8
"""Rows of canonical that a run keeps for its validation loss, where it has few."""


class Flywheel:
    """The kind of loop that improves a target's data and settings."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.folder = runner.folder
        self.loop = runner.loop
        self.path = (self.folder.workspace.path / self.loop.target_dir).resolve()
        # Crashes before this sitting are forgiven: whoever resumes has looked at them.
        self._from = max(1, runner.status.iteration)

    def steps(self) -> Sequence[Step]:
        return (
            Step("plan", IterationPlan, self.plan),
            Step("train", IterationRun, self.run),
            Step("judge", IterationVerdict, self.judge),
            Step("augment", IterationData, self.augment),
            Step("commit", IterationCommit, self.commit),
        )

    def begin(self) -> None:
        target = self._target()
        self._check_ruler()
        self.check_agreed(target)
        count(self.runner)
        try:
            seeds = take_seeds(target)
        except CanonicalError as error:
            raise LoopFailed(str(error), "Mend that, then: resume.") from error
        name = target.forge.dataset.seed
        if seeds.rows:
            self.runner.message("seed", f"{len(seeds.rows)} rows of {name} are in canonical now.")
        if seeds.sentence:
            self.runner.message("door", f"{name}: {seeds.sentence}", level="warning")
        books.beat(self, "running")

    def check_agreed(self, target: Target) -> None:
        """LoopFailed where the target, as it is now, executes what nobody agreed to."""
        check_agreed(self.folder.workspace, target, self.loop.loop_id)

    def _check_ruler(self) -> None:
        """LoopFailed where a file that scores are made with is another one by now."""
        for name, wanted in self.loop.locked.items():
            path = self.path / name
            if not path.is_file() or sha256_file(path) != wanted:
                raise LoopFailed(
                    f"{name} is not what it was when the loop was made: scores before and after "
                    "could not be compared.",
                    f"Put {name} back as it was, or begin a new loop.",
                )

    def why_end(self, iteration: int) -> str | None:
        limits, status = self.loop.limits, self.runner.status
        self._give_up_on_crashes(iteration)
        if iteration >= limits.iterations:
            return f"The limit of {limits.iterations} iterations is reached."
        best, wanted = status.best_score, limits.target_score
        if wanted is not None and best is not None:
            lower = self.target.primary.direction == "lower"
            if best <= wanted if lower else best >= wanted:
                return f"The target is reached: {best:.3f} of {wanted:.3f} on the dev suite."
        if limits.hours is not None and self.runner.worked_s >= 3600 * limits.hours:
            return f"The {limits.hours:g} hours are over."
        if limits.tokens is not None and status.spent.tokens >= max(1, limits.tokens):
            return f"The budget of {limits.tokens:,} tokens is spent."
        if limits.usd is not None and 0 < status.spent.usd >= limits.usd:
            return f"The budget of {limits.usd:.2f} US dollars is spent."
        if status.spent.full:
            return "The budget for teachers has no room for another call."
        if limits.plateau is not None and iteration >= limits.plateau:
            last = [self.verdict(i) for i in range(iteration - limits.plateau + 1, iteration + 1)]
            if not any(one is not None and one.outcome == "kept" for one in last):
                return f"A plateau: none of the last {limits.plateau} iterations was kept."
        return None

    def _give_up_on_crashes(self, iteration: int) -> None:
        """What crashes every time is no experiment; a plan that crashes once is."""
        first = max(self._from, iteration - CRASHES + 1)
        last = [self.verdict(i) for i in range(first, iteration + 1)]
        if len(last) == CRASHES and all(one and one.outcome == "crashed" for one in last):
            why = last[-1].reason if last[-1] else ""
            raise LoopFailed(
                f"{CRASHES} iterations in a row crashed. The last: {why}",
                "Mend what crashes (the run's train.log has the details), then: resume.",
            )

    def finish(self) -> None:
        """Gold is opened for the best candidate; where none was kept there is nothing to judge."""
        self._check_ruler()
        best = self.best_before(self.loop.limits.iterations + 1)
        if best is None:
            self.runner.message("gold", "No iteration was kept, so gold stays sealed.")
        else:
            judge_on_gold(self, best)

    def end(self, phase: LoopPhase, reason: str) -> None:
        status = {LoopPhase.COMPLETED: "completed", LoopPhase.FAILED: "error"}.get(phase)
        # A loop that waits for a person will run again; from outside it is neither done nor dead.
        status = status or ("running" if phase is LoopPhase.PAUSED else "cancelled")
        books.beat(self, status, reason if phase is LoopPhase.FAILED else None)

    # --- what is there --------------------------------------------------------------

    def _target(self, overrides: Sequence[str] = ()) -> Target:
        try:
            return load_target(self.path, overrides)
        except TargetError as error:
            raise LoopFailed(str(error), "Mend forge.yaml, then: resume.") from error

    @property
    def target(self) -> Target:
        """The target as it is now: plans may have changed its settings for good."""
        return self._target()

    def verdict(self, iteration: int) -> IterationVerdict | None:
        return self.folder.done(iteration, IterationVerdict)

    def best_before(self, iteration: int) -> Path | None:
        """The run that was promoted last before an iteration, by what was concluded then.

        Not by the status: that may have moved while a step was interrupted.
        """
        for number in range(iteration - 1, 0, -1):
            verdict, run = self.verdict(number), self.folder.done(number, IterationRun)
            if verdict is not None and verdict.outcome == "kept" and run is not None:
                return self.folder.workspace.runs_dir / run.run_id
        return None

    # --- the steps ------------------------------------------------------------------

    def plan(self, iteration: int) -> BaseModel:
        """Propose, have it approved where somebody wants to, and write down what was learned."""
        self._check_ruler()
        drafted = planning.drafted(self, iteration)
        planning.write_background(self, drafted)
        return drafted

    def run(self, iteration: int) -> BaseModel:
        """The iteration's run, created, found again, or made smaller once after it ran out of
        memory."""
        plan = self._plan(iteration)
        workspace = self.folder.workspace
        path = runs.find_run(workspace, self.loop.loop_id, iteration)
        retried = None
        trains = True
        if path is None:
            trains = self._trains(iteration)
            path = self._start(plan, {}) if trains else self._judge_again(iteration, plan)
        path = runs.wait_for(self.runner, path)
        if out_of_memory(path) and not self._shrunk(path):
            smaller = self._smaller(plan)
            if smaller:
                self.runner.message(
                    "out-of-memory",
                    f"{path.name} ran out of memory. Once more with a batch of "
                    f"{smaller['training.batch_size']}.",
                    level="warning",
                )
                retried = path.name
                path = runs.wait_for(self.runner, self._start(plan, smaller, path.name))
        return IterationRun(run_id=path.name, trained=trains, retried=retried)

    def judge(self, iteration: int) -> BaseModel:
        """Keep or drop; a run that is kept has its adapter copied into the target's output."""
        self._check_ruler()
        run = self._run_of(iteration)
        try:
            verdict = judge_run(run, self.best_before(iteration))
        except FolderError as error:
            raise LoopFailed(f"{run.name} cannot be judged: {error}.") from error
        if verdict.outcome == "crashed":
            verdict = verdict.model_copy(update={"reason": why_failed(run)})
        else:
            planning.make_permanent(self, self._plan(iteration))
        if verdict.outcome == "kept":
            adapter = promoting.promote(self.target, self.loop, iteration, run, verdict)
            verdict = verdict.model_copy(update={"adapter": adapter})

            def better(status: LoopStatus) -> None:
                status.best_run, status.best_score = run.name, verdict.score

            self.runner.update(better)
        else:
            promoting.decide_dropped(run, verdict)
        self.runner.say(
            "verdict", outcome=verdict.outcome, reason=verdict.reason, score=verdict.score
        )
        return verdict

    def augment(self, iteration: int) -> BaseModel:
        """Rows for what failed on the dev suite, through the door, with their origin."""
        try:
            return growing.grow(self, iteration, self._plan(iteration), self._run_of(iteration))
        except (CanonicalError, DevError, TeachingError) as error:
            # Training goes on with the rows that are there: no reason to lose a night.
            self.runner.message("augment", str(error), level="warning")
            return IterationData(note=str(error))

    def commit(self, iteration: int) -> BaseModel:
        """Write the files that people and other tools read, and commit what the iteration made.

        At a milestone the best candidate is judged on gold first, unless it has been.
        """
        every = self.loop.gold_every
        best = self.best_before(iteration + 1)
        if every is not None and iteration % every == 0 and best is not None:
            judge_on_gold(self, best)
        return books.close(self, iteration)

    # --- a run ----------------------------------------------------------------------

    def _plan(self, iteration: int) -> IterationPlan:
        plan = self.folder.done(iteration, IterationPlan)
        if plan is None:
            raise LoopFailed(f"Iteration {iteration} has no plan.")
        return plan

    def _run_of(self, iteration: int) -> Path:
        record = self.folder.done(iteration, IterationRun)
        if record is None:
            raise LoopFailed(f"Iteration {iteration} has no run.")
        return self.folder.workspace.runs_dir / record.run_id

    def overrides(self, patches: Mapping[str, Any]) -> list[str]:
        """The settings of an iteration's run: judged on dev, gold sealed, rows from canonical."""
        target = self.target
        judged = {
            "factory.suites.primary.name": "dev",
            "factory.suites.primary.file": self.loop.dev.file if self.loop.dev else "",
            "factory.suites.primary.scorer": target.primary.scorer or target.forge.eval.scorer,
            "factory.suites.primary.direction": target.primary.direction or "higher",
            "factory.suites.sealed.name": target.primary.name,
            "factory.suites.sealed.file": target.primary.file,
            "factory.suites.sealed.scorer": target.primary.scorer or target.forge.eval.scorer,
        }
        values = {**judged, **patches, **self._rows(target, patches)}
        return [f"{name}={runs.word(value)}" for name, value in values.items()]

    def _rows(self, target: Target, patches: Mapping[str, Any]) -> dict[str, Any]:
        """As many rows as canonical has: the generator writes rows for failures, not for a run."""
        data, name = target.forge.factory.data, target.forge.dataset.canonical
        lines = read_lines(target.file(name)) if name else []
        count = sum(line.row is not None for line in lines)
        share = float(patches.get("factory.data.replay_share", data.replay_share))
        valid = min(data.valid_rows, max(FEWEST_VALID, round(VALID_SHARE * count)))
        train = max(1, count - valid)
        if share > 0:
            share = max(share, REPLAY_LEAST / (REPLAY_LEAST + train))
        return {
            "factory.data.rows": max(1, math.floor(train / (1 - share))),
            "factory.data.valid_rows": valid,
            "factory.data.replay_share": round(share, 4),
        }

    def drafted(
        self, plan: IterationPlan, patches: Mapping[str, Any], parent: str | None = None
    ) -> Draft:
        """What the run of a plan would be with these patches; TargetError where there is none."""
        best = self.best_before(plan.iteration)
        return runs.draft_run(
            self.folder.workspace,
            self.loop,
            plan.iteration,
            self.path,
            self.overrides(patches),
            parent or (best.name if best else None),
            plan.hypothesis,
        )

    def _start(
        self,
        plan: IterationPlan,
        more: dict[str, Any],
        parent: str | None = None,
        candidate_of: Path | None = None,
    ) -> Path:
        self.runner.check_stop()
        try:
            drafted = self.drafted(plan, plan.settings | more, parent)
        except TargetError as error:
            raise LoopFailed(str(error), "Mend the target, then: resume.") from error
        self.check_agreed(drafted.target)
        return runs.start_run(self.runner, drafted, candidate_of)

    def _trains(self, iteration: int) -> bool:
        """Whether the iteration trains: not where somebody wants the best adapter judged again."""
        first = iteration == 1 and self.loop.skip_first_training
        asked = self.folder.withdraw(Request.SKIP_TRAINING)
        if not (first or asked):
            return True
        if self._candidate(iteration) is not None:
            return False
        self.runner.message(
            "skip-training", "There is no run with an adapter to judge again: it trains."
        )
        return True

    def _candidate(self, iteration: int) -> Path | None:
        """The run whose adapter is judged again: the best, else the newest of this target."""
        best = self.best_before(iteration)
        if best is not None:
            return best
        for path in self.folder.workspace.run_paths():
            weights = path / "adapters/adapters.safetensors"
            if weights.is_file() and runs.target_of(path) == self.loop.target:
                return path
        return None

    def _judge_again(self, iteration: int, plan: IterationPlan) -> Path:
        """A run that only evaluates, with the weights that are there."""
        candidate = self._candidate(iteration)
        assert candidate is not None
        return self._start(plan, {"factory.stages": EVALUATES}, candidate_of=candidate)

    def _smaller(self, plan: IterationPlan) -> dict[str, Any] | None:
        """Half the batch and twice the accumulation: the same updates in less memory."""
        training = self.target.forge.training
        batch = int(plan.settings.get("training.batch_size", training.batch_size))
        steps = int(
            plan.settings.get(
                "training.gradient_accumulation_steps", training.gradient_accumulation_steps
            )
        )
        if batch < 2:
            return None
        return {
            "training.batch_size": batch // 2,
            "training.gradient_accumulation_steps": steps * 2,
        }

    def _shrunk(self, run: Path) -> bool:
        """Whether this run is the smaller one already."""
        return runs.follows_same_iteration(run)
