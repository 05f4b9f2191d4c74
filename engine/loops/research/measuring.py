"""One execution of the protocol's command: an ordinary run, from its records to its Measurement.

A repetition that has ended is never run twice. One whose supervisor died is cancelled and run from
the beginning, as a new run: nobody can say where somebody else's recipe would go on.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from engine.folder import RunFolder
from engine.loops.research import run_records
from engine.loops.research.extracting import measured
from engine.loops.research.setup import set_up
from engine.loops.runner import LoopFailed, Runner
from engine.loops.runs import DEATHS, config_of, launch_run, wait_while_running
from engine.protocols.commands import measure_argv, measure_env
from engine.records.plan import Stage, StageKind
from engine.records.protocol import Protocol
from engine.records.research import Campaign, Measurement
from engine.records.status import Phase, RunStatus
from engine.supervise.launch import LaunchError, cancel, is_done, liveness

STAGE = "measure"
AGAIN = 100
"""Repetitions from here on are of the try with its batch halved, with the seeds from 0 again."""
SLACK_SHARE, SLACK_S = 0.25, 2.0
"""A try may take so much longer than the best did before its budget is spoken of."""


@dataclass(frozen=True)
class Reference:
    """The best so far, as the mean of its measurements."""

    value: float
    run_id: str
    commit: str
    seconds: float | None = None
    metrics: frozenset[str] = field(default_factory=frozenset)
    """The names of the secondary metrics that it gave."""


class Measurer:
    """Measures what lies in the worktree."""

    def __init__(
        self, runner: Runner, campaign: Campaign, protocol: Protocol, worktree: Path
    ) -> None:
        self._runner = runner
        self._campaign = campaign
        self._protocol = protocol
        self._worktree = worktree

    def set_up(self) -> None:
        """Run the setup commands, once in a campaign; LoopFailed with what went wrong."""
        self._give_up_dead_setup()
        set_up(self._runner, self._campaign, self._protocol, self._worktree)

    def measure(
        self,
        iteration: int,
        repeat: int,
        *,
        hypothesis: str,
        best: Reference | None,
        commit: str,
    ) -> Measurement:
        """Repetition ``repeat``, from 0, of an iteration, whose state is ``commit``."""
        mark = {"id": self._runner.loop.loop_id, "iteration": iteration, "repeat": repeat}
        seed = self._runner.loop.seed + repeat % AGAIN
        for _ in range(DEATHS):
            run = self._find(mark, commit)
            if run is None:
                run = self._create(mark, seed, hypothesis, best, commit)
            status = self._finish(run, best)
            if status is not None:
                return self._conclude(run, status, repeat, seed, best)
        raise LoopFailed(
            f"The supervisor of repetition {repeat + 1} died {DEATHS} times without a word.",
            "See supervisor.log and train.log in the folders of its runs, then: resume.",
        )

    # --- the run --------------------------------------------------------------------

    def _find(self, mark: dict[str, object], commit: str) -> Path | None:
        """The run of this repetition that counts: the newest that nobody cancelled."""
        for path in reversed(run_records.in_order(self._runner.folder.workspace)):
            config = config_of(path)
            base = config.get("base_model")
            if config.get("loop") != mark or not isinstance(base, dict):
                continue
            if base.get("revision") == commit:
                status = RunFolder(path).status()
                if status is not None and status.phase is not Phase.CANCELLED:
                    return path
        return None

    def _create(
        self,
        mark: dict[str, object],
        seed: int,
        hypothesis: str,
        best: Reference | None,
        commit: str,
    ) -> Path:
        folder = run_records.create(
            self._runner,
            self._campaign,
            self._protocol,
            self._worktree,
            [self._stage(seed)],
            mark=mark,
            seed=seed,
            hypothesis=hypothesis,
            bound=best.value if best else None,
            parent=best.run_id if best else None,
            commit=commit,
        )
        self._runner.say("run-created", run=folder.run_id, repeat=mark["repeat"])
        return folder.path

    def _stage(self, seed: int) -> Stage:
        execution, measurement = self._protocol.execution, self._protocol.measurement
        metrics = [measurement.primary_metric, *measurement.secondary_metrics]
        return run_records.stage(
            self._runner,
            self._campaign,
            STAGE,
            measure_argv(self._protocol, seed),
            self._worktree / execution.cwd,
            self._worktree,
        ).model_copy(
            update={
                "kind": StageKind.COMMAND,
                "env": measure_env(seed),
                "timeout_s": execution.hard_timeout_seconds,
                "enters": Phase.TRAINING,
                "leaves": Phase.TRAINED,
                "spec": {
                    "metrics": [
                        {
                            "name": one.name,
                            "pattern": one.extract.pattern,
                            "direction": one.direction,
                        }
                        for one in metrics
                    ]
                },
            }
        )

    def _finish(self, run: Path, best: Reference | None) -> RunStatus | None:
        """Its status when it has ended; None when its supervisor died, and it is cancelled."""
        folder = RunFolder(run)
        status = wait_while_running(self._runner, run)
        if status.phase is Phase.CREATED and liveness(status) == "idle":
            (run / "tmp").mkdir(exist_ok=True)
            launch_run(run)
        status = wait_while_running(self._runner, run, self._watch(best))
        if status.phase is Phase.CANCELLED:
            shutil.rmtree(run / "tmp", ignore_errors=True)
            self._runner.message("run-cancelled", f"{run.name} was cancelled; it is run again.")
            return None
        if not status.phase.final and not is_done(folder, status):
            give_up(self._runner, run)
            return None
        shutil.rmtree(run / "tmp", ignore_errors=True)
        return status

    def _give_up_dead_setup(self) -> None:
        """A setup run whose supervisor died is cancelled: setup begins again."""
        for path in run_records.in_order(self._runner.folder.workspace):
            mark = config_of(path).get("loop")
            if mark == run_records.setup_mark(self._runner.loop.loop_id):
                status = RunFolder(path).status()
                if status is not None and liveness(status) == "dead":
                    give_up(self._runner, path)

    def _watch(self, best: Reference | None) -> Callable[[RunStatus], None]:
        """Says once, in words, that the training budget is over."""
        stop = self._protocol.execution.stop_condition
        budget, said = stop.training_seconds_budget, False
        usual = best.seconds if best else None
        if usual is None and stop.exclude_compilation_from_budget:
            return lambda _: None  # nobody knows yet how long it compiles
        allowed = max(budget, usual or 0.0) * (1 + SLACK_SHARE) + SLACK_S

        def look(status: RunStatus) -> None:
            nonlocal said
            stage = status.stages.get(STAGE)
            if said or stage is None or stage.started is None:
                return
            taken = time.time() - stage.started.timestamp()
            if taken > allowed:
                said = True
                best_took = f"; the best took {usual:.0f} s in all" if usual else ""
                self._runner.message(
                    "over-budget",
                    f"{status.run_id} has run for {taken:.0f} s. Its training budget is "
                    f"{budget:g} s{best_took}. It is stopped after "
                    f"{self._protocol.execution.hard_timeout_seconds:g} s.",
                    level="warning",
                )

        return look

    # --- what it gave ---------------------------------------------------------------

    def _conclude(
        self, run: Path, status: RunStatus, repeat: int, seed: int, best: Reference | None
    ) -> Measurement:
        budget = self._protocol.execution.stop_condition.training_seconds_budget
        found = measured(
            RunFolder(run),
            status,
            STAGE,
            self._protocol.measurement,
            repeat=repeat,
            seed=seed,
            training_s=min(budget, best.seconds or budget) if best else None,
        )
        lost = sorted(best.metrics - set(found.metrics)) if best and found.value is not None else []
        if lost:
            names = ", ".join(lost)
            text = f"{run.name} does not print what the best does: {names}."
            self._runner.message("metric-lost", text, level="warning")
        run_records.conclude(RunFolder(run), found, best.value if best else None, best)
        return found


def give_up(runner: Runner, run: Path) -> None:
    """Cancel a run whose supervisor died, with what it left running, and say so."""
    try:
        cancel(run)
    except LaunchError as error:
        raise LoopFailed(str(error)) from error
    shutil.rmtree(run / "tmp", ignore_errors=True)
    text = f"The supervisor of {run.name} died; it is cancelled, and run again from the beginning."
    runner.message("run-lost", text, level="warning")
