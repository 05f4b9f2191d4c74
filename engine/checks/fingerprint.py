"""What a report is made from, as one hash: another hash now means that a record changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

from engine.checks.contents import RunContents
from engine.records.evaluation import RowResult
from engine.records.plan import StageKind

_DERIVED = frozenset({"report-card.json"})
"""Records that are made from the others."""

_ELSEWHERE = frozenset({"tags.json", "provenance.json", "run-status.json"})
"""What people call a run is no evidence; of the others only the parts below are shown: the rest
changes while and after the report is written."""


def fingerprint(contents: RunContents) -> str:
    """SHA-256 over the records' bytes, the scored rows, and of the status and the provenance what
    does not change any more once the report is written."""
    digest = hashlib.sha256()
    for name, document in sorted(contents.documents.items()):
        if document.exists and name not in _DERIVED | _ELSEWHERE:
            digest.update(f"{name} {document.sha256}\n".encode("utf-8", "replace"))
    for name, rows in sorted(contents.rows.items()):
        digest.update(f"{name} {_of_rows(rows)}\n".encode("utf-8", "replace"))
    for part in (_of_status(contents), _of_provenance(contents)):
        digest.update(json.dumps(part, sort_keys=True, default=str).encode("utf-8", "replace"))
    return digest.hexdigest()


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
