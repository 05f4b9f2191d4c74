"""The form of a decision, without a screen: what each decision asks for, and what is missing.

Pure. The folder is written by engine.decisions.deciding, which checks again and has the last say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.judge.gates import Gate
from engine.records.run import Confidence, Decision, DecisionKind, Override
from tui.views.plain import plain

MEANING: dict[DecisionKind, str] = {
    DecisionKind.SHIP: "good enough to be used",
    DecisionKind.REJECT: "not good enough; this way ends",
    DecisionKind.RETRY_DATA: "again with other training data",
    DecisionKind.RETRY_TRAINING: "again with other settings",
    DecisionKind.RETRY_EVAL: "the evaluation itself is wrong",
    DecisionKind.PARK: "not now; say what it waits for",
}

CONFIDENCES: dict[Confidence, str] = {
    Confidence.EXACT: "it was shown by an experiment or in the rows",
    Confidence.INFERRED: "it follows from what is recorded, but was not shown",
    Confidence.MISSING_EVIDENCE: "a guess: the evidence for it is missing",
    Confidence.NOT_APPLICABLE: "there was no failure",
}


@dataclass(frozen=True, slots=True)
class Question:
    """One field of the form."""

    name: str
    label: str
    hint: str
    required: bool


_REASON = "Why this decision, in a sentence that stands on the evidence."
_QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (
        Question("reason", "reason", _REASON, True),
        Question("failure_reason", "failure reason", "What made it fail.", True),
        Question("confidence", "how sure", "How sure you are of the failure reason.", True),
        Question("lesson", "lesson", "What the next run should know.", True),
        Question("next_action", "next action", "What happens now, and who does it.", False),
        Question("routing", "routing", "Where alone it may be used, since it forgot.", True),
        Question(
            "blocked_by", "blockers", "What it waits for, one a line or with ; between.", False
        ),
    )
}


def questions_for(
    kind: DecisionKind, *, needs_lesson: bool = True, forgot: bool = False
) -> list[Question]:
    """The fields that this decision needs, in the order in which they are asked.

    ``needs_lesson`` is whether anything but ship must say why it failed and what was learned (runs
    of ours must); ``forgot`` whether the breadth gate did not pass.
    """
    q = _QUESTIONS
    if kind is DecisionKind.SHIP:
        routing = [q["routing"]] if forgot else []
        return [q["reason"], *routing, replace(q["lesson"], required=False), q["next_action"]]
    asked = [q["reason"], q["failure_reason"], q["confidence"], q["lesson"]]
    if not needs_lesson:
        asked[1:] = [replace(question, required=False) for question in asked[1:]]
    if kind is DecisionKind.REJECT:
        return [*asked, q["next_action"]]
    if kind is DecisionKind.PARK:
        return [*asked, q["next_action"], replace(q["blocked_by"], required=True)]
    return [*asked, replace(q["next_action"], required=True), q["blocked_by"]]


@dataclass(slots=True)
class Form:
    """What was typed so far."""

    kind: DecisionKind
    questions: list[Question]
    answers: dict[str, str] = field(default_factory=dict)
    whys: dict[str, str] = field(default_factory=dict)
    """Gate name to why it is shipped over."""
    typed_name: str = ""
    """The run's name, typed again to ship over a gate."""

    def problems(self, run_id: str, gates: Sequence[Gate]) -> dict[str, str]:
        """Field name to what is wrong with it; empty when the record can be written.

        ``gates`` are those that fail or cannot be decided.
        """
        found = {
            question.name: f"{question.label.capitalize()} is needed. {question.hint}"
            for question in self.questions
            if question.required and not self.answers.get(question.name, "").strip()
        }
        if self.kind is DecisionKind.SHIP and gates:
            for gate in gates:
                if not self.whys.get(gate.name, "").strip():
                    found[f"why:{gate.name}"] = f"Say why {gate.title} may be shipped over."
            if self.typed_name.strip() != run_id:
                found["typed_name"] = f"Type {plain(run_id)} to ship although a gate did not pass."
        return found

    def record(self, gates: Sequence[Gate], evidence: Sequence[str]) -> Decision:
        """The record as it would be written. ValueError where `problems` is not empty."""
        shipping = self.kind is DecisionKind.SHIP
        overrides = [
            Override(gate=gate.name, verdict=gate.verdict.value, why=self.whys[gate.name])
            for gate in gates
            if shipping and self.whys.get(gate.name, "").strip()
        ]
        asked = {question.name for question in self.questions}
        answers = {name: text for name, text in self.answers.items() if name in asked}
        confidence = answers.get("confidence") or None
        return Decision(
            decision=self.kind,
            reason=answers.get("reason", "").strip(),
            failure_reason=_text(answers, "failure_reason"),
            failure_reason_confidence=(
                Confidence.NOT_APPLICABLE
                if shipping
                else None
                if confidence is None
                else Confidence(confidence)
            ),
            lesson=_text(answers, "lesson"),
            next_action=_text(answers, "next_action"),
            evidence_sources=list(evidence),
            blocked_by=_several(answers.get("blocked_by", "")),
            overrides=overrides,
        )

    @property
    def typed_anything(self) -> bool:
        """Whether leaving the form would lose something."""
        texts = [*self.answers.values(), *self.whys.values(), self.typed_name]
        return any(text.strip() for text in texts)


def _several(text: str) -> list[str]:
    """The entries of a field that holds several: one a line, or with ; between."""
    parts = (part.strip() for line in text.splitlines() for part in line.split(";"))
    return [part for part in parts if part]


def _text(answers: Mapping[str, str], name: str) -> str | None:
    return answers.get(name, "").strip() or None
