"""Links from the journal to the raw output of a run or a loop, relative to where it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from engine.publish.markdown import escape

_FIRST = ("report.md", "report-card.html", "train.log", "decision.json")
_OTHERS = ("provenance.json", "leakage.json", "trace-review.json", "artifact.json")


def raw_output(names: Iterable[str]) -> list[str]:
    """The files of a run that the journal links: report, card, log, evaluations, rows."""
    there = set(names)
    scored = sorted(
        name
        for name in there
        if (name.startswith("eval-") and name.endswith(".json"))
        or (name.startswith("rows-") and name.endswith(".jsonl"))
    )
    ordered = (*_FIRST, *scored, *_OTHERS)
    return [name for name in ordered if name in there]


def link(root: str, *parts: str) -> str:
    """A link to a file of the workspace; ``root`` is the way there: "" beside JOURNAL.md."""
    return f"[{escape(parts[-1])}]({root}{quote('/'.join(parts), errors='surrogateescape')})"
