"""Events folded into what a screen (or ``watch``) shows of a run. Pure: no I/O, no own clock.

Events come as plain dicts, as they stand in ``events.jsonl``, and may be of any shape: a value of
the wrong kind counts as absent, and nothing here raises for it. What is kept is bounded, however
long the run: points by ``series.MAX_POINTS`` for each metric, all else by the constants below.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from engine.live.measurement import epoch
from engine.live.pace import Pace
from engine.live.projected import CheckpointView, ExampleView, MessageView, StageView, SuiteView
from engine.live.series import Series

MAX_EXAMPLES = 200
"""Kept examples of each outcome: the newest that failed, and the newest that passed."""
MAX_MESSAGES = 500
MAX_ATTEMPTS = 64
"""Attempts of a stage whose start is kept."""
MAX_CHECKPOINTS = 2_000
MAX_NAMES = 256
"""Metric names kept for each stage, and stages, suites and records kept for each run."""
MAX_TEXT = 4_000

MEMORY = "tree_rss_bytes"
"""The name under which samples of the process tree's memory stand among a stage's series."""


class RunProjection:
    """A run as its events tell it. Feed it events in order with ``apply`` or ``apply_all``."""

    def __init__(self, stages: Iterable[str] = ()) -> None:
        """``stages`` are the plan's names, so that those not begun are there as pending."""
        self.stages: dict[str, StageView] = {}
        self.run_id: str | None = None
        self.threshold: dict[str, Any] = {}
        self.phase: str | None = None
        self.stage: str | None = None
        """The stage that runs or ran last."""
        self.position: int | None = None
        self.waiting_for: str | None = None
        self.decision: str | None = None
        self.first_t: float | None = None
        self.last_t: float | None = None
        self.last_seq = -1
        self.counts: Counter[str] = Counter()
        self.suites: dict[tuple[str, str], SuiteView] = {}
        self.failing: deque[ExampleView] = deque(maxlen=MAX_EXAMPLES)
        self.passing: deque[ExampleView] = deque(maxlen=MAX_EXAMPLES)
        self.messages: deque[MessageView] = deque(maxlen=MAX_MESSAGES)
        self.checkpoints: deque[CheckpointView] = deque(maxlen=MAX_CHECKPOINTS)
        self.records: dict[str, float | None] = {}
        self.available_bytes: int | None = None
        self.swap_used_bytes: int | None = None
        self.plan_stages(stages)

    def plan_stages(self, names: Iterable[str]) -> None:
        """Put the plan's stages in their order, keeping what is known of them."""
        known = self.stages
        self.stages = {name: known.get(name) or StageView(name) for name in names}
        self.stages.update((name, one) for name, one in known.items() if name not in self.stages)

    # --- folding ------------------------------------------------------------------

    def apply_all(self, events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            self.apply(event)

    def apply(self, event: dict[str, Any]) -> None:
        """Fold one event. Kinds that are not known are counted and otherwise ignored."""
        kind = event.get("kind")
        if not isinstance(kind, str):
            return
        if kind in _FOLDS or len(self.counts) < MAX_NAMES:
            self.counts[kind] += 1
        t = epoch(event.get("t"))
        if t is not None:
            self.first_t = t if self.first_t is None else self.first_t
            self.last_t = t if self.last_t is None else max(t, self.last_t)
        seq = event.get("seq")
        if type(seq) is int:
            self.last_seq = seq
        fold = _FOLDS.get(kind)
        if fold is not None:
            fold(self, event, t)

    def _stage(self, event: dict[str, Any], t: float | None) -> StageView | None:
        """The stage of an event, its clock moved on to the event's time."""
        name = event.get("stage")
        if not isinstance(name, str):
            return None
        stage = self.stages.get(name)
        if stage is None:
            if len(self.stages) >= MAX_NAMES:
                return None
            stage = self.stages[name] = StageView(name)
        if t is not None and stage.state == "running" and stage.started is not None:
            # A clock that was set back must not make the curve run backwards.
            stage.last = t
            stage.spent_s = max(stage.spent_s, stage.base_s + t - stage.started)
        return stage

    def _run_created(self, event: dict[str, Any], t: float | None) -> None:
        self.run_id = _text(event.get("run_id")) or None
        threshold = event.get("threshold")
        self.threshold = threshold if isinstance(threshold, dict) else {}
        self.phase = self.phase or "created"

    def _phase(self, event: dict[str, Any], t: float | None) -> None:
        self.phase = _text(event.get("to_phase")) or self.phase

    def _queued(self, event: dict[str, Any], t: float | None) -> None:
        position = number(event.get("position"))
        self.position = None if position is None else int(position)
        self.waiting_for = _text(event.get("waiting_for")) or None

    def _stage_start(self, event: dict[str, Any], t: float | None) -> None:
        stage = self._stage(event, None)
        if stage is None:
            return
        self.stage = stage.name
        self.position = self.waiting_for = None
        stage.state = "running"
        stage.reason = stage.exit_code = None
        stage.attempt = int(number(event.get("attempt")) or stage.attempt + 1)
        stage.started, stage.last, stage.base_s = t, t, stage.spent_s
        if t is not None:
            stage.attempts = [*stage.attempts[1 - MAX_ATTEMPTS :], (t, stage.base_s)]
        stage.pace = Pace()
        resumed = number(event.get("resumed_from_step"))
        stage.resumed_from_step = None if resumed is None else int(resumed)
        if stage.attempt > 1:
            # An evaluation that starts again scores its examples again.
            for key in [key for key in self.suites if key[0] == stage.name]:
                del self.suites[key]

    def _stage_end(self, event: dict[str, Any], t: float | None) -> None:
        stage = self._stage(event, t)
        if stage is None:
            return
        duration = number(event.get("duration_s"))
        if duration is not None:
            stage.spent_s = stage.base_s + max(0.0, duration)
        stage.state = _text(event.get("outcome")) or "done"
        stage.reason = _text(event.get("reason")) or None
        code = number(event.get("exit_code"))
        stage.exit_code = None if code is None else int(code)
        for name in ("peak_tree_rss_bytes", "peak_process_rss_bytes", "peak_mlx_bytes"):
            peak = number(event.get(name))
            if peak is not None:
                setattr(stage, name, int(peak))

    def _metric(self, event: dict[str, Any], t: float | None) -> None:
        stage = self._stage(event, t)
        values = event.get("values")
        if stage is None or not isinstance(values, dict):
            return
        step = number(event.get("step"))
        if step is None:
            step = stage.step
        tokens = number(values.get("tokens"))
        stage.tokens = stage.tokens if tokens is None else tokens
        stage.step = step
        for name, raw in values.items():
            value = measured(raw)
            if value is not None:
                self._point(stage, name, step, value)
        peak = number(values.get("mlx_peak_bytes"))
        if peak is not None:
            stage.peak_mlx_bytes = max(int(peak), stage.peak_mlx_bytes or 0)

    def _point(self, stage: StageView, name: str, step: float, value: float) -> None:
        series = stage.series.get(name)
        if series is None:
            if len(stage.series) >= MAX_NAMES:
                return
            series = stage.series[name] = Series()
        series.add(step, stage.tokens, stage.spent_s, value)

    def _progress(self, event: dict[str, Any], t: float | None) -> None:
        stage = self._stage(event, t)
        done = number(event.get("done"))
        if stage is None or done is None:
            return
        unit = _text(event.get("unit")) or "steps"
        stage.pace.mark(stage.spent_s, done, number(event.get("total")), unit)

    def _memory(self, event: dict[str, Any], t: float | None) -> None:
        stage = self._stage(event, t)
        used = number(event.get("tree_rss_bytes"))
        available, swap = number(event.get("available_bytes")), number(event.get("swap_used_bytes"))
        self.available_bytes = None if available is None else int(available)
        self.swap_used_bytes = None if swap is None else int(swap)
        if stage is None or used is None:
            return
        stage.peak_tree_rss_bytes = max(int(used), stage.peak_tree_rss_bytes or 0)
        self._point(stage, MEMORY, stage.step, used)

    def _example(self, event: dict[str, Any], t: float | None) -> None:
        stage = self._stage(event, t)
        score = number(event.get("score"))
        if stage is None or score is None:
            return
        name = _text(event.get("suite"))
        suite = self.suites.get((stage.name, name))
        if suite is None:
            if len(self.suites) >= MAX_NAMES:
                return
            suite = self.suites[stage.name, name] = SuiteView(stage.name, name)
        correct = event.get("correct") is True
        suite.n += 1
        suite.correct += correct
        suite.total_score += score
        suite.graded = suite.graded or score != float(correct)
        (self.passing if correct else self.failing).append(
            ExampleView(
                stage=stage.name,
                suite=name,
                id=_text(event.get("id")),
                score=score,
                correct=correct,
                prompt=_text(event.get("prompt")),
                expected=_text(event.get("expected")),
                got=_text(event.get("got")),
                error=_text(event.get("error")) or None,
                number=self.counts["example"],
            )
        )

    def _checkpoint(self, event: dict[str, Any], t: float | None) -> None:
        stage = self._stage(event, t)
        step = number(event.get("step"))
        if stage is None or step is None:
            return
        self.checkpoints.append(
            CheckpointView(
                stage.name,
                step,
                _text(event.get("path")),
                _text(event.get("reason")),
                number(event.get("val_loss")),
            )
        )

    def _message(self, event: dict[str, Any], t: float | None) -> None:
        self._stage(event, t)
        level = _text(event.get("level"))
        new = MessageView(
            t=t,
            stage=_text(event.get("stage")),
            level=level if level in ("info", "warning", "error") else "info",
            code=_text(event.get("code")),
            text=_text(event.get("text")),
        )
        last = self.messages[-1] if self.messages else None
        if last and (last.stage, last.code, last.text) == (new.stage, new.code, new.text):
            last.times += 1
            return
        self.messages.append(new)

    def _record(self, event: dict[str, Any], t: float | None) -> None:
        self._stage(event, t)
        file = _text(event.get("file"))
        if file and (file in self.records or len(self.records) < MAX_NAMES):
            self.records[file] = t

    def _decided(self, event: dict[str, Any], t: float | None) -> None:
        self.decision = _text(event.get("decision")) or None
        if self.decision is not None and event.get("routed") is True:
            self.decision += " routed"

    def _withdrawn(self, event: dict[str, Any], t: float | None) -> None:
        self.decision = _text(event.get("stands")) or None

    # --- questions ----------------------------------------------------------------

    @property
    def running(self) -> StageView | None:
        """The stage that runs, as far as the events say."""
        stage = self.stages.get(self.stage) if self.stage else None
        return stage if stage is not None and stage.state == "running" else None

    def charted(self) -> list[str]:
        """The stages that have a loss, or else any metric but memory, in the plan's order."""
        with_loss = [s.name for s in self.stages.values() if _LOSSES & s.series.keys()]
        if with_loss:
            return with_loss
        return [s.name for s in self.stages.values() if s.series.keys() - {MEMORY}]

    def examples(self, limit: int = 2 * MAX_EXAMPLES) -> list[ExampleView]:
        """Scored examples of the newest stage that has any: failing first, the newest first."""
        newest = max(
            (side[-1] for side in (self.failing, self.passing) if side),
            key=lambda example: example.number,
            default=None,
        )
        if newest is None:
            return []
        found = [one for one in reversed(self.failing) if one.stage == newest.stage]
        found += [one for one in reversed(self.passing) if one.stage == newest.stage]
        return found[:limit]


_LOSSES = frozenset({"loss", "val_loss"})

_FOLDS: dict[str, Callable[[RunProjection, dict[str, Any], float | None], None]] = {
    "run-created": RunProjection._run_created,
    "phase": RunProjection._phase,
    "queued": RunProjection._queued,
    "stage-start": RunProjection._stage_start,
    "stage-end": RunProjection._stage_end,
    "metric": RunProjection._metric,
    "progress": RunProjection._progress,
    "memory": RunProjection._memory,
    "example": RunProjection._example,
    "checkpoint": RunProjection._checkpoint,
    "message": RunProjection._message,
    "record": RunProjection._record,
    "decided": RunProjection._decided,
    "decision-withdrawn": RunProjection._withdrawn,
}


def number(value: object) -> float | None:
    """A finite number, or None for anything else."""
    if type(value) is int or type(value) is float:
        try:
            plain = float(value)
        except OverflowError:
            return None
        return plain if math.isfinite(plain) else None
    return None


def measured(value: object) -> float | None:
    """A metric's value: NaN for "nan", "inf" and "-inf", None for what was not measured."""
    if value in ("nan", "inf", "-inf"):
        return math.nan
    return number(value)


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""
