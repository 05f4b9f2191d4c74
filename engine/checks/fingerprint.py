"""What a report is made from, as one hash: another hash now means that a record changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from engine.checks.contents import RunContents
from engine.records.evaluation import RowResult
from engine.records.plan import StageKind
from engine.records.report_card import ReportCard

MADE_FROM = "Made from the records with the fingerprint sha256 "
"""How a report says so; the hash follows."""

_DERIVED = frozenset({"report-card.json"})
"""Records that are made from the others."""

_ELSEWHERE = frozenset({"tags.json", "trace-review.json", "provenance.json", "run-status.json"})
"""What people say of a run is no evidence; of the others only the parts below are shown: the rest
changes while and after the report is written."""


def fingerprint(contents: RunContents) -> str:
    """SHA-256 over what the records say (not over how their bytes are laid out), the scored rows,
    and of the status and the provenance what does not change once the report is written."""
    digest = hashlib.sha256()
    for name, document in sorted(contents.documents.items()):
        if document.exists and name not in _DERIVED | _ELSEWHERE:
            said = document.sha256 if document.record is None else _of_record(document.record)
            digest.update(f"{name} {said}\n".encode("utf-8", "replace"))
    for name, rows in sorted(contents.rows.items()):
        digest.update(f"{name} {_of_rows(rows)}\n".encode("utf-8", "replace"))
    for part in (_of_status(contents), _of_provenance(contents)):
        digest.update(json.dumps(part, sort_keys=True, default=str).encode("utf-8", "replace"))
    return digest.hexdigest()


def settled(contents: RunContents) -> bool:
    """Whether every record that is there can be read: only then can anything be compared."""
    return all(
        document.record is not None
        for name, document in contents.documents.items()
        if document.exists and name not in _DERIVED
    )


def card_digest(card: ReportCard) -> str:
    """SHA-256 over a report card without the hashes that it holds of itself and of its page."""
    return _of_record(card, frozenset({"card_sha256", "page_sha256"}))


def _of_record(record: BaseModel, without: frozenset[str] = frozenset()) -> str:
    # What a record leaves out it does not say: a field that a later version of this program knows
    # must not make every report of before look older than its records.
    plain = record.model_dump(mode="json", exclude=set(without), exclude_defaults=True)
    text = json.dumps(plain, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _of_rows(rows: Sequence[RowResult]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(
            repr((row.id, row.prompt, row.expected, row.got, row.score, row.correct)).encode(
                "utf-8", "replace"
            )
        )
    return digest.hexdigest()


def _of_status(contents: RunContents) -> object:
    status = contents.status
    if status is None:
        return None
    reports = set(_report_stages(contents))
    return [
        (name, str(one.state), one.started, one.ended, one.peak_tree_rss_bytes)
        for name, one in status.stages.items()
        if name not in reports
    ]


def _report_stages(contents: RunContents) -> Iterable[str]:
    """The stages that write the report: their own numbers are never in it."""
    for stage in contents.plan.stages if contents.plan else []:
        if stage.kind == StageKind.REPORT:
            yield stage.name


def _of_provenance(contents: RunContents) -> object:
    found = contents.provenance
    if found is None:
        return None
    return found.model_dump(
        mode="json", include={"git_commit", "git_dirty", "python", "packages", "machine", "mlx"}
    )
