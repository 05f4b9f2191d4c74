"""What is asked in Serve: the prompt that is typed, and what goes before it. Plain values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.answers.target_suites import TargetSuite
from engine.judge.suites import Example
from tui.views.cells import Cell
from tui.views.plain import fit, plain

Message = dict[str, Any]
MAX_HISTORY = 50
MAX_KEPT = 4_000
"""Longer prompts are asked, but not kept for the next start."""


@dataclass(frozen=True, slots=True)
class Picked:
    """An example of a suite that was taken as prompt: its other turns, its tools, its answer."""

    suite: TargetSuite
    example: Example

    @property
    def prompt(self) -> str:
        return self.example.prompt


@dataclass(frozen=True, slots=True)
class Question:
    """``text`` is what the person typed; ``system`` the system prompt, None for none."""

    text: str
    system: str | None = None
    picked: Picked | None = None

    @property
    def expected(self) -> str | None:
        """The right answer, while the prompt is still that of the example."""
        return self.picked.example.expected if self.picked is not None else None

    @property
    def tools(self) -> tuple[dict[str, Any], ...]:
        return self.picked.example.tools if self.picked is not None else ()

    def messages(self) -> list[Message]:
        """The turns that are sent: an example's own around what was typed."""
        turns: list[Message] = []
        if self.picked is None:
            turns = [{"role": "user", "content": self.text}]
        else:
            given = [one for one in self.picked.example.messages if one["role"] != "system"]
            last = max(at for at, one in enumerate(given) if one["role"] == "user")
            turns = [*given[:last], {**given[last], "content": self.text}, *given[last + 1 :]]
        if self.system:
            turns.insert(0, {"role": "system", "content": self.system})
        return turns

    def typed(self, text: str) -> Question:
        """With another text: what was expected of the example is not expected of that."""
        if self.picked is not None and text != self.picked.prompt:
            return replace(self, text=text, picked=None)
        return replace(self, text=text)


def question_of(suite: TargetSuite, example: Example) -> Question:
    """An example as a question; its system prompt is that of its suite."""
    system = next(
        (str(one["content"]) for one in example.messages if one["role"] == "system"), None
    )
    picked = Picked(suite, example)
    return Question(picked.prompt, system, picked)


def expected_cells(question: Question, width: int) -> list[Cell] | None:
    """What is expected, and by whom; None where nothing is."""
    picked = question.picked
    if picked is None:
        return None
    suite, example = picked.suite, picked.example
    where = f"{suite.suite.name} ─ {example.id} ─ {suite.suite.scorer}"
    others = len([one for one in example.messages if one["role"] != "system"]) - 1
    more = f" · {others} other turns go with it" if others else ""
    more += f" · {len(example.tools)} tools" if example.tools else ""
    tail = f"  {plain(where, clip=80)}{more}"
    room = max(12, width - len(tail) - 10)
    return [
        Cell("expected  ", "muted"),
        Cell(fit(plain(example.expected, clip=600), room).rstrip(), "good"),
        Cell(tail, "muted"),
    ]


def example_line(suite: TargetSuite, example: Example, clip: int = 600) -> str:
    """An example in a list to pick from."""
    slice_ = f" · {example.slice}" if example.slice else ""
    text = f"{suite.suite.name}{slice_} · {example.prompt} → {example.expected}"
    return plain(text, clip=clip)


def with_prompt(history: list[str], text: str) -> list[str]:
    """The history, newest last, with a prompt that was asked."""
    kept = [one for one in history if one != text]
    return [*kept, text][-MAX_HISTORY:]
