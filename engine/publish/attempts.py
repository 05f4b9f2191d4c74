"""The runs at one target up to this one: what was tried, what came out, what was learnt.

Only what began before a run belongs to its report, so that the report stays right when others
follow. Reads plain JSON of the folders beside it and forgives what is wrong with them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.catalogue.summary import RunSummary, summarise
from engine.comparing.settings import Settings, changes, settings_of, told_first, value_text
from engine.plain_file import read_plain

SHOWN = 30
"""How many attempts a report has: the newest ones."""

_MAX_RECORD = 4 * 2**20
_MAX_CHANGES = 3
_MAX_VALUE = 40


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run. The texts are as they were recorded, "" where they were not.

    ``before`` and ``after`` are the primary scores, in their own unit. ``outcome`` is the
    decision, or the phase where there is none; ``routed`` where alone it may be used.
    """

    run_id: str
    this: bool
    method: str
    changed: str
    before: float | None
    after: float | None
    outcome: str
    routed: str | None
    reason: str
    confidence: str
    lesson: str

    @property
    def result(self) -> str:
        """ "0.183 → 0.939", with "not recorded" for what is not there."""
        if self.before is None and self.after is None:
            return "not recorded"
        return " → ".join(
            "not recorded" if one is None else f"{one:.3f}" for one in (self.before, self.after)
        )

    @property
    def what(self) -> str:
        """The method, and what was set otherwise than in its parent."""
        return f"{self.method}; {self.changed}" if self.changed else self.method


@dataclass(frozen=True, slots=True)
class Attempts:
    """Oldest first, this run the last; ``left_out`` counts older ones that are not shown."""

    runs: tuple[Attempt, ...] = ()
    left_out: int = 0


NO_ATTEMPTS = Attempts()


@dataclass(frozen=True, slots=True)
class _Member:
    path: Path
    config: dict[str, Any]
    began: datetime


def attempts_at(run: Path) -> Attempts:
    """The attempts up to the run in the folder ``run``. Never raises for what folders hold."""
    config = _read(run / "config.json")
    target = config.get("target")
    if not isinstance(target, str) or not target:
        return NO_ATTEMPTS
    this = _Member(run, config, _began(run, config))
    earlier = [one for one in _others(run, target) if (one.began, one.path.name) < _place(this)]
    members = [*sorted(earlier, key=_place), this]
    shown = members[-SHOWN:]
    by_name = {one.path.name: one for one in members}
    return Attempts(
        tuple(_attempt(one, by_name, this=one is this) for one in shown),
        len(members) - len(shown),
    )


def _place(member: _Member) -> tuple[datetime, str]:
    return member.began, member.path.name


def _others(run: Path, target: str) -> Iterator[_Member]:
    try:
        folders = [one for one in run.resolve().parent.iterdir() if not one.name.startswith(".")]
    except OSError:  # the folder stands alone, or was removed: there are no others
        return
    for path in folders:
        if path.name == run.name:
            continue
        config = _read(path / "config.json")
        if config.get("target") == target:
            yield _Member(path, config, _began(path, config))


def _began(path: Path, config: dict[str, Any]) -> datetime:
    """When a run was made: as it says, else the day in its name, else before all others."""
    for text in (config.get("created"), path.name[:10]):
        try:
            moment = datetime.fromisoformat(text) if isinstance(text, str) else None
        except ValueError:
            continue
        if moment is not None:
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.min.replace(tzinfo=UTC)


def _attempt(member: _Member, by_name: dict[str, _Member], *, this: bool) -> Attempt:
    summary = summarise(member.path)
    decision = _read(member.path / "decision.json")
    candidate = member.config.get("candidate")
    method = candidate.get("method") if isinstance(candidate, dict) else None
    parent = by_name.get(str(member.config.get("parent_run_id")))
    return Attempt(
        run_id=member.path.name,
        this=this,
        method=_text(method),
        changed="" if parent is None else _changed(_settings(parent), _settings(member)),
        before=summary.primary_baseline,
        after=summary.primary_candidate,
        outcome=_outcome(summary),
        routed=summary.routed,
        reason=_text(decision.get("failure_reason")) or _text(decision.get("reason")),
        confidence=_text(decision.get("failure_reason_confidence")),
        lesson=_text(decision.get("lesson")),
    )


def _outcome(summary: RunSummary) -> str:
    if summary.decision:
        return summary.decision
    return summary.phase if summary.phase in ("failed", "cancelled") else "not decided"


def _settings(member: _Member) -> Settings:
    return settings_of(member.config, _read(member.path / "dataset.json"))


def _changed(before: Settings, after: Settings) -> str:
    found = told_first(changes(before, after))
    said = [
        f"{one.name} {_short(value_text(one.before))} → {_short(value_text(one.after))}"
        for one in found[:_MAX_CHANGES]
    ]
    more = len(found) - len(said)
    return ", ".join(said) + (f" and {more} more" if more else "")


def _short(text: str) -> str:
    return text if len(text) <= _MAX_VALUE else text[: _MAX_VALUE - 1] + "…"


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_plain(path, _MAX_RECORD))
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
