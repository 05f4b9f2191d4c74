"""One stage of a run while it runs: starts its child, listens, watches, stops it, says how it went.

Watches are looked at every ``Settings.sample_s``: memory of the process tree, silence, the time
limit, and whether the run folder is still there. Durations are monotonic: setting the clock
neither ends a stage nor makes it silent.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.folder import FolderError
from engine.live.sign_rules import is_loss
from engine.records.events import decode_number
from engine.records.plan import Stage, StageKind
from engine.records.status import LastError, StageState
from engine.secrecy import StreamHider
from engine.supervise.awake import WakingClock, slept_words
from engine.supervise.child_events import ChildEvents
from engine.supervise.command import Command, fill
from engine.supervise.disk_quota import DiskQuota, limited
from engine.supervise.failure import (
    DISK_REASON,
    MAX_REASON,
    Evidence,
    explain,
    looks_out_of_memory,
    way_out,
    where_to_write,
)
from engine.supervise.journal import Journal
from engine.supervise.machine import MachineWatch
from engine.supervise.memory import Sample
from engine.supervise.process import STREAMS, Child, Exit, Stream
from engine.supervise.reader import Reader
from engine.supervise.settings import Settings
from engine.supervise.train_log import LogStream, TrainLog

TAIL_LINES = 12
SAME_SHARE = 0.005
SAME_FOR_S = 5.0
"""A memory sample within SAME_SHARE of the last written one is written only after SAME_FOR_S."""


@dataclass
class Outcome:
    """How a stage ended: for the stage-end event and the stage's status."""

    state: StageState
    exit: Exit
    reason: str | None = None
    error: LastError | None = None
    peak_tree_rss_bytes: int | None = None
    peak_mlx_bytes: int | None = None
    trouble: Exception | None = None
    """Our own trouble (a full disk, a run folder that is gone), which ended the stage."""


@dataclass
class _Seen:
    """What the child told so far."""

    error_text: str | None = None
    peak_mlx: int | None = None
    mlx: dict[str, Any] = field(default_factory=dict)
    important: bool = False
    """A checkpoint or record was told of, and is not yet forced to the disk."""


class StageRun:
    """Runs one stage once."""

    def __init__(
        self, stage: Stage, command: Command, journal: Journal, log: TrainLog, settings: Settings
    ) -> None:
        self.stage = stage
        self.child: Child | None = None
        self._command = command
        self._journal = journal
        self._log = log
        self._settings = settings
        self._foreign = foreign = stage.kind is StageKind.COMMAND
        self._readers: dict[LogStream, Reader] = {
            "stdout": Reader(metrics=foreign, wanted=_wanted(stage)),
            "stderr": Reader(metrics=foreign, wanted=_wanted(stage)),
        }
        self._hider = StreamHider(command.secrets)
        self._quota: DiskQuota | None = None
        self._events = ChildEvents()
        self._refusal_said = False
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._seen = _Seen()
        self._stop_reason: str | None = None
        self._stopped_by_us = False
        self._stop_wanted = asyncio.Event()
        self._clock = WakingClock()
        self._heard = self._clock.now()
        self._quiet_cpu: float | None = None
        self._silent = False
        self._machine = MachineWatch(journal.folder.path, settings)
        self._peak_tree: int | None = None
        self._sample: Sample | None = None
        self._written: tuple[float, int] = (-math.inf, 0)

    @property
    def mlx(self) -> dict[str, Any]:
        """What the child said of MLX (its ``message`` of code mlx)."""
        return self._seen.mlx

    def start(self) -> Child:
        """Start the child; StartError when it cannot be."""
        argv, limit = self._command.argv, self.stage.disk_bytes
        if limit is not None:
            folders = [Path(fill(one, self._command.places)) for one in self.stage.disk_dirs]
            self._quota = DiskQuota(folders, limit)
            argv = limited(argv, limit)
        self.child = Child.start(
            argv,
            cwd=self._command.cwd,
            env=self._command.env,
            consumer=self._consume,
            umask=self._command.umask,
        )
        return self.child

    async def finish(self, cancel: asyncio.Event) -> Outcome:
        """Until the child ended; stops it when ``cancel`` is set, a limit is reached or we fail."""
        child = self.child
        if child is None:
            raise RuntimeError("finish() before start()")
        ended = asyncio.ensure_future(child.wait())
        watch = asyncio.ensure_future(self._watch(child))
        wishes = [asyncio.ensure_future(event.wait()) for event in (cancel, self._stop_wanted)]
        try:
            waited: set[asyncio.Future[Any]] = {ended, watch, child.trouble, *wishes}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                self._stopped_by_us = True
                await child.stop(self._settings.patience)
            result = await ended
        finally:
            for task in (watch, *wishes, ended):
                task.cancel()
        trouble = child.trouble.result() if child.trouble.done() else _trouble_of(watch)
        if trouble is None:
            try:
                self._close_streams(result)
            except OSError as error:
                trouble = error
        return self._outcome(result, cancelled=cancel.is_set(), trouble=trouble)

    async def abort(self) -> None:
        """Stop a child that ``finish`` did not see to its end, because we failed meanwhile."""
        if self.child is not None and not self.child.ended:
            await self.child.stop(self._settings.patience)
            await self.child.wait()

    # --- what the child says ------------------------------------------------------

    def _consume(self, stream: Stream, data: bytes) -> None:
        self._heard = self._clock.now()
        self._silent, self._quiet_cpu = False, None
        self._take_in(stream, self._hider.feed(stream, data))

    def _take_in(self, stream: Stream, data: bytes) -> None:
        """Write down, and understand, what a child said; no secret is in it any more."""
        if stream == "events":
            for event in self._events.feed(data):
                self._take(event)
            self._say_refusal()
        else:
            self._log.write(self.stage.name, stream, data)
            reading = self._readers[stream].feed(data)
            self._tail.extend(reading.lines[-TAIL_LINES:])
            for event in reading.events:
                self._take(event)
        self._journal.flush()
        if self._seen.important:
            self._seen.important = False
            self._journal.sync()

    def _close_streams(self, result: Exit) -> None:
        for stream in STREAMS:
            if rest := self._hider.close(stream):
                self._take_in(stream, rest)
        for event in self._events.close():
            self._take(event)
        for reader in self._readers.values():
            reading = reader.close()
            self._tail.extend(reading.lines[-TAIL_LINES:])
            for event in reading.events:
                self._take(event)
        if result.leftovers:
            count = result.leftovers
            what = "a process" if count == 1 else f"{count} processes"
            text = f"Stage {self.stage.name} left {what} running; stopped."
            self._journal.message("orphan", text, level="warning", stage=self.stage.name)
        self._journal.flush()
        self._log.sync()

    def _take(self, event: dict[str, Any]) -> None:
        self._journal.append(event, stage=self.stage.name)
        kind = event["kind"]
        if kind == "metric":
            self._look_at_metric(event)
        elif kind in ("checkpoint", "record"):
            self._seen.important = True
        elif kind == "message":
            if event.get("level") == "error":
                self._seen.error_text = event["text"][:MAX_REASON]
            if event["code"] == "mlx":
                self._seen.mlx.update(_details(event))

    def _look_at_metric(self, event: dict[str, Any]) -> None:
        values = event["values"]
        peak = values.get("mlx_peak_bytes")
        if isinstance(peak, int | float):
            self._seen.peak_mlx = max(self._seen.peak_mlx or 0, int(peak))
        if not self.stage.stop_on_nan or self._stop_wanted.is_set():
            return
        for name, value in values.items():
            if not is_loss(name) or not isinstance(value, float | int | str):
                continue
            if not _finite(value):
                reason = f"{name} became {value} at step {event['step']}"
                text = (
                    f"{reason}: the stage is stopped. A smaller learning rate, warmup or "
                    "gradient clipping usually helps; look at the rows of that step as well."
                )
                self._message("nan-loss", text, "error")
                self._stop(reason)
                return

    def _say_refusal(self) -> None:
        if self._events.refused and not self._refusal_said:
            self._refusal_said = True
            text = (
                f"Stage {self.stage.name} sent a line over the event pipe that is no event of a "
                "child (kinds, fields: engine/records/events.py); such lines are left out."
            )
            self._message("bad-event", text, "warning")

    # --- what we watch ------------------------------------------------------------

    async def _watch(self, child: Child) -> None:
        began = self._clock.now()
        while True:
            self._look_at_memory(child)
            self._look_at_silence()
            limit = self.stage.timeout_s
            if limit is not None and self._clock.now() - began >= limit:
                reason = f"reached its time limit of {limit:g} s"
                self._message("time-limit", f"Stage {self.stage.name} {reason}.", "error")
                self._stop(reason)
                return
            if self._quota and (grown := await asyncio.to_thread(self._quota.look)):
                reason = f"{DISK_REASON}: {grown:,} bytes, of {self._quota.limit:,} allowed"
                self._message("disk-quota", f"Stage {self.stage.name} {reason}.", "error")
                self._stop(reason)
                return
            if not self._journal.folder.file("run-status.json").exists():
                path = self._journal.folder.file("run-status.json")
                raise FolderError(path, "is gone: the run folder was moved or deleted meanwhile")
            self._journal.tick()
            if missed := await self._clock.sleep(self._settings.sample_s):
                self._message("slept", slept_words(missed), "info")

    def _look_at_memory(self, child: Child) -> None:
        sample = self._sample = child.tree.sample()
        if not sample.processes:
            return
        size = sample.tree_rss_bytes
        self._peak_tree = max(self._peak_tree or 0, size)
        now, (written, last) = self._clock.now(), self._written
        if abs(size - last) > SAME_SHARE * last or now - written >= SAME_FOR_S:
            self._written = (now, size)
            self._journal.say(sample.event(), stage=self.stage.name)
        for trouble in self._machine.look(sample):
            self._message(trouble.code, trouble.text, trouble.level)

    @property
    def _short_of_memory(self) -> bool:
        share = self._sample.available_share if self._sample else None
        return share is not None and share < self._settings.memory_pressure_share

    def _look_at_silence(self) -> None:
        limit = self.stage.silence_s
        if limit is None or self._silent:
            return
        quiet = self._clock.now() - self._heard
        cpu = self._sample.cpu_s if self._sample else 0.0
        if self._quiet_cpu is None:
            self._quiet_cpu = cpu
        if quiet < limit:
            return
        self._silent = True
        busy = max(0.0, cpu - self._quiet_cpu)
        what = "it computes" if busy > 0.1 * quiet else "it hardly computes: it waits for something"
        text = f"No output for {quiet:.0f} s; in that time it used {busy:.1f} s of CPU ({what})."
        self._message("silence", text, "warning")

    # --- ending -------------------------------------------------------------------

    def _message(self, code: str, text: str, level: str) -> None:
        self._journal.message(code, text, level=level, stage=self.stage.name)

    def _stop(self, reason: str) -> None:
        self._stop_reason = reason
        self._stop_wanted.set()

    def _outcome(self, result: Exit, *, cancelled: bool, trouble: Exception | None) -> Outcome:
        outcome = Outcome(
            StageState.DONE,
            result,
            peak_tree_rss_bytes=self._peak_tree,
            peak_mlx_bytes=self._seen.peak_mlx,
            trouble=trouble,
        )
        name = self.stage.name
        if trouble is not None:
            outcome.state, outcome.reason = StageState.FAILED, str(trouble)
        elif self._stop_reason is not None:
            outcome.state, outcome.reason = StageState.FAILED, self._stop_reason
            text = f"Stage {name} was stopped: {self._stop_reason}."
            outcome.error = LastError(stage=name, message=text, fix=way_out(self._stop_reason))
        elif result.code == 0 and not (self._stopped_by_us and self._foreign):
            self._check_outputs(outcome)
        elif cancelled:
            # A foreign command may end with 0 when it is interrupted; a worker of ours does not.
            outcome.state, outcome.reason = StageState.CANCELLED, "cancelled"
        else:
            self._explain(outcome)
        return outcome

    def _check_outputs(self, outcome: Outcome) -> None:
        folder = self._journal.folder
        missing = [name for name in self.stage.outputs if not folder.file(name).exists()]
        if missing:
            names = ", ".join(missing)
            outcome.state = StageState.FAILED
            outcome.reason = f"ended without writing {names}"
            outcome.error = LastError(
                stage=self.stage.name,
                message=f"Stage {self.stage.name} ended well (exit code 0) but did not write "
                f"{names} into the run folder.",
                fix=where_to_write(missing),
            )

    def _explain(self, outcome: Outcome) -> None:
        evidence = Evidence(
            stage=self.stage.name,
            kind=self.stage.kind,
            exit=outcome.exit,
            error_text=self._seen.error_text,
            tail=tuple(self._tail),
            short_of_memory=self._short_of_memory,
        )
        outcome.state = StageState.FAILED
        outcome.error = explain(evidence)
        outcome.reason = outcome.error.message
        if looks_out_of_memory(evidence):
            self._message("oom", f"{outcome.reason} {outcome.error.fix}", "error")


def _trouble_of(watch: asyncio.Future[None]) -> Exception | None:
    if not watch.done() or watch.cancelled():
        return None
    error = watch.exception()
    return error if isinstance(error, Exception) else None


def _finite(value: float | str) -> bool:
    try:
        return math.isfinite(decode_number(value))  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return True  # words of a foreign program are no number that went wrong


def _details(event: dict[str, Any]) -> dict[str, Any]:
    """The details of a message: under ``details``, or beside its own fields."""
    details = event.get("details")
    if isinstance(details, dict):
        return details
    own = ("kind", "level", "code", "text", "seq", "t", "stage")
    return {key: value for key, value in event.items() if key not in own}


def _wanted(stage: Stage) -> list[tuple[str, str]]:
    """Name and pattern of each metric that the stage's spec asks for."""
    metrics = stage.spec.get("metrics")
    pairs = [
        (one.get("name"), one.get("pattern")) for one in metrics or () if isinstance(one, dict)
    ]
    return [(str(name), str(pattern)) for name, pattern in pairs if name and pattern]
