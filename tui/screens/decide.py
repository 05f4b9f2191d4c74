"""Decide: the evidence of a run on the left, the form of its decision on the right."""

from __future__ import annotations

import json

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.deciding import OverrideRequest, Refused, decide
from engine.folder import FolderError
from engine.records.run import Decision, DecisionKind
from tui.acting import attempt, say
from tui.bindings import bindings_for
from tui.screens.base import RoomScreen
from tui.styles import style_paths
from tui.views.evidence_view import Evidence, load_evidence
from tui.views.plain import plain
from tui.widgets.confirm import Confirm
from tui.widgets.decision_pane import DecisionPane, KindRow
from tui.widgets.evidence_pane import EvidencePane
from tui.widgets.key_bar import KeyBar
from tui.widgets.record_dialog import RecordDialog
from tui.widgets.top_bar import TopBar


class DecideScreen(RoomScreen):
    """One run, judged. Ship is refused while a gate fails or cannot be decided."""

    ROOM = "decide"
    CSS_PATH = style_paths("decide")
    BINDINGS = bindings_for("decide")
    AUTO_FOCUS = "#evidence"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._evidence: Evidence | None = None

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "decide", plain(self.run_id))
        with Horizontal(id="sides"):
            yield EvidencePane(id="evidence")
            yield DecisionPane(self.run_id or "", id="form")
        yield KeyBar("decide")

    def on_mount(self) -> None:
        self._load()

    def on_screen_resume(self) -> None:
        if self._evidence is not None and self.query_one(DecisionPane).form is None:
            self._load()

    @work(thread=True, exclusive=True, group="load")
    def _load(self) -> None:
        try:
            evidence = load_evidence(self.run_path)
        except FolderError as error:
            text = f"{plain(str(error))}. Go back (esc) and look whether the run is still there."
            self.call_later(self.query_one(EvidencePane).fail, text)
        else:
            self.call_later(self._take, evidence)

    async def _take(self, evidence: Evidence) -> None:
        self._evidence = evidence
        await self.query_one(EvidencePane).put(evidence)
        pane = self.query_one(DecisionPane)
        await pane.put(evidence)
        phase = evidence.contents.phase
        state = str(phase) if phase else "made by another tool"
        if evidence.decision is not None:
            state = f"decided: {evidence.decision.decision.value}"
        self.query_one(TopBar).put("factory", "decide", plain(self.run_id), right=state)

        self.refresh_bindings()

    # --- the form -----------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A run that was decided is only shown: its footer offers nothing that would change it."""
        decided = self._evidence is not None and self._evidence.decision is not None
        return not (decided and action in ("choose", "write"))

    @on(KindRow.Chosen)
    async def _kind_clicked(self, event: KindRow.Chosen) -> None:
        await self.action_choose(event.kind.value)

    async def action_choose(self, kind: str) -> None:
        """Choose a decision and ask what it needs."""
        evidence = self._evidence
        if evidence is None:
            say(self, "The evidence is still being read.")
        elif evidence.decision is not None:
            say(self, f"{self.run_id} is decided already; a further try is a new run.")
        elif evidence.draft.closed:
            say(self, evidence.draft.closed, "warning")
        else:
            await self.query_one(DecisionPane).choose(DecisionKind(kind))

    def action_write(self) -> None:
        """Show the record; writing it is one key further."""
        pane = self.query_one(DecisionPane)
        evidence = self._evidence
        form = pane.form
        if evidence is None or form is None:
            say(self, "Choose a decision first: s, x, a, t, e or p.")
            return
        if not pane.check():
            return
        record = form.record(pane.overridden, evidence.draft.evidence)
        override = (
            OverrideRequest(
                form.typed_name,
                " ".join(one.why for one in record.overrides),
                form.answers.get("routing", "").strip() or None,
            )
            if pane.overridden
            else None
        )
        shown = record.model_dump(mode="json", exclude={"decided"})
        text = json.dumps(shown, indent=2, ensure_ascii=False)

        def answered(write: bool | None) -> None:
            if write:
                self._write(record, override)

        self.app.push_screen(RecordDialog(f"decision.json of {plain(self.run_id)}", text), answered)

    @work(thread=True, group="write")
    def _write(self, record: Decision, override: OverrideRequest | None) -> None:
        written: list[Decision | Refused] = []
        if not attempt(self, lambda: written.append(decide(self.run_path, record, override)), ""):
            return
        if isinstance(written[0], Refused):
            text = "Nothing was written. " + " ".join(written[0].reasons)
            self.app.call_from_thread(say, self, text, "error")
            return
        self.app.call_from_thread(say, self, f"Decided: {record.decision.value}.")
        self._load()

    async def action_leave(self) -> None:
        """Out of a field; then, once nothing is lost by it, back."""
        pane = self.query_one(DecisionPane)
        focused = self.focused
        if focused is not None and pane in focused.ancestors:
            self.query_one(EvidencePane).focus()
            return
        if pane.form is None or not pane.form.typed_anything:
            await self.factory.action_back()
            return

        async def answered(yes: bool | None) -> None:
            if yes:
                await self.factory.action_back()

        await self.app.push_screen(
            Confirm(
                "Leave without deciding?",
                "What you typed is in no file yet and would be lost.",
                "Leave",
                "Stay",
            ),
            answered,
        )
