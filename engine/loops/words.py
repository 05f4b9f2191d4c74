"""Where a loop is, in words: the same for the command line and the screen."""

from __future__ import annotations

from engine.loops.launch import alive
from engine.records.loop import LoopPhase, LoopStatus


def state_words(status: LoopStatus, clock: str | None = None) -> str:
    """Where a loop is. ``clock`` is how long the step at hand has taken, as people read it.

    The reason is as it was recorded: whoever draws it makes it harmless.
    """
    state = alive(status)
    if state == "running" and status.iteration == 0:
        return "it begins"
    if state == "running":
        step = f"iteration {status.iteration}, {status.step or 'begins'}"
        return f"{step} {clock}" if clock and status.step else step
    if state == "dead":
        return f"its runner died {place_words(status)}; resume it"
    if status.phase is LoopPhase.CREATED:
        return "made and not started; resume it"
    reason = f": {status.reason}" if status.reason else ""
    return f"{status.phase}{reason}"


def place_words(status: LoopStatus) -> str:
    """Where in its course a loop is: "in iteration 3 (train)"."""
    if status.iteration == 0:
        return "before its first iteration"
    step = f" ({status.step})" if status.step else ""
    return f"in iteration {status.iteration}{step}"
