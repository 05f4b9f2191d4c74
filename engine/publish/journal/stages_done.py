"""What was done in a run, in words: its stages, or what the records of another tool say."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.publish.markdown import clip, escape
from engine.publish.numbers import duration
from engine.records.plan import Stage, StageKind
from engine.records.status import StageState, StageStatus

_DONE = {
    StageKind.PRETRAIN: "made the base model",
    StageKind.CONVERT: "packed the base model",
    StageKind.DATA: "wrote the training and validation rows",
    StageKind.FUSE: "fused the adapter into the base",
    StageKind.REPORT: "wrote the report",
    StageKind.COMMAND: "ran a command of its own",
}
_STATES = {
    StageState.PENDING: "not begun",
    StageState.RUNNING: "begun, no end is recorded",
    StageState.DONE: "done",
    StageState.FAILED: "failed",
    StageState.CANCELLED: "cancelled",
    StageState.REUSED: "taken over from the parent run",
}


def done(contents: RunContents) -> list[str]:
    """A sentence each, escaped; none where nothing is known."""
    if contents.plan is not None:
        return [_stage(contents, one) for one in contents.plan.stages]
    if contents.status is not None and contents.status.stages:
        return [f"{escape(name)}: {_how(one)}." for name, one in contents.status.stages.items()]
    return list(_by_others(contents))


def _stage(contents: RunContents, stage: Stage) -> str:
    status = contents.status.stages.get(stage.name) if contents.status else None
    state = _how(status) if status else "planned, no state is recorded"
    return f"{escape(stage.name)}: {_words(contents, stage)}; {state}."


def _words(contents: RunContents, stage: Stage) -> str:
    if stage.kind is StageKind.TRAIN:
        config = contents.config
        method = escape(config.candidate.method) if config else "an adapter"
        iters = stage.spec.get("iters")
        return f"trained {method}" + (f", {iters:,} iterations" if type(iters) is int else "")
    if stage.kind is StageKind.EVAL:
        suites = stage.spec.get("suites")
        found = [one.get("name") for one in suites or () if isinstance(one, dict)]
        names = [escape(clip(one, 80)) for one in found if isinstance(one, str)]
        return f"scored {', '.join(names)}" if names else "scored the suites"
    return _DONE[stage.kind]


def _how(status: StageStatus) -> str:
    words = _STATES[status.state]
    if status.started is not None and status.ended is not None:
        words += f" in {duration((status.ended - status.started).total_seconds())}"
    if status.attempts > 1:
        words += f", at attempt {status.attempts}"
    if status.reason:
        words += f" ({escape(clip(status.reason, 300))})"
    return words


def _by_others(contents: RunContents) -> Iterator[str]:
    config = contents.config
    if config is not None:
        yield f"Trained {escape(config.candidate.method)} on {escape(config.base_model.id)}."
    for name, record in sorted(contents.evals.items()):
        count = f"{record.n:,} examples of " if record.n else ""
        yield f"Scored {count}{escape(record.suite)} ({escape(name)})."
