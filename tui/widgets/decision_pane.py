"""The form of a decision: six keys, then only what the chosen decision needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from engine.judge.gates import BREADTH_DROP, Gate
from engine.records.run import DecisionKind
from tui.bindings import caption_in
from tui.views.cells import Cell
from tui.views.decision_draft import Draft, Drafts, said
from tui.views.decision_form import CONFIDENCES, MEANING, Form, questions_for
from tui.views.evidence_view import Evidence
from tui.views.plain import fit, plain
from tui.widgets.decision_record import record_entries
from tui.widgets.field import Field
from tui.widgets.refusal import refusal_block
from tui.widgets.tones import paint

_OVERRIDE = (
    "Choose another decision, or say for each gate why it may be shipped over, and type the run's "
    "name. That stays in the record."
)
_NO_OVERRIDE = (
    "Not all of this is a gate, so it cannot be overridden: mend it (v says how) or choose another "
    "decision."
)


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

    def draw(self, *, chosen: bool, refused: bool, draft: str | None) -> None:
        """Show whether it is the chosen one, whether a gate stands against it, and its draft."""
        self.set_class(chosen, "-chosen")
        note = Cell(MEANING[self.kind], "muted")
        if draft is not None:
            note = Cell(f"✎ {draft}", "accent")
        elif refused:
            note = Cell(f"✘ refused; {self._key.strip()} says why", "bad")
        self.update(
            paint(
                Cell("› " if chosen else "  ", "accent"),
                Cell(self._key, "accent"),
                Cell("  " + fit(self.kind.value, 15), "strong"),
                note,
            )
        )

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self.kind))


class DecisionPane(VerticalScroll, can_focus=False):
    """The draft of a decision, or the record of a run that was decided."""

    DEFAULT_CLASSES: ClassVar[str] = "decision-pane"

    @dataclass
    class Typed(Message):
        """A field of the form has another text: there is something to keep."""

    def __init__(self, run_id: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._run_id = run_id
        self._evidence: Evidence | None = None
        self.form: Form | None = None
        self.drafts: Drafts = {}
        self.new_view = False
        """Whether the run is decided and a decision that supersedes is being written."""

    def compose(self) -> ComposeResult:
        with Vertical(id="kinds"):
            captions = [caption_in(self.app, f"decide.choose-{kind.value}") for kind in MEANING]
            width = max(map(len, captions))
            for caption, kind in zip(captions, MEANING, strict=True):
                yield KindRow(caption.rjust(width), kind)
        yield Static(id="hint")
        yield Vertical(id="fields")

    def on_mount(self) -> None:
        self._draw_kinds()
        self._hint("Press a key to decide. Nothing is written before you see it.")

    @property
    def unpassed(self) -> list[Gate]:
        """The gates that fail or cannot be decided."""
        return self._evidence.unpassed if self._evidence else []

    @property
    def overridden(self) -> list[Gate]:
        """The gates that the form asks to be shipped over."""
        shipping = self.form is not None and self.form.kind is DecisionKind.SHIP
        return self.unpassed if shipping else []

    async def put(self, evidence: Evidence, *, undoable: bool = False) -> None:
        """What is decided on: says whether ship is refused, or shows the decision that was made.

        ``undoable`` is whether that one can still be taken back here.
        """
        self._evidence = evidence
        if evidence.decision is not None and not self.new_view:
            await self._show_record(undoable)
        elif self.form is None:
            await self._show_kinds()
        else:
            self._draw_kinds()

    def _hint(self, text: str, style: str = "$muted") -> None:
        self.query_one("#hint", Static).update(Content.styled(text, style))

    @property
    def _refusals(self) -> tuple[str, ...]:
        return self._evidence.draft.ship_refusals if self._evidence else ()

    def _draw_kinds(self) -> None:
        chosen = self.form.kind if self.form else None
        self.set_class(chosen is not None, "-filling")
        now = datetime.now(UTC)
        for row in self.query(KindRow):
            refused = row.kind is DecisionKind.SHIP and bool(self._refusals)
            draft = self.drafts.get(row.kind)
            row.draw(
                chosen=row.kind is chosen,
                refused=refused,
                draft=said(draft, now) if draft is not None else None,
            )

    async def _show_kinds(self) -> None:
        """The six decisions, none of them chosen yet."""
        evidence = self._evidence
        self.set_class(False, "-decided")
        self.can_focus = False
        self.query_one("#kinds").display = True
        self.scroll_home(animate=False)
        await self.query_one("#fields").remove_children()
        self._draw_kinds()
        if evidence is None:
            return
        if self.new_view and evidence.decision is not None:
            was = evidence.decision.decision.value
            self._hint(
                f"A new view: it supersedes “{was}”, which is kept beside it. Press a key to "
                "decide; esc goes back to the record.",
                "$accent",
            )
        elif evidence.draft.closed:
            self._hint(plain(evidence.draft.closed), "$warning")
        else:
            self._hint("Press a key to decide. Nothing is written before you see it.")

    # --- choosing and filling in --------------------------------------------------

    async def choose(self, kind: DecisionKind) -> None:
        """Ask what this decision needs.

        What was typed for it before is there again; else what was typed for another, where it fits.
        """
        old, evidence = self.form, self._evidence
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
        draft = self.drafts.get(kind)
        if draft is not None:
            self.form.answers, self.form.whys = dict(draft.answers), dict(draft.whys)
        elif old is not None:
            self.form.answers, self.form.whys = dict(old.answers), dict(old.whys)
        self._draw_kinds()
        fields = self.query_one("#fields")
        async with fields.batch():
            await fields.remove_children()
            await fields.mount_all([*self._refusal(), *self._questions()])
        keys: list[tuple[str, str]] = [
            (caption_in(self.app, "decide.write"), "$accent"),
            ("  see the record    ", "$muted"),
        ]
        keys += [("esc", "$accent"), ("  leave the fields", "$muted")]
        if draft is not None:
            keys = [(f"✎ {said(draft, datetime.now(UTC))}    ", "$accent"), *keys]
        self.query_one("#hint", Static).update(Content.assemble(*keys))
        for field in self.query(Field).results():
            field.entry.focus()
            break

    def _refusal(self) -> list[Static | Field]:
        """Why ship is refused, what to do about it, and what overriding asks for."""
        form, evidence = self.form, self._evidence
        if form is None or evidence is None or form.kind is not DecisionKind.SHIP:
            return []
        if not self._refusals:
            return []
        can = evidence.draft.can_override
        widgets: list[Static | Field] = [
            refusal_block(
                "Ship is refused:",
                self._refusals,
                evidence.draft.ways_out if not can else (),
                _OVERRIDE if can else _NO_OVERRIDE,
            )
        ]
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
        self.drafts[form.kind] = Draft(datetime.now(UTC), dict(form.answers), dict(form.whys))
        if self.drafts[form.kind].empty:
            del self.drafts[form.kind]
        self.post_message(self.Typed())

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

    async def refuse(self, reasons: Sequence[str], ways_out: Sequence[str]) -> None:
        """List why nothing was written, each reason with its way out, above the fields."""
        await self.query(".-written").remove()
        block = refusal_block("Nothing was written:", reasons, ways_out, "")
        block.add_class("-written")
        fields = self.query_one("#fields")
        await fields.mount(block, before=0 if fields.children else None)
        block.scroll_visible()

    # --- decided ------------------------------------------------------------------

    async def start_new_view(self) -> None:
        """Offer the six decisions again; the one that is there is superseded by what is chosen."""
        self.new_view, self.form = True, None
        await self._show_kinds()

    async def leave_new_view(self) -> None:
        """Back to the record that counts."""
        self.new_view = False
        await self._show_record(False)

    async def _show_record(self, undoable: bool) -> None:
        """Show a decision that was made; it cannot be changed."""
        evidence = self._evidence
        self.form = None
        self._draw_kinds()
        self.set_class(True, "-decided")
        self.can_focus = True  # there is no field in it, and it may be longer than the pane
        self.query_one("#kinds").display = False
        self.scroll_home(animate=False)
        fields = self.query_one("#fields")
        await fields.remove_children()
        if evidence is None or evidence.decision is None:
            return
        parts = [("This run is decided, and that stays. ", "$muted")]
        if undoable:
            parts = [
                ("This run is decided. ", "$muted"),
                (caption_in(self.app, "decide.take_back"), "$accent"),
                (" takes it back while you are here; then it stays. ", "$strong"),
            ]
        parts.append((caption_in(self.app, "decide.new_view"), "$accent"))
        parts.append((" writes a new view, which names this one.", "$muted"))
        if self.drafts:
            newest = max(self.drafts.values(), key=lambda draft: draft.saved)
            parts.append((f" ✎ {said(newest, datetime.now(UTC))}", "$accent"))
        self.query_one("#hint", Static).update(Content.assemble(*parts))
        await fields.mount_all(
            record_entries(evidence.decision, evidence.contents.superseded, evidence.routing)
        )
