"""What a decision stands on, to be scrolled through."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from engine.judge.gates import Verdict
from tui.views.cells import Cell
from tui.views.evidence_view import Evidence, count_flips, flip_lines, verified_words
from tui.views.gate_table import SIGNS, gate_lines, worst_first
from tui.views.plain import plain
from tui.widgets.tones import lines, paint

SHOWN_FLIPS = 40
"""Examples that are drawn; the rows files hold them all."""


class Item(Horizontal):
    """A sign and a text beside it that may take several lines."""

    def __init__(self, sign: Cell, text: Content) -> None:
        super().__init__(
            Static(paint(sign), classes="item-sign"), Static(text, classes="item-text")
        )


class EvidencePane(VerticalScroll):
    """Gates with their reasons, what is missing, the problems of the files, the flips."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._evidence: Evidence | None = None
        self._drawn_for = 0

    def compose(self) -> ComposeResult:
        yield Static("Reading the evidence …", classes="muted")

    async def put(self, evidence: Evidence) -> None:
        """Show this evidence."""
        self._evidence, self._drawn_for = evidence, 0
        await self._draw()

    async def fail(self, message: str) -> None:
        """Say why there is nothing to show."""
        await self.remove_children()
        await self.mount(Static(Content.styled(message, "$error")))

    async def on_resize(self) -> None:
        if self._evidence is not None:
            await self._draw()

    async def _draw(self) -> None:
        evidence = self._evidence
        # Without the width of the scrollbar, which comes and goes while the pane is filled.
        width = max(30, self.size.width - 5)
        if evidence is None or width == self._drawn_for:
            return
        self._drawn_for = width
        with self.app.batch_update():
            await self.remove_children()
            await self.mount_all(_blocks(evidence, width))


def _blocks(evidence: Evidence, width: int) -> list[Widget]:
    config = evidence.contents.config
    blocks: list[Widget] = []
    if config is not None:
        goal = [Cell("goal  ", "muted"), Cell(plain(config.owner_goal, clip=240))]
        base = [Cell("base  ", "muted"), Cell(plain(config.base_model.id, clip=200))]
        blocks.append(Static(lines([paint(*goal), paint(*base)]), classes="gate"))
    blocks.append(_title("Gates", _how_many_pass(evidence)))
    if not evidence.gates:
        blocks.append(Static(Content.styled("No gate: config.json cannot be used.", "$error")))
    table = [paint(*line) for line in gate_lines(evidence.gates, width)]
    if table:
        blocks.append(Static(lines(table), classes="gate"))
        blocks.append(_title("Why", ""))
    for gate in worst_first(evidence.gates):
        sign, tone = SIGNS[gate.verdict.value]
        what = Content.assemble((f"{gate.title}: ", "bold"), (plain(gate.reason), "$muted"))
        blocks.append(Item(Cell(sign, tone), what))
    if evidence.sureness:
        blocks.append(_title("How sure", ""))
        blocks += [
            Item(Cell("·", "muted") if fine else Cell("?", "warn"), Content(plain(text)))
            for fine, text in evidence.sureness
        ]
    blocks.append(
        _title("Verified" if evidence.verified.ok else "Not verified", "traced, not good")
    )
    blocks += [
        Item(Cell("✔", "good") if ok else Cell("?", "warn"), Content(plain(text)))
        for ok, text in verified_words(evidence.verified)
    ]
    if evidence.missing:
        blocks.append(_title("Missing evidence", ""))
        blocks += [Item(Cell("?", "warn"), Content(plain(text))) for text in evidence.missing]
    if evidence.problems:
        blocks.append(_title("Problems of the files", "v shows them all"))
        blocks += [
            Item(Cell("✘", "bad"), paint(Cell(plain(one.file) + "  ", "muted"), plain(one.message)))
            for one in evidence.problems[:8]
        ]
    return blocks + _flip_blocks(evidence, width)


def _flip_blocks(evidence: Evidence, width: int) -> list[Widget]:
    flips = evidence.flips
    if not evidence.contents.rows:
        return []
    if not flips:
        return [_title("Flips", "no example changed")]
    blocks: list[Widget] = [_title("Flips", "f opens them all")]
    counts = "\n".join(count_flips(flips))
    blocks.append(Static(Content.styled(counts, "$muted"), classes="flip-count"))
    blocks += [
        Static(lines(paint(*line) for line in flip_lines(flip, width)), classes="flip")
        for flip in flips[:SHOWN_FLIPS]
    ]
    if len(flips) > SHOWN_FLIPS:
        rest = f"… and {len(flips) - SHOWN_FLIPS:,} more: f."
        blocks.append(Static(Content.styled(rest, "$muted")))
    return blocks


def _how_many_pass(evidence: Evidence) -> str:
    passed = sum(gate.verdict is Verdict.PASS for gate in evidence.gates)
    return f"{passed} of {len(evidence.gates)} pass" if evidence.gates else ""


def _title(text: str, right: str) -> Static:
    return Static(
        Content.assemble((text, "bold $accent"), (f"   {right}" if right else "", "$muted")),
        classes="block-title",
    )
