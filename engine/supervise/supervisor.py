"""One run from its first pending stage to its last: ``python -m engine.supervise.supervisor RUN``.

A process of its own in a session of its own. It alone writes ``events.jsonl`` and
``run-status.json`` while it lives; a lock on the run's directory, which the kernel frees, makes
sure that there is one. Exit codes: 0 the plan is done; 1 a stage failed, or we did; 2 there was
nothing to run, with the reason; 3 cancelled. SIGTERM or SIGINT cancels, a second one hurries;
SIGHUP is for terminals and is ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from engine.folder import FolderError, RunFolder
from engine.private import keep_private
from engine.processes import myself
from engine.records.base import utc_now
from engine.records.plan import Plan, Stage, StageKind
from engine.records.status import LastError, Phase, RunStatus, StageState, StageStatus
from engine.settings_file import SettingsError
from engine.supervise import ready
from engine.supervise.accelerator import Accelerator, stop_orphans_of
from engine.supervise.checkpoints import newest_step
from engine.supervise.command import Command, command_for
from engine.supervise.gate import NOT_AGREED, refusal
from engine.supervise.journal import Journal
from engine.supervise.process import Exit, StartError
from engine.supervise.provenance import ProvenanceKeeper
from engine.supervise.reserve import give_up_reserve, keep_reserve
from engine.supervise.run_lock import RunLock
from engine.supervise.settings import Settings, load_settings
from engine.supervise.stage_run import Outcome, StageRun
from engine.supervise.train_log import TrainLog
from engine.workspace import Workspace

DONE, FAILED, REFUSED, CANCELLED = 0, 1, 2, 3
_TAKEN = (StageState.DONE, StageState.REUSED)


class Refused(Exception):
    """There is nothing that this supervisor may do with the run; the text says why."""


class Supervisor:
    """Runs the plan of one run folder. Use inside the loop of the main thread."""

    def __init__(self, run: Path) -> None:
        self.folder = RunFolder(run.resolve())
        self.workspace = Workspace.of_run(self.folder.path).path
        self._cancel = asyncio.Event()
        self._current: StageRun | None = None
        self._accelerator: Accelerator | None = None
        self._settings = Settings()

    async def run(self) -> int:
        """Run what is left of the plan; returns the exit code. Refused when there is nothing."""
        with RunLock(self.folder.path):
            self._plan(self.folder.status())
            try:
                keep_reserve(self.folder.path)  # no place for it: then nothing is begun
                self._journal = Journal(self.folder)
                # As it is now: somebody may have decided it since.
                plan = self._plan(self._journal.status)
                self._log = TrainLog(self.folder.path)
            except BaseException:
                give_up_reserve(self.folder.path)
                raise
            return await self._run_to_an_end(plan)

    async def _run_to_an_end(self, plan: Plan) -> int:
        try:
            try:
                return await self._run_plan(plan)
            finally:
                if self._current is not None:
                    await self._current.abort()
        except (OSError, FolderError) as error:
            return self._own_trouble(error)
        finally:
            if self._accelerator is not None:
                self._accelerator.leave()
            give_up_reserve(self.folder.path)
            for close in (self._journal.close, self._log.close):
                try:
                    close()
                except OSError as error:
                    _say(f"{self.folder.run_id}: {error}")

    def ask_to_stop(self) -> None:
        """Cancel the run; a second time: do not wait for the child's patience to end."""
        if self._cancel.is_set() and self._current is not None and self._current.child is not None:
            self._current.child.hurry()
        self._cancel.set()

    # --- the plan -----------------------------------------------------------------

    def _plan(self, status: RunStatus | None) -> Plan:
        plan = self.folder.read("plan.json", Plan)
        if status is None:
            raise Refused(f"{self.folder.run_id} has no run-status.json: it was not made to be run")
        if status.phase.final:
            raise Refused(
                f"{self.folder.run_id} is {status.phase}, which is final. To try again: resume."
            )
        if all(_state(status, stage) in _TAKEN for stage in plan.stages):
            raise Refused(f"{self.folder.run_id}: every stage of its plan is done.")
        return plan

    async def _run_plan(self, plan: Plan) -> int:
        before = self._journal.status
        self._take_over(plan)
        self._accelerator = Accelerator(self._journal, self.workspace)
        pending = [s for s in plan.stages if _state(self._journal.status, s) not in _TAKEN]
        needing = [stage.name for stage in pending if stage.needs_accelerator]
        if needing:
            self._accelerator.ask(ready=pending[0].needs_accelerator)
        ready.tell(os.environ, "")  # who is launched later stands behind us
        await self._settle(before)
        self._provenance = ProvenanceKeeper(self.folder)
        target = (self.workspace / plan.target_dir).resolve()
        await asyncio.to_thread(self._provenance.describe, target)
        for stage in plan.stages:
            if _state(self._journal.status, stage) in _TAKEN:
                if stage.leaves is not None:
                    self._journal.move_to(stage.leaves)
                continue
            if stage.needs_accelerator:
                await self._accelerator.get(self._cancel, self._settings.patience)
            if self._cancel.is_set():
                return self._cancelled(None)
            code = await self._run_stage(plan, stage)
            if code is not None:
                return code
            if needing and stage.name == needing[-1]:
                self._accelerator.leave()
        self._finished()
        return DONE

    def _take_over(self, plan: Plan) -> None:
        """Write who supervises from here on."""
        me = myself()

        def change(status: RunStatus) -> None:
            status.supervisor = me
            status.started = status.started or utc_now()
            status.ended = None
            status.waiting_for = status.last_error = None
            for stage in plan.stages:
                status.stages.setdefault(stage.name, StageStatus())

        self._journal.update(change)

    async def _settle(self, before: RunStatus) -> None:
        """What a supervisor before us left behind: say so, and stop its orphans."""
        try:
            self._settings = load_settings(self.workspace)
        except SettingsError as error:
            self._journal.message("settings", f"{error} The defaults are used.", level="warning")
        if before.supervisor is not None:
            where = f" in stage {before.stage}" if before.stage else ""
            self._journal.message(
                "resumed",
                f"The supervisor before (process {before.supervisor.pid}) ended without a "
                f"word{where}; the run goes on in the same folder.",
            )
        await stop_orphans_of(self.folder, before, self._journal, self._settings.patience)

        def clear(status: RunStatus) -> None:
            status.child = None

        if before.child is not None:
            self._journal.update(clear)

    # --- one stage ----------------------------------------------------------------

    async def _run_stage(self, plan: Plan, stage: Stage) -> int | None:
        """Run a stage; an exit code when the run ends with it."""
        attempt = self._journal.status.stages[stage.name].attempts + 1
        refused = await asyncio.to_thread(refusal, self.folder.path, plan, stage)
        if refused is not None:
            self._enter(stage, attempt - 1)  # nothing of it was begun
            return self._not_started(stage, NOT_AGREED, refused)
        command = command_for(plan, stage, self.folder.path, resuming=attempt > 1)
        runner = self._current = StageRun(stage, command, self._journal, self._log, self._settings)
        self._enter(stage, attempt)
        try:
            child = runner.start()
        except StartError as error:
            text, fix = f"Stage {stage.name}: {error}", "Correct it, then: resume."
            why = LastError(stage=stage.name, message=text, fix=fix)
            return self._not_started(stage, "start", why)
        self._say_started(stage, command, child.pid, attempt)

        def running(status: RunStatus) -> None:
            status.child = child.identity

        self._journal.update(running)
        self._provenance.started(stage.name, command)
        outcome = await runner.finish(self._cancel)
        self._current = None
        if outcome.trouble is not None:
            raise outcome.trouble
        await asyncio.to_thread(self._provenance.hash_data)
        if outcome.state is StageState.DONE:
            await asyncio.to_thread(self._provenance.hash_adapters, stage)
        self._provenance.ended(stage.name, outcome.exit.code, runner.mlx)
        return self._after(stage, outcome)

    def _not_started(self, stage: Stage, code: str, error: LastError) -> int:
        self._journal.message(code, error.message, level="error", stage=stage.name)
        reason = error.message.removeprefix(f"Stage {stage.name}: ")
        nothing = Exit(None, None, None, 0.0)
        return self._failed(stage, Outcome(StageState.FAILED, nothing, reason=reason, error=error))

    def _enter(self, stage: Stage, attempt: int) -> None:
        def change(status: RunStatus) -> None:
            status.stage = stage.name
            status.child = None
            status.stages[stage.name] = StageStatus(
                state=StageState.RUNNING, started=utc_now(), attempts=attempt
            )

        self._journal.move_to(stage.enters or self._journal.status.phase, change)

    def _say_started(self, stage: Stage, command: Command, pid: int, attempt: int) -> None:
        step = newest_step(self.folder.path, stage) if attempt > 1 else None
        event = {
            "kind": "stage-start",
            "command": command.shown,
            "pid": pid,
            "attempt": attempt,
            "resumed_from_step": step,
        }
        self._journal.say(event, stage=stage.name)
        if attempt > 1 and stage.kind is StageKind.COMMAND:
            text = (
                f"{stage.name} is a command of your own: nothing of its earlier attempt is "
                "restored, it starts from the beginning unless it finds its own files."
            )
            self._journal.message("not-restored", text, level="warning", stage=stage.name)

    def _after(self, stage: Stage, outcome: Outcome) -> int | None:
        if outcome.state is StageState.CANCELLED:
            return self._cancelled((stage, outcome))
        if outcome.state is StageState.FAILED:
            return self._failed(stage, outcome)
        self._end_event(stage, outcome)
        self._journal.move_to(
            stage.leaves or self._journal.status.phase,
            lambda status: _note_end(status, stage, outcome),
        )
        return None

    # --- endings ------------------------------------------------------------------

    def _end_event(self, stage: Stage, outcome: Outcome) -> None:
        event = {
            "kind": "stage-end",
            "outcome": str(outcome.state),
            "duration_s": round(outcome.exit.duration_s, 3),
            "exit_code": outcome.exit.code,
            "signal": outcome.exit.signal,
            "reason": outcome.reason,
            "peak_tree_rss_bytes": outcome.peak_tree_rss_bytes,
            "peak_process_rss_bytes": outcome.exit.peak_process_rss_bytes,
            "peak_mlx_bytes": outcome.peak_mlx_bytes,
        }
        self._journal.append(event, stage=stage.name)
        self._journal.sync()

    def _failed(self, stage: Stage, outcome: Outcome) -> int:
        self._end_event(stage, outcome)

        def change(status: RunStatus) -> None:
            _note_end(status, stage, outcome)
            _note_run_end(status)
            status.last_error = outcome.error

        self._journal.move_to(Phase.FAILED, change)
        self._journal.sync()
        if outcome.error is not None:
            _say(outcome.error.message)
        return FAILED

    def _cancelled(self, last: tuple[Stage, Outcome] | None) -> int:
        if last is not None:
            self._end_event(*last)

        def change(status: RunStatus) -> None:
            if last is not None:
                _note_end(status, *last)
            _note_run_end(status)

        self._journal.move_to(Phase.CANCELLED, change)
        self._journal.sync()
        return CANCELLED

    def _finished(self) -> None:
        self._journal.update(_note_run_end)
        self._journal.sync()

    def _own_trouble(self, error: OSError | FolderError) -> int:
        """We cannot write, or the folder is gone: say so where it can still be said."""
        text = f"{self.folder.run_id}: the supervisor had to stop: {_words(error)}"
        give_up_reserve(self.folder.path)
        _say(text)

        def change(status: RunStatus) -> None:
            if status.stage is not None:
                one = status.stages.get(status.stage)
                if one is not None and one.state is StageState.RUNNING:
                    one.state, one.ended, one.reason = StageState.FAILED, utc_now(), str(error)
            _note_run_end(status)
            status.last_error = LastError(
                stage=status.stage, message=text, fix="Free some space, then: resume."
            )

        # The status first: events that still wait to be written would take the space of it.
        try:
            self._journal.move_to(Phase.FAILED, change)
        except (OSError, FolderError) as again:
            if self._journal.status.phase is not Phase.FAILED:
                _say(f"{self.folder.run_id}: nor could the status be written: {_words(again)}")
        with contextlib.suppress(OSError):  # into the file that is open, wherever it was moved
            self._journal.message("supervisor", text, level="error")
        return FAILED


def _state(status: RunStatus, stage: Stage) -> StageState:
    one = status.stages.get(stage.name)
    return one.state if one else StageState.PENDING


def _note_end(status: RunStatus, stage: Stage, outcome: Outcome) -> None:
    one = status.stages[stage.name]
    one.state = outcome.state
    one.ended = utc_now()
    one.exit_code = outcome.exit.code
    one.signal = outcome.exit.signal
    one.reason = outcome.reason
    one.peak_tree_rss_bytes = outcome.peak_tree_rss_bytes
    one.peak_process_rss_bytes = outcome.exit.peak_process_rss_bytes
    one.peak_mlx_bytes = outcome.peak_mlx_bytes
    status.child = None


def _note_run_end(status: RunStatus) -> None:
    status.ended = utc_now()
    status.supervisor = status.child = status.stage = status.waiting_for = None


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = f" ({Path(str(error.filename)).name})" if error.filename else ""
        return f"{error.strerror}{where}."
    return f"{error}."


def _say(text: str) -> None:
    """To stderr, which is supervisor.log; a full disk must not silence the rest."""
    try:
        print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}", file=sys.stderr)
        sys.stderr.flush()
    except OSError:
        return


async def _main(run: Path) -> int:
    supervisor = Supervisor(run)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.ask_to_stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    return await supervisor.run()


def main(arguments: list[str] | None = None) -> int:
    """Supervise the run folder that is named."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        _say("Give one run folder: python -m engine.supervise.supervisor RUN_DIR")
        return REFUSED
    try:
        return asyncio.run(_main(Path(arguments[0])))
    except (Refused, FolderError, OSError) as error:
        text = str(error)
        ready.tell(os.environ, text)
        _say(text)
        return REFUSED


if __name__ == "__main__":
    keep_private()
    sys.exit(main())
