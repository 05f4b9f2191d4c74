"""What a run cost, and what its answers cost: time, tokens a second, memory. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.checks.contents import RunContents
from engine.judge.gates import BASELINE, CANDIDATE
from engine.judge.states import Value, delta_of, value_of
from engine.publish.numbers import NOT_RECORDED, duration
from engine.records.evaluation import EvalResult
from engine.records.plan import StageKind


@dataclass(frozen=True, slots=True)
class Cost:
    """One row, each value as it is shown."""

    name: str
    baseline: str
    candidate: str
    delta: str


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    field: str
    unit: str
    decimals: int = 0


_KINDS = (
    _Kind("One answer asked alone, median", "latency.median_ms", "ms"),
    _Kind("One answer asked alone, 95th percentile", "latency.p95_ms", "ms"),
    _Kind("Tokens a second of one answer", "latency.tokens_per_second", "tok/s"),
    _Kind("Latency in batches, an upper bound", "latency_ms", "ms"),
    _Kind("Generated tokens a second", "tokens_per_second", "tok/s"),
    _Kind("Time of the evaluation", "duration_s", "s", 1),
    _Kind("Peak memory of the process", "peak_rss_mb", "MB"),
    _Kind("Peak memory of MLX", "mlx_peak_mb", "MB"),
)


def costs(contents: RunContents) -> list[Cost]:
    """The costs of the primary suite's answers, before and after, and the time of training."""
    before, after = contents.evals.get(BASELINE), contents.evals.get(CANDIDATE)
    found = [_cost(kind, before, after) for kind in _KINDS]
    trained = duration(training_seconds(contents))
    return [*found, Cost("Time of training", "not applicable", trained, "not applicable")]


def _cost(kind: _Kind, before: EvalResult | None, after: EvalResult | None) -> Cost:
    old, new = value_of(before, kind.field), value_of(after, kind.field)
    return Cost(
        kind.name, _shown(old, kind), _shown(new, kind), _shown(delta_of(old, new), kind, sign="+")
    )


def _shown(value: Value, kind: _Kind, sign: str = "") -> str:
    number = value.number
    if number is None:
        return value.absent_text or NOT_RECORDED
    text = f"{number:{sign},.{kind.decimals}f} {kind.unit}"
    return f"{text} ({value.mark})" if value.mark else text


def samples(contents: RunContents) -> Iterator[str]:
    """On which prompts latency was measured, a sentence for each record that has it."""
    for side, file in (("baseline", BASELINE), ("candidate", CANDIDATE)):
        record = contents.evals.get(file)
        if record is not None and record.latency is not None:
            one = record.latency
            yield (
                f"Latency of the {side}: one request at a time, {one.n} prompts ({one.sample}, "
                f"sha256 {one.sample_sha256[:12]})."
            )


def training_seconds(contents: RunContents) -> float | None:
    """The time of the training stages, each from its start to its end; None where one is not
    known, or was started more than once: what lay between is no work."""
    if contents.status is None:
        return None
    planned = contents.plan.stages if contents.plan else []
    kinds = {stage.name: stage.kind for stage in planned}
    total, found = 0.0, False
    for name, stage in contents.status.stages.items():
        if kinds.get(name, name) != StageKind.TRAIN:
            continue
        if stage.started is None or stage.ended is None or stage.attempts > 1:
            return None
        total, found = total + (stage.ended - stage.started).total_seconds(), True
    return total if found else None
