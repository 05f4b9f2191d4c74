"""Why a stage failed, as a sentence that says what, where, and what to do. Pure."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

from engine.records.plan import StageKind
from engine.records.status import LastError
from engine.supervise.process import Exit

BAD_INPUT = 3
STOPPED_AFTER_SAVING = 4
"""Exit codes of our workers, see docs/architecture.md."""

_MEMORY_SIGNS = (
    "out of memory",
    "outofmemory",
    "insufficient memory",
    "cannot allocate memory",
    "memoryerror",
    "bad_alloc",
)
DISK_REASON = "wrote more to the disk than it may"

MAX_REASON = 4_000
"""Characters of a child's last error that the status keeps, which every list of runs reads; the
event has all of it."""

_TAIL_CHARS = 600
_LESS_MEMORY = (
    "Use a smaller batch_size or max_seq_len, turn on grad_checkpoint, or take a smaller or "
    "quantised model; and close what else uses memory."
)


@dataclass(frozen=True)
class Evidence:
    """What is known of a stage that did not end well."""

    stage: str
    kind: StageKind
    exit: Exit
    error_text: str | None
    """The child's last ``message`` of level error."""
    tail: Sequence[str]
    """The last clean lines that it printed."""
    short_of_memory: bool
    """Whether the machine had hardly any memory left when it was last looked at."""


def looks_out_of_memory(evidence: Evidence) -> bool:
    """Whether memory ran out, as far as the traces say."""
    if evidence.exit.signal == signal.SIGKILL and evidence.short_of_memory:
        return True
    return says_out_of_memory("\n".join([*evidence.tail, evidence.error_text or ""]))


def says_out_of_memory(text: str) -> bool:
    """Whether a program's last words are those of one that got no memory."""
    words = text.lower()
    return any(sign in words for sign in _MEMORY_SIGNS)


def explain(evidence: Evidence) -> LastError:
    """The error that the status shows."""
    message, fix = _ending(evidence), "Look at the end of train.log; then try again: resume."
    if evidence.error_text:
        message = f"Stage {evidence.stage}: {evidence.error_text}"
    elif evidence.tail and evidence.exit.code not in (STOPPED_AFTER_SAVING, None):
        last = " / ".join(line.strip() for line in evidence.tail if line.strip())
        message += f" Its last lines: {last[-_TAIL_CHARS:]}" if last else ""
    if looks_out_of_memory(evidence):
        fix = _LESS_MEMORY
    elif evidence.exit.code == BAD_INPUT and evidence.kind is not StageKind.COMMAND:
        fix = "Correct what the message names, and make a new run."
    elif evidence.exit.code in (126, 127):
        fix = "Check the command in plan.json: it was not found, or may not be executed."
    return LastError(stage=evidence.stage, message=message, fix=fix)


def _ending(evidence: Evidence) -> str:
    stage, ended = evidence.stage, evidence.exit
    if ended.signal is not None:
        name = _signal_name(ended.signal)
        if ended.signal == signal.SIGKILL:
            text = f"Stage {stage} was killed from outside ({name})"
            why = "most likely by the system, because memory ran out"
            return f"{text}, {why}." if evidence.short_of_memory else f"{text}."
        return f"Stage {stage} was ended by {name}."
    if ended.code is None:
        return f"Stage {stage} ended, and the system does not say how."
    if ended.code == STOPPED_AFTER_SAVING and evidence.kind is not StageKind.COMMAND:
        return f"Stage {stage} was stopped by a signal from outside; what it had is saved."
    return f"Stage {stage} ended with exit code {ended.code}."


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def where_to_write(missing: list[str]) -> str:
    """What to do about outputs that did not come."""
    if missing[0].startswith("adapters/"):
        return (
            "The candidate is evaluated from adapters/ in the run folder: let the command write "
            "there, as with --adapter-path {run}/adapters in its argv, and make a new run."
        )
    return "Correct the command, or the stage's outputs in the plan, and make a new run."


def way_out(reason: str) -> str:
    """What to do about a stage that was stopped at a limit, or for a loss that is no number."""
    if reason.startswith("reached its time limit"):
        return "Raise timeout_s of the stage, or make it smaller; resume goes on where it can."
    if reason.startswith(DISK_REASON):
        return "Let it write less, or raise disk_bytes of the stage, and make a new run."
    return "Lower the learning rate or add warmup, look at the data, and make a new run."
