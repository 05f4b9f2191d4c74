"""``report-card.json`` and ``report-card.html`` of a run folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from engine.checks.contents import RunContents, load
from engine.checks.fingerprint import card_digest
from engine.checks.rules.report import CARD, PAGE
from engine.folder import write_bytes_atomic
from engine.publish.attempts import attempts_at
from engine.publish.card.build import build_card
from engine.publish.card.curves import loss_curves
from engine.publish.card.page import card_page
from engine.records.plan import StageKind
from engine.records.report_card import ReportCard

__all__ = [
    "CARD",
    "PAGE",
    "card_files",
    "card_text",
    "export_card",
    "make_card",
    "write_card",
]


def make_card(run: Path, contents: RunContents | None = None) -> tuple[ReportCard, str]:
    """The card of a run and its page. OSError where the run cannot be listed."""
    found = contents or load(run)
    planned = found.plan.stages if found.plan else []
    trains = [stage.name for stage in planned if stage.kind == StageKind.TRAIN]
    card = build_card(found, attempts_at(run), loss_curves(run, trains))
    page = card_page(card)
    digest = hashlib.sha256(page.encode("utf-8", "replace")).hexdigest()
    return card.model_copy(update={"page_sha256": digest, "card_sha256": card_digest(card)}), page


def card_text(card: ReportCard) -> str:
    """The card as its file holds it."""
    return json.dumps(card.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def card_files(run: Path, contents: RunContents | None = None) -> dict[str, bytes]:
    """Both files of the card by their names, as they are to be written."""
    card, page = make_card(run, contents)
    texts = {CARD: card_text(card), PAGE: page}
    return {name: text.encode("utf-8", "replace") for name, text in texts.items()}


def write_card(run: Path, contents: RunContents | None = None) -> Path:
    """Make both files of the card anew; returns the path of the page. OSError as it comes."""
    for name, data in card_files(run, contents).items():
        write_bytes_atomic(run / name, data)
    return run / PAGE


def export_card(run: Path, path: Path, *, as_json: bool = False) -> Path:
    """Write the page of a run's card, or the card as JSON, to ``path``; its directory is made, the
    run is left alone. OSError as it comes."""
    card, page = make_card(run)
    text = card_text(card) if as_json else page
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(path, text.encode("utf-8", "replace"))
    return path
