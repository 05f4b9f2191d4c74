"""The form of a decision: six keys, then only what the chosen decision needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.judge.gates import BREADTH_DROP, Gate
from engine.records.run import Decision, DecisionKind
from tui.views.cells import Cell
from tui.views.decision_form import CONFIDENCES, KEYS, MEANING, Form, questions_for
from tui.views.evidence_view import Evidence
from tui.views.plain import fit, plain
from tui.widgets.field import Field
from tui.widgets.tones import lines, paint

_OVERRIDE = (
    "Choose another decision, or say for each gate why it may be shipped over, and type the run's "
    "name. That stays in the record."
)
_NO_OVERRIDE = (
    "Not all of this is a gate, so it cannot be overridden: mend it (v says how) or choose another "
    "decision."
)


_OF_FAILURE = ("failure reason", "how sure")
"""What a record of a ship has no use for."""


class KindRow(Static):
    """One of the six decisions; a click chooses it."""

    ALLOW_SELECT = False

    @dataclass
    class Chosen(Message):
        kind: DecisionKind

    def __init__(self, key: str, kind: DecisionKind) -> None:
        super().__init__(classes="kind")
        self.kind = kind
        self._key = key

    def draw(self, *, chosen: bool, refused: bool) -> None:
        """Show whether it is the chosen one, and whether a gate stands against it."""
        self.set_class(chosen, "-chosen")
        against = Cell("✘ refused; s says why", "bad") if refused else None
        self.update(
            paint(
                Cell("› " if chosen else "  ", "accent"),
                Cell(self._key, "accent"),
                Cell("  " + fit(self.kind.value, 15), "strong"),
                against or Cell(MEANING[self.kind], "muted"),
            )
        )

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self.kind))


class DecisionPane(VerticalScroll, can_focus=False):
    """The draft of a decision, or the record of a run that was decided."""

    DEFAULT_CLASSES: ClassVar[str] = "decision-pane"

    def __init__(self, run_id: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run_id = run_id
        self._evidence: Evidence | None = None
        self.form: Form | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="kinds"):
            for key, kind in KEYS.items():
                yield KindRow(key, kind)
        yield Static(id="hint")
        yield Vertical(id="fields")

    def on_mount(self) -> None:
        self._draw_kinds()
        self.query_one("#hint", Static).update(
            Content.styled("Press a key to decide. Nothing is written before you see it.", "$muted")
        )

    @property
    def unpassed(self) -> list[Gate]:
        """The gates that fail or cannot be decided."""
        return self._evidence.unpassed if self._evidence else []

    @property
    def overridden(self) -> list[Gate]:
        """The gates that the form asks to be shipped over."""
        shipping = self.form is not None and self.form.kind is DecisionKind.SHIP
        return self.unpassed if shipping else []

    async def put(self, evidence: Evidence) -> None:
        """What is decided on: says whether ship is refused, or shows the decision that was made."""
        self._evidence = evidence
        if evidence.decision is not None:
            await self._show_record(evidence.decision)
            return
        self._draw_kinds()
        if evidence.draft.closed:
            closed = Content.styled(plain(evidence.draft.closed), "$warning")
            self.query_one("#hint", Static).update(closed)

    @property
    def _refusals(self) -> tuple[str, ...]:
        return self._evidence.draft.ship_refusals if self._evidence else ()

    def _draw_kinds(self) -> None:
        chosen = self.form.kind if self.form else None
        self.set_class(chosen is not None, "-filling")
        for row in self.query(KindRow):
            refused = row.kind is DecisionKind.SHIP and bool(self._refusals)
            row.draw(chosen=row.kind is chosen, refused=refused)

    # --- choosing and filling in --------------------------------------------------

    async def choose(self, kind: DecisionKind) -> None:
        """Ask what this decision needs; what was typed for another is kept where it fits."""
        old = self.form
        evidence = self._evidence
        if evidence is None:
            return
        questions = questions_for(
            kind,
            needs_lesson=evidence.draft.needs_lesson,
            forgot=any(gate.name == BREADTH_DROP for gate in evidence.unpassed),
        )
        if kind is DecisionKind.SHIP and self._refusals and not evidence.draft.can_override:
            questions = []
        self.form = Form(kind, questions)
        if old is not None:
            self.form.answers, self.form.whys = old.answers, old.whys
        self._draw_kinds()
        fields = self.query_one("#fields")
        async with fields.batch():
            await fields.remove_children()
            await fields.mount_all([*self._refusal(), *self._questions()])
        self.query_one("#hint", Static).update(
            Content.assemble(
                ("^s", "$accent"),
                ("  see the record    ", "$muted"),
                ("esc", "$accent"),
                ("  leave the fields", "$muted"),
            )
        )
        for field in self.query(Field).results():
            field.entry.focus()
            break

    def _refusal(self) -> list[Static | Field]:
        """Why ship is refused, and what overriding asks for."""
        form, evidence = self.form, self._evidence
        if form is None or evidence is None or form.kind is not DecisionKind.SHIP:
            return []
        if not self._refusals:
            return []
        text = [Content.styled("Ship is refused:", "bold $error")]
        text += [paint(Cell("✘ ", "bad"), plain(reason)) for reason in self._refusals]
        can = evidence.draft.can_override
        text.append(Content.styled(_OVERRIDE if can else _NO_OVERRIDE, "$muted"))
        widgets: list[Static | Field] = [Static(lines(text), classes="refusal")]
        if not can:
            return widgets
        widgets += [
            Field(
                f"why:{gate.name}",
                f"why ship over “{gate.title}”",
                "What makes this gate wrong here.",
                value=form.whys.get(gate.name, ""),
                required=True,
            )
            for gate in self.unpassed
        ]
        hint = f"Type {plain(self._run_id)}"
        widgets.append(Field("typed_name", "the run's name, to confirm", hint, required=True))
        return widgets

    def _questions(self) -> list[Field]:
        if self.form is None:
            return []
        answers = self.form.answers
        options = {str(confidence): what for confidence, what in CONFIDENCES.items()}
        return [
            Field(
                question.name,
                question.label,
                question.hint,
                value=answers.get(question.name, ""),
                required=question.required,
                options=options if question.name == "confidence" else None,
            )
            for question in self.form.questions
        ]

    @on(Field.Changed)
    def _filled_in(self, event: Field.Changed) -> None:
        event.stop()
        form = self.form
        if form is None:
            return
        if event.name.startswith("why:"):
            form.whys[event.name.removeprefix("why:")] = event.value
        elif event.name == "typed_name":
            form.typed_name = event.value
        else:
            form.answers[event.name] = event.value
        for field in self.query(Field):
            if field.key == event.name:
                field.complain(None)

    def check(self) -> bool:
        """Say at each field what is missing; whether nothing is."""
        if self.form is None or not self.form.questions:
            return False
        problems = self.form.problems(self._run_id, self.unpassed)
        wrong = []
        for field in self.query(Field):
            field.complain(problems.get(field.key))
            if field.key in problems:
                wrong.append(field)
        if wrong:
            wrong[0].entry.focus()
            wrong[0].scroll_visible()
        return not problems

    # --- decided ------------------------------------------------------------------

    async def _show_record(self, decision: Decision) -> None:
        """Show a decision that was made; it cannot be changed."""
        self.form = None
        self.set_class(True, "-decided")
        self.query_one("#kinds").display = False
        self.query_one("#hint", Static).update(
            Content.assemble(
                ("This run is decided, and that stays. A further try is a new run: ", "$muted"),
                ("N", "$accent"),
                (" in the list of runs.", "$muted"),
            )
        )
        fields = self.query_one("#fields")
        await fields.remove_children()
        await fields.mount_all(_record_lines(decision))


def _record_lines(decision: Decision) -> list[Static]:
    when = f"{decision.decided:%Y-%m-%d %H:%M} UTC" if decision.decided else "not recorded"
    entries = [
        ("decision", decision.decision.value),
        ("reason", decision.reason),
        ("failure reason", decision.failure_reason),
        ("how sure", decision.failure_reason_confidence),
        ("lesson", decision.lesson),
        ("next action", decision.next_action),
        ("blockers", "; ".join(decision.blocked_by) or None),
        ("evidence", ", ".join(decision.evidence_sources) or None),
        ("decided", when),
    ]
    entries += [
        (f"overridden: {override.gate} ({override.verdict})", override.why)
        for override in decision.overrides
    ]
    if decision.decision is DecisionKind.SHIP:
        entries = [(label, value) for label, value in entries if value or label not in _OF_FAILURE]
    return [
        Static(
            lines(
                [
                    paint(Cell(plain(label), "muted")),
                    Content(plain(value, clip=4000))
                    if value
                    else paint(Cell("not recorded", "muted")),
                ]
            ),
            classes="record-entry",
        )
        for label, value in entries
    ]
