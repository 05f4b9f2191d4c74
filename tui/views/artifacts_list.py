"""The public artifacts as a list to scan: by state, parked last. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from rich.cells import cell_len

from engine.artifacts.checking import Checked
from engine.artifacts.wording import headline_text
from engine.checks.finding import Severity
from engine.records.public import STATE_ORDER, ArtifactState, Outcome
from tui.views.artifacts_reader import Artifacts
from tui.views.cells import Tone
from tui.views.entries import Entry, Segment, clipped, entry, sentence
from tui.views.plain import fit, plain

State = ArtifactState | None
"""None for a file that is no artifact."""

SIGNS: dict[State, tuple[str, Tone]] = {
    ArtifactState.RELEASE_READY_WEIGHTS: ("●", "good"),
    ArtifactState.RELEASE_READY_METADATA: ("◉", "good"),
    ArtifactState.CANDIDATE_CURRENT_BEST: ("◐", "accent"),
    ArtifactState.REPORT_ONLY: ("≡", "plain"),
    ArtifactState.BLOCKED: ("⊘", "bad"),
    ArtifactState.PARKED: ("○", "muted"),
    None: ("✘", "bad"),
}
OUTCOMES: dict[Outcome, Tone] = {
    Outcome.SHIPPED: "good",
    Outcome.ROUTED: "accent",
    Outcome.REJECTED: "bad",
    Outcome.UNDECIDED: "muted",
}
SHORT: dict[ArtifactState, str] = {
    ArtifactState.RELEASE_READY_WEIGHTS: "weights",
    ArtifactState.RELEASE_READY_METADATA: "metadata",
    ArtifactState.CANDIDATE_CURRENT_BEST: "candidate",
    ArtifactState.REPORT_ONLY: "report",
    ArtifactState.BLOCKED: "blocked",
    ArtifactState.PARKED: "parked",
}
"""The states where there is little room, as in the line of what is shown."""

EMPTY = (
    "There is no public artifact here yet.",
    "",
    "A public artifact is the page that the world may see of a model or of a piece of work: what "
    "it is for, its numbers each with the record that holds it, what it stands beside, what was "
    "tried and not taken, and what still holds it back. Wins and blockers stand side by side.",
    "",
    "n makes one of a decided run: its numbers point at the run's records.",
    "N writes an empty form to fill in.",
    "Both are files of their own, artifacts/<id>.yaml; e opens one in your editor.",
)
NO_MATCH = "No artifact here fits the filter. esc takes it away."
_OUTCOME = 11
_ROOMY = 70


def state_of(one: Checked) -> State:
    """The state of an artifact; None for a file that is none."""
    return one.entry.artifact.state if one.entry.artifact else None


def fitting(artifacts: Artifacts, needle: str, hidden: AbstractSet[ArtifactState]) -> list[Checked]:
    """Those that hold a text in id, title, type, target, summary, outcome or next action, and whose
    state is not hidden."""
    wanted = needle.strip().casefold()
    return [
        one
        for one in artifacts.checked
        if state_of(one) not in hidden and wanted in _searched(one).casefold()
    ]


def _searched(one: Checked) -> str:
    found = one.entry.artifact
    if found is None:
        return one.entry.id
    texts = (one.entry.id, found.id, found.title, found.type, found.target, found.state.value)
    return "\n".join([*(text or "" for text in texts), found.outcome, found.summary[:2000],
                      found.next_action[:2000]])  # fmt: skip


def list_lines(
    shown: Sequence[Checked], artifacts: Artifacts, width: int, *, tight: bool = False
) -> list[Entry]:
    """Three or four lines an artifact below the name of its state, two where it is ``tight``; its
    key is its file."""
    if not artifacts.checked and not artifacts.waiting:
        lines = [entry((" " + EMPTY[0], "strong"))] if artifacts.whole else []
        for text in EMPTY[1:] if artifacts.whole else ():
            lines += sentence(text, width - 2, "muted", " ") if text else [entry(("", "plain"))]
        return lines
    counts = Counter(map(state_of, shown))
    end = max((cell_len(found_words(one)[0]) for one in shown), default=0) + 1
    found: list[Entry] = []
    last: object = ""
    for one in shown:
        state = state_of(one)
        if state != last:
            last = state
            found.append(_heading(state, counts[state], width))
        found += _artifact(one, state, width, end, tight)
    if not shown and not artifacts.waiting:
        found += sentence(NO_MATCH, width - 1, "muted", " ")
    if artifacts.waiting:
        found.append(entry((fit(f" reading {len(artifacts.waiting):,} more …", width), "muted")))
        found += [
            Entry(clipped([(f"   {plain(name, clip=120)}", "faint")], width))
            for name in artifacts.waiting
        ]
    return found


def _heading(state: State, count: int, width: int) -> Entry:
    sign, tone = SIGNS[state]
    word = state.value if state else "cannot be read"
    return Entry(clipped([(f" {sign} {word}", tone), (f"  {count:,}", "muted")], width))


def _artifact(one: Checked, state: State, width: int, end: int, tight: bool) -> list[Entry]:
    sign, tone = SIGNS[state]
    found = one.entry.artifact
    key = one.entry.name
    word, found_tone = found_words(one)
    if found is None:
        room = max(8, width - 3 - end)
        name = fit(plain(one.entry.id, clip=200), room - 1) + " "
        head: list[Segment] = [(f" {sign} ", tone), (name, "strong"), (word, found_tone)]
        why = plain(one.entry.problem or "It is no artifact.", clip=300)
        return [Entry(clipped(head, width), key), _below(why, "muted", width)]
    room = max(8, width - 3 - _OUTCOME - end)
    kind = plain(found.type, clip=60) if width >= _ROOMY else ""
    name = plain(found.id)
    if kind and cell_len(name) + cell_len(kind) + 3 <= room:
        names: list[Segment] = [
            (name, "strong"),
            (fit(f"  {kind}", room - cell_len(name)), "muted"),
        ]
    else:
        names = [(fit(name, room - 1) + " ", "strong")]
    lines = [
        Entry(
            clipped(
                [
                    (f" {sign} ", tone),
                    *names,
                    (fit(found.outcome.value, _OUTCOME), OUTCOMES[found.outcome]),
                    (word, found_tone),
                ],
                width,
            ),
            key,
        )
    ]
    number = plain(headline_text(one.entry, one.around), clip=300)
    following = plain(found.next_action.strip() or "next action not recorded", clip=300)
    if tight:
        half = (width - 6) // 2
        row = [("   " + fit(number, half), "plain"), (f"  → {following}", "muted")]
        return [*lines, Entry(clipped(row, width))]
    if width < _ROOMY and found.type:
        lines.append(_below(plain(found.type, clip=120), "muted", width))
    lines.append(_below(number, "plain", width))
    lines.append(_below(f"→ {following}", "muted", width))
    return lines


def _below(text: str, role: str, width: int) -> Entry:
    return Entry(clipped([("   " + text, role)], width))


def found_words(one: Checked) -> tuple[str, Tone]:
    """How many findings there are, with the sign of the worst: ✘ 3, ⚠ 1, ✔."""
    errors = len(one.errors)
    warnings = sum(finding.severity is Severity.WARNING for finding in one.findings)
    if errors:
        return f"✘ {_up_to(errors)}" + (f" ⚠ {_up_to(warnings)}" if warnings else ""), "bad"
    return (f"⚠ {_up_to(warnings)}", "warn") if warnings else ("✔", "good")


def _up_to(count: int, most: int = 99) -> str:
    return str(count) if count <= most else f"{most}+"


def toggle_words(
    artifacts: Artifacts, hidden: AbstractSet[ArtifactState], width: int
) -> list[Segment]:
    """The states with their keys and counts; those that are hidden stand in brackets."""
    counts = Counter(map(state_of, artifacts.checked))
    for sign, word in ((True, True), (False, True), (True, False)):
        found: list[Segment] = []
        for number, state in enumerate(STATE_ORDER, start=1):
            mark, tone = SIGNS[state]
            parts = (str(number), mark * sign, SHORT[state] * word, f"{counts[state]:,}")
            text = " ".join(filter(None, parts))
            gone = state in hidden
            found.append((f"({text})" if gone else f" {text} ", "faint" if gone else tone))
        if sum(cell_len(text) for text, _ in found) <= width:
            break
    return list(clipped(found, width))
