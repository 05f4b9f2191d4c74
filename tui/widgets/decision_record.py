"""A decision that was made, entry by entry, with the earlier ones that it superseded."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from engine.records.run import Decision, DecisionKind
from tui.views.cells import Cell
from tui.views.plain import plain, plain_lines
from tui.widgets.tones import lines, paint

_OF_FAILURE = ("failure reason", "how sure")
"""What a record of a ship has no use for."""


def record_entries(
    decision: Decision,
    superseded: Sequence[tuple[str, Decision]] = (),
    routing: str | None = None,
) -> list[Static]:
    """What a record says; ``superseded`` are earlier decisions with their files, ``routing`` is
    where alone what was shipped may be used."""
    entries = [
        ("decision", decision.decision.value + (" routed" if routing else "")),
        *([("routing", routing)] if routing else []),
        ("reason", decision.reason),
        ("failure reason", decision.failure_reason),
        ("how sure", decision.failure_reason_confidence),
        ("lesson", decision.lesson),
        ("next action", decision.next_action),
        ("blockers", "\n".join(decision.blocked_by) or None),
        ("evidence", ", ".join(decision.evidence_sources) or None),
        ("decided", _when(decision)),
    ]
    entries += [
        (f"overridden: {override.gate} ({override.verdict})", override.why)
        for override in decision.overrides
    ]
    if decision.decision is DecisionKind.SHIP:
        entries = [(label, value) for label, value in entries if value or label not in _OF_FAILURE]
    entries += [
        (f"supersedes {file}", f"{one.decision.value}, {_when(one)}\n{one.reason}")
        for file, one in superseded
    ]
    return [_entry(label, value) for label, value in entries]


def _when(decision: Decision) -> str:
    return f"{decision.decided:%Y-%m-%d %H:%M} UTC" if decision.decided else "not recorded"


def _entry(label: str, value: str | None) -> Static:
    said = Content(plain_lines(value, clip=4000)) if value else paint(Cell("not recorded", "muted"))
    return Static(lines([paint(Cell(plain(label), "muted")), said]), classes="record-entry")
