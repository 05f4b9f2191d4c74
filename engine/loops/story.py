"""The events of a loop folded into what a screen asks of them. Pure; events may be of any shape.

The records of an iteration say what a step concluded. When a step began, which run it waits for
and what was said on the way stand in the events alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.live.measurement import epoch

MAX_MESSAGES = 200
MAX_TEXT = 4_000


@dataclass(frozen=True, slots=True)
class StepTime:
    """When a step began, in its last sitting, and when it was done: seconds since the epoch."""

    began: float | None
    ended: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a person should read."""

    iteration: int
    level: str
    code: str
    text: str
    t: float | None


class LoopStory:
    """A loop as its events tell it. Feed it events in order."""

    def __init__(self) -> None:
        self.sitting: float | None = None
        """When the runner began that runs or ran last."""
        self.steps: dict[int, dict[str, StepTime]] = {}
        """The steps of each iteration, by their names."""
        self.runs: dict[int, str] = {}
        """The newest run of each iteration: from the moment that it is created."""
        self.gold: str | None = None
        """The run that opens gold, from the moment that it is created."""
        self.said: deque[Said] = deque(maxlen=MAX_MESSAGES)

    def apply_all(self, events: Iterable[Mapping[str, Any]]) -> None:
        for event in events:
            self.apply(event)

    def apply(self, event: Mapping[str, Any]) -> None:
        """Fold one event; what is not known, or of the wrong kind, is passed by."""
        kind, number, t = event.get("kind"), event.get("iteration"), epoch(event.get("t"))
        if kind == "loop-running":
            self.sitting = t
        if type(number) is not int:
            return
        if kind in ("step-start", "step-end"):
            self._step(number, event.get("step"), t, kind == "step-end")
        elif kind in ("run-created", "run-taken-over"):
            run = event.get("run")
            if isinstance(run, str):
                self.runs[number] = run
        elif kind == "gold":
            run = event.get("run")
            self.gold = run if isinstance(run, str) else None
        elif kind == "message":
            level, text = event.get("level"), event.get("text")
            code = event.get("code")
            if isinstance(text, str):
                self.said.append(
                    Said(
                        number,
                        level if isinstance(level, str) else "info",
                        code if isinstance(code, str) else "",
                        text[:MAX_TEXT],
                        t,
                    )
                )

    def _step(self, number: int, name: object, t: float | None, ended: bool) -> None:
        if not isinstance(name, str):
            return
        steps = self.steps.setdefault(number, {})
        began = steps[name].began if ended and name in steps else t
        steps[name] = StepTime(began, t if ended else None)
