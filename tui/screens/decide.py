"""Decide: the evidence of a run on the left, the form of its decision on the right."""

from __future__ import annotations

import json
from threading import Lock
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.decisions.deciding import OverrideRequest, Refused, as_written, make_decision, rehearse
from engine.decisions.withdrawing import Receipt, withdraw
from engine.folder import FolderError
from engine.records.run import Decision, DecisionKind
from tui.acting import ask, attempt, hand_over, say, still_at
from tui.bindings import bindings_for, caption_in
from tui.drafts import DraftFile
from tui.screens.base import RoomScreen
from tui.screens.panes import Edge
from tui.styles import style_paths
from tui.views.evidence_view import Evidence, load_evidence
from tui.views.live_view import AWAITING, TO_DECIDE
from tui.views.plain import plain
from tui.widgets.decision_pane import DecisionPane, KindRow
from tui.widgets.evidence_pane import EvidencePane
from tui.widgets.key_bar import KeyBar
from tui.widgets.record_dialog import RecordDialog
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from textual.timer import Timer

    from tui.views.decision_draft import Drafts

KEEP_AFTER_S = 0.6
"""How long after the last key a draft is written to its file."""


class DecideScreen(RoomScreen):
    """One run, judged. Ship is refused while a gate fails or cannot be decided.

    What was typed is kept as a draft from one visit to the next. A decision that was written here
    can be taken back until the screen is left; after that it is final, and only a new view, which
    names it, takes its place.
    """

    ROOM = "decide"
    CSS_PATH = style_paths("decide")
    BINDINGS = bindings_for("decide")
    EDGES = (Edge("#form", "left"), Edge("#form", "top"))
    AUTO_FOCUS = "#evidence"

    def __init__(self, run_id: str | None = None) -> None:
        super().__init__(run_id)
        self._pane = DecisionPane(run_id or "", id="form")
        self._evidence: Evidence | None = None
        self._receipt: Receipt | None = None
        self._kind_back: DecisionKind | None = None
        """The decision whose form is opened again once it was taken back."""
        self._drafts_before: Drafts = {}
        """The drafts as they were when the decision was written, for taking it back."""
        self._to_keep: Drafts | None = None
        self._keep_timer: Timer | None = None
        self._keep_lock = Lock()

    def compose(self) -> ComposeResult:
        yield TopBar("factory", "decide", plain(self.run_id))
        with Horizontal(id="sides"):
            yield EvidencePane(id="evidence")
            yield self._pane
        yield KeyBar("decide")

    def on_mount(self) -> None:
        self._load(drafts=True)

    def on_screen_resume(self) -> None:
        if self._evidence is not None and self._pane.form is None:
            self._load()

    def on_unmount(self) -> None:
        self._keep_now()

    @work(thread=True, exclusive=True, group="load")
    def _load(self, drafts: bool = False) -> None:
        kept, problem = self._draft_file.read() if drafts else (None, None)
        try:
            evidence = load_evidence(self.run_path)
        except FolderError as error:
            text = f"{plain(str(error))}. Go back (esc) and look whether the run is still there."
            hand_over(self, self.call_later, self._cannot_read, text)
        else:
            hand_over(self, self.call_later, self._take, evidence, kept)
        if problem is not None:
            self.app.call_from_thread(say, self, problem, "warning")

    async def _cannot_read(self, text: str) -> None:
        await self.query_one(EvidencePane).fail(text)

    async def _take(self, evidence: Evidence, drafts: Drafts | None) -> None:
        self._evidence = evidence
        if drafts is not None:
            self._pane.drafts = drafts
        await self.query_one(EvidencePane).put(evidence)
        await self._pane.put(evidence, undoable=self._receipt is not None)
        if self._kind_back is not None and (evidence.decision is None or self._pane.new_view):
            await self._pane.choose(self._kind_back)
        self._kind_back = None
        self._say_state()

    def _say_state(self) -> None:
        evidence = self._evidence
        if evidence is None:
            return
        phase = evidence.contents.phase
        state = str(phase) if phase else "made by another tool"
        if phase in AWAITING:
            state = TO_DECIDE
        if evidence.decision is not None:
            state = f"decided: {evidence.decided_as}"
        if self._pane.new_view:
            state += " · a new view"
        self.query_one(TopBar).put("factory", "decide", plain(self.run_id), right=state)
        self.refresh_bindings()

    # --- drafts -------------------------------------------------------------------

    @property
    def _draft_file(self) -> DraftFile:
        return DraftFile(self.factory.workspace, self.run_id or "")

    @on(DecisionPane.Typed)
    def _typed(self) -> None:
        self._keep_later()

    def _keep_later(self) -> None:
        self._to_keep = dict(self._pane.drafts)
        if self._keep_timer is not None:
            self._keep_timer.stop()
        self._keep_timer = self.set_timer(KEEP_AFTER_S, self._keep)

    def _keep_at_once(self) -> None:
        """What is kept once the screen was left, and its timers are gone."""
        self._to_keep = dict(self._pane.drafts)
        self._keep()

    @work(thread=True, group="keep")
    def _keep(self) -> None:
        problem = self._keep_now()
        if problem is not None:
            self.app.call_from_thread(say, self, problem, "warning")

    def _keep_now(self) -> str | None:
        """Write the newest drafts; older ones that come late find nothing left to write."""
        with self._keep_lock:
            drafts, self._to_keep = self._to_keep, None
            return None if drafts is None else self._draft_file.write(drafts)

    # --- the form -----------------------------------------------------------------

    @property
    def _read_only(self) -> bool:
        decided = self._evidence is not None and self._evidence.decision is not None
        return decided and not self._pane.new_view

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A run that was decided is only shown: its footer offers nothing that would change it."""
        if action in ("choose", "write"):
            return not self._read_only
        if action == "take_back":
            return self._receipt is not None
        if action == "new_view":
            return self._read_only
        return True

    @on(KindRow.Chosen)
    async def _kind_clicked(self, event: KindRow.Chosen) -> None:
        await self.action_choose(event.kind.value)

    async def action_choose(self, kind: str) -> None:
        """Choose a decision and ask what it needs."""
        evidence = self._evidence
        if evidence is None:
            say(self, "The evidence is still being read.")
            return
        drafted = evidence.draft
        closed = drafted.closed_to_new_view if self._pane.new_view else drafted.closed
        if closed:
            say(self, closed, "warning")
        else:
            await self._pane.choose(DecisionKind(kind))

    async def action_new_view(self) -> None:
        """Decide a decided run anew: the record will name the one that it supersedes."""
        evidence = self._evidence
        if evidence is None:
            return
        if evidence.draft.closed_to_new_view:
            say(self, evidence.draft.closed_to_new_view, "warning")
            return
        await self._pane.start_new_view()
        self._say_state()

    def action_flips(self) -> None:
        """The examples that the candidate answers better or worse than the baseline."""
        from tui.screens.examples import open_examples

        if self.run_id is None:
            return
        if self._evidence is None or not self._evidence.flips:
            say(self, "No example is known to have changed between baseline and candidate.")
        else:
            open_examples(self.factory, self.run_id, "flipped")

    def action_artifact(self) -> None:
        """Make a public artifact of the decided run."""
        from tui.screens.artifacts_make import make_artifact

        make_artifact(self, self.run_path)

    def action_package(self) -> None:
        """Make the package of the shipped run."""
        from tui.screens.artifacts_make import make_package_of

        make_package_of(self, self.run_path)

    # --- writing ------------------------------------------------------------------

    def action_write(self) -> None:
        """Show the record; writing it is one key further."""
        evidence, form, pane = self._evidence, self._pane.form, self._pane
        if evidence is None or form is None:
            say(self, "Choose a decision first: s, x, d, t, e or p.")
            return
        if not pane.check() or self._is_writing():
            return
        record = form.record(pane.overridden, evidence.draft.evidence)
        override = None
        if pane.overridden:
            why = " ".join(one.why for one in record.overrides)
            routing = form.answers.get("routing", "").strip() or None
            override = OverrideRequest(form.typed_name, why, routing)
        self._rehearse(record, override, pane.new_view)

    def _is_writing(self) -> bool:
        """Whether the key before is still at work on the record."""
        return still_at(self, "The record is still being worked on.", "write")

    @work(thread=True, group="write")
    def _rehearse(
        self, record: Decision, override: OverrideRequest | None, supersede: bool
    ) -> None:
        found: list[Decision | Refused] = []

        def look() -> None:
            found.append(rehearse(self.run_path, record, override, supersede=supersede))

        if not attempt(self, look, ""):
            return
        if isinstance(found[0], Refused):
            self.call_later(self._refused, found[0])
        else:
            hand_over(self, self._ask, record, found[0], override, supersede)

    def _ask(
        self,
        record: Decision,
        shown: Decision,
        override: OverrideRequest | None,
        supersede: bool,
    ) -> None:
        """Show the record as it would be written; its time comes with the writing."""
        value = {key: one for key, one in as_written(shown).items() if key != "decided"}
        title = f"decision.json of {plain(self.run_id)}"
        if shown.supersedes is not None:
            title += f"; the one before is kept as {shown.supersedes.file}"

        def answered(write: bool | None) -> None:
            if write:
                self._write(record, override, supersede)

        text = json.dumps(value, indent=2, ensure_ascii=False)
        ask(self, RecordDialog(title, text), answered)

    @work(thread=True, group="write")
    def _write(self, record: Decision, override: OverrideRequest | None, supersede: bool) -> None:
        found: list[Receipt | Refused] = []

        def write() -> None:
            found.append(make_decision(self.run_path, record, override, supersede=supersede))

        if not attempt(self, write, ""):
            return
        if isinstance(found[0], Refused):
            self.call_later(self._refused, found[0])
        else:
            self.app.call_from_thread(self._written, found[0])

    async def _refused(self, refused: Refused) -> None:
        """List the reasons, and look at the run again: it is not as it was when it was read."""
        await self._pane.refuse(refused.reasons, refused.ways_out)
        self._load()

    def _written(self, receipt: Receipt) -> None:
        self._receipt = receipt
        pane = self._pane
        self._drafts_before, pane.drafts = pane.drafts, {}
        pane.form, pane.new_view = None, False
        kind, back = receipt.decision.decision.value, caption_in(self.app, "decide.take_back")
        if not self.is_running:  # it was left meanwhile
            self._keep_at_once()
            say(self, f"Decided: {kind}.")
            return
        self._keep_later()
        self.query_one(EvidencePane).focus()
        say(self, f"Decided: {kind}. {back} takes it back while you are here.")
        self._load()

    # --- taking back --------------------------------------------------------------

    def action_take_back(self) -> None:
        """Take back the decision that was just written here."""
        if self._receipt is not None and not self._is_writing():
            self._withdraw(self._receipt)

    @work(thread=True, group="write")
    def _withdraw(self, receipt: Receipt) -> None:
        found: list[str | None] = []
        if not attempt(self, lambda: found.append(withdraw(receipt)), ""):
            return
        if found[0] is not None:
            self.app.call_from_thread(say, self, found[0], "error")
            self._load()
        else:
            self.app.call_from_thread(self._taken_back, receipt)

    def _taken_back(self, receipt: Receipt) -> None:
        self._receipt = None
        self._kind_back = receipt.decision.decision
        self._pane.new_view = receipt.stands is not None
        self._pane.drafts, self._drafts_before = self._drafts_before, {}
        say(self, "Taken back. What you typed is here again; nothing is decided.")
        if not self.is_running:
            self._keep_at_once()
            return
        self._keep_later()
        self._load()

    # --- leaving ------------------------------------------------------------------

    async def action_leave(self) -> None:
        """Out of a field; then out of a new view; then back. What was typed is kept as a draft."""
        focused = self.focused
        if focused is not None and self._pane in focused.ancestors:
            self.query_one(EvidencePane).focus()
            return
        if self._pane.new_view:
            await self._pane.leave_new_view()
            self._say_state()
            return
        if self._pane.form is not None and self._pane.form.typed_anything:
            say(self, "Nothing is decided; what you typed is kept as a draft.")
        await self.factory.action_back()
