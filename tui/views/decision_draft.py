"""What was typed into the form of a decision and not recorded yet, as plain values and as JSON.

A draft belongs to a run and to one of the six decisions. The run's name that confirms shipping over
a gate is never part of it: that is typed anew each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.records.run import DecisionKind

MAX_TEXT = 100_000
"""Characters of one field that are kept."""

_MAX_FIELDS = 64


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers by field, and for each gate why it is shipped over."""

    saved: datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    whys: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        return not any(text.strip() for text in (*self.answers.values(), *self.whys.values()))


Drafts = dict[DecisionKind, Draft]


def to_json(drafts: Mapping[DecisionKind, Draft]) -> dict[str, Any]:
    """As the file of a run's drafts holds it."""
    return {
        "drafts": {
            kind.value: {
                "saved": draft.saved.isoformat(timespec="seconds"),
                "answers": dict(draft.answers),
                "whys": dict(draft.whys),
            }
            for kind, draft in drafts.items()
            if not draft.empty
        }
    }


def from_json(value: object) -> Drafts:
    """The drafts in a file's JSON. What is no draft is left out."""
    found: Drafts = {}
    entries = value.get("drafts") if isinstance(value, dict) else None
    for kind in DecisionKind:
        entry = entries.get(kind.value) if isinstance(entries, dict) else None
        if not isinstance(entry, dict):
            continue
        draft = Draft(_time(entry.get("saved")), _texts(entry, "answers"), _texts(entry, "whys"))
        if not draft.empty:
            found[kind] = draft
    return found


def _texts(entry: Mapping[str, object], name: str) -> dict[str, str]:
    value = entry.get(name)
    if not isinstance(value, dict):
        return {}
    texts = [(key, text) for key, text in value.items() if isinstance(text, str)]
    return {key: text[:MAX_TEXT] for key, text in texts[:_MAX_FIELDS]}


def _time(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value if isinstance(value, str) else "")
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def said(draft: Draft, now: datetime) -> str:
    """``draft from 14:02``, with its day where that is not today."""
    try:
        here, today = draft.saved.astimezone(), now.astimezone()
    except (OverflowError, OSError):
        return "draft"
    return f"draft from {here:%H:%M}" if here.date() == today.date() else f"draft from {here:%m-%d}"
