"""The release rule: which parts an artifact of each state has, and that none of them is empty.

What nobody should use directly, and what nobody works on, may say less: a report needs no table of
competitors, and evidence only where it shows numbers; what is parked is named, explained, and says
what would take it up again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding
from engine.checks.public.around import Around
from engine.checks.public.cells import cells_of, table_cells
from engine.checks.public.entry import Entry
from engine.records.public import ArtifactState, PublicArtifact

_NAMED = frozenset({"type", "summary", "public_value", "sources", "next_action"})
_SHOWN = frozenset({"evidence", "data"})
"""What every artifact with numbers has."""
_MODEL = (
    _NAMED
    | _SHOWN
    | {"publishable_now", "licence", "headline", "competition", "rejected", "performance"}
)

NEEDS: dict[ArtifactState, frozenset[str]] = {
    ArtifactState.RELEASE_READY_METADATA: _MODEL | {"blockers"},
    ArtifactState.RELEASE_READY_WEIGHTS: _MODEL | {"blockers"},
    ArtifactState.CANDIDATE_CURRENT_BEST: _MODEL | {"blockers"},
    ArtifactState.REPORT_ONLY: _NAMED | {"publishable_now", "licence"},
    ArtifactState.BLOCKED: _NAMED | {"licence", "blockers"},
    ArtifactState.PARKED: _NAMED,
}
"""The parts that an artifact of each state must have, besides id, state and outcome."""

_FIX = {
    "type": "Say what it is in two or three words: Routed specialist.",
    "summary": "Say in two or three sentences what it is, for someone who knows nothing of it.",
    "public_value": "Say in a sentence what somebody outside has of it.",
    "publishable_now": "List what may be published today, an item each.",
    "headline": "Give the one number that stands for it, with headline_label.",
    "evidence": "Add a table of what was measured; each cell with its record, or historical: true.",
    "competition": "Add what it stands beside, each row Direct, Directional or Not comparable.",
    "rejected": "Add what was tried and not taken, with its decision.",
    "blockers": "Name what holds it back: blocker, why it matters, unblock.",
    "sources": "Name where this can be read or was taken from.",
    "next_action": "Say what is done next to release it.",
    "licence": "Say under which licence what is published may be used.",
    "data": "Add each data set that trained or judged it: name, licence, provenance.",
    "performance": "Add a table: latency, memory, tokens a second, time of the evaluation.",
}
_PLACEHOLDER = re.compile(r"\W*(?:(?:todo|tbd|fixme|lorem ipsum)\b.*|xxx+|n/?a)?\W*", re.I | re.S)


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    historical = is_historical(artifact)
    for part in _FIX:  # in the order of the page
        if part in _needed(artifact) and _is_empty(entry, artifact, part):
            said = f"{part} is missing or empty; {artifact.state.value} needs it."
            if part == "performance" and (historical or _is_blocker(artifact, "performance")):
                yield entry.warning(
                    "part-missing",
                    part_pointer(part),
                    "There are no performance numbers: what it costs to run is not recorded.",
                    _FIX[part],
                )
            elif part == "headline":
                yield entry.warning("part-missing", part_pointer(part), said, _FIX[part])
            else:
                yield entry.error("part-missing", part_pointer(part), said, _FIX[part])
    yield from _performance(entry, artifact)
    yield from _blockers(entry, artifact)
    yield from _data(entry, artifact)
    if artifact.headline is not None and not (artifact.headline_label or "").strip():
        yield entry.error(
            "headline-label",
            "/headline",
            "The headline number does not say what it is.",
            "Write headline_label: what was measured, on what, and from where it came.",
        )


def part_pointer(part: str) -> str:
    return f"/{part}"


def shows_numbers(artifact: PublicArtifact) -> bool:
    return any(place.is_number or place.cell.record for place in cells_of(artifact))


def is_historical(artifact: PublicArtifact) -> bool:
    """It has numbers, and none of them is from a record of this workspace."""
    numbers = [one.cell for one in cells_of(artifact) if one.is_number or one.cell.record]
    return bool(numbers) and all(one.historical and one.record is None for one in numbers)


def _needed(artifact: PublicArtifact) -> frozenset[str]:
    needed = NEEDS[artifact.state]
    if artifact.state is not ArtifactState.PARKED and shows_numbers(artifact):
        return needed | _SHOWN
    return needed


def _is_empty(entry: Entry, artifact: PublicArtifact, part: str) -> bool:
    value = getattr(artifact, part)
    if isinstance(value, str):
        return is_placeholder(value)
    if part == "publishable_now":
        return all(is_placeholder(one) for one in value)
    if part == "blockers" and artifact.state is ArtifactState.RELEASE_READY_WEIGHTS:
        # Where the weights are out there may be none: then that is said.
        return not value and "blockers" not in entry.value
    return not value


def is_placeholder(text: str) -> bool:
    """Whether a text stands for one that is still to be written."""
    return len(text) < 400 and _PLACEHOLDER.fullmatch(text) is not None


def _performance(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    table = artifact.performance
    if table is None:
        return
    cells = [one.cell for one in table_cells("/performance", table)]
    if not any(one.value is not None or one.record for one in cells):
        yield entry.warning(
            "performance-empty",
            "/performance",
            "The table of performance holds no number: what it costs to run is not recorded.",
            _FIX["performance"],
        )


def _blockers(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    for number, one in enumerate(artifact.blockers):
        for part, text in (("why", one.why), ("unblock", one.unblock)):
            if is_placeholder(text):
                yield entry.error(
                    "blocker-open",
                    f"/blockers/{number}/{part}",
                    f"The blocker {one.blocker[:80]} does not say its {part}.",
                    "Write why it matters, and what would take it away.",
                )


def _data(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    """A data set without licence or origin: an error, unless a blocker says that it is open."""
    open_still = _is_blocker(artifact, "licence", "license", "provenance")
    tell = entry.warning if open_still else entry.error
    for number, one in enumerate(artifact.data):
        for part, value, fix in (
            ("licence", one.licence, "Write the licence as the data set's own page has it."),
            ("provenance", one.provenance, "Say in a sentence where its rows come from."),
        ):
            if is_placeholder(value or ""):
                yield tell(
                    f"data-{part}",
                    f"/data/{number}/{part}",
                    f"The {part} of the data set {one.name[:80]} is not recorded.",
                    f"{fix} If that is open, name it as a blocker.",
                )


def _is_blocker(artifact: PublicArtifact, *words: str) -> bool:
    return any(
        word in f"{one.blocker} {one.unblock}".lower()
        for one in artifact.blockers
        for word in words
    )
