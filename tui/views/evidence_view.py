"""What a decision stands on: gates, flips, missing evidence, the problems of the files.

Pure but for `load_evidence`, which reads the folder and belongs into a worker thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, Severity
from engine.checks.rulers import judged_rulers
from engine.checks.verified import LEAKAGE, Verified, verify
from engine.judge.gates import Gate, Verdict
from engine.judge.how_sure import how_sure
from engine.judge.measured import Measured
from engine.judge.ruler import Ruler
from engine.records.evaluation import RowResult
from engine.records.run import Decision, DecisionKind
from tui.views.cells import Cell
from tui.views.gate_table import SIGNS
from tui.views.plain import fit, plain

if TYPE_CHECKING:
    from engine.decisions.deciding import Draft

Line = list[Cell]


@dataclass(frozen=True, slots=True)
class Flip:
    """An example that the candidate answers better (fixed) or worse (broken) than the baseline."""

    kind: Literal["fixed", "broken"]
    suite: str
    id: str
    prompt: str
    expected: str
    before: str
    after: str
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the screen shows of a run before its decision."""

    draft: Draft
    flips: list[Flip]
    missing: list[str]
    sureness: list[tuple[bool, str]]
    """What else says how sure the numbers are, a sentence each; False where it is a warning."""
    verified: Verified
    """Whether each number can be traced to a measurement, which says nothing of how good it is."""

    @property
    def contents(self) -> RunContents:
        return self.draft.contents

    @property
    def gates(self) -> tuple[Gate, ...]:
        return self.draft.gates

    @property
    def decision(self) -> Decision | None:
        return self.contents.decision

    @property
    def routing(self) -> str | None:
        """Where alone what was shipped may be used; None where nothing was, or it says nothing."""
        artifact, decision = self.contents.artifact, self.decision
        shipped = decision is not None and decision.decision is DecisionKind.SHIP
        routed = shipped and artifact is not None and artifact.routed
        return artifact.routing_constraint if artifact is not None and routed else None

    @property
    def decided_as(self) -> str:
        """The decision in words: "ship routed"; "" where there is none."""
        if self.decision is None:
            return ""
        return self.decision.decision.value + (" routed" if self.routing else "")

    @property
    def unpassed(self) -> list[Gate]:
        """The gates that fail or cannot be decided."""
        return [gate for gate in self.gates if gate.verdict is not Verdict.PASS]

    @property
    def problems(self) -> list[Finding]:
        """What is wrong with the files of the run, as errors."""
        return [one for one in self.draft.findings if one.severity is Severity.ERROR]


def load_evidence(path: Path) -> Evidence:
    """Read and judge a run folder; FolderError where it cannot be listed."""
    from engine.decisions.deciding import draft

    drafted = draft(path)
    contents = drafted.contents
    return Evidence(
        drafted,
        find_flips(contents),
        find_missing(contents),
        find_sureness(contents),
        verify(contents, drafted.findings),
    )


def find_flips(contents: RunContents) -> list[Flip]:
    """The flips of every suite that has rows on both sides, broken ones first."""
    flips: list[Flip] = []
    for name in sorted(contents.rows):
        if "baseline" not in name:
            continue
        other = name.replace("baseline", "candidate")
        before, after = contents.rows.get(name), contents.rows.get(other)
        if before and after and other in contents.evals:
            record = contents.evals[other]
            lower = (record.direction or "higher") == "lower"
            flips += _flips_of(record.suite, before, after, lower_is_better=lower)
    return sorted(flips, key=lambda flip: flip.kind == "fixed")


def _flips_of(
    suite: str, before: Sequence[RowResult], after: Sequence[RowResult], *, lower_is_better: bool
) -> list[Flip]:
    old = {row.id: row for row in before}
    flips = []
    for row in after:
        was = old.get(row.id)
        if was is None or row.score == was.score:
            continue
        better = (row.score < was.score) if lower_is_better else (row.score > was.score)
        flips.append(
            Flip(
                "fixed" if better else "broken",
                suite,
                row.id,
                row.prompt,
                row.expected,
                was.got,
                row.got,
                row.error,
            )
        )
    return flips


def find_missing(contents: RunContents) -> list[str]:
    """Evidence that a decision should have and this one has not, a sentence each."""
    missing: list[str] = []
    if contents.config is None:
        return ["config.json cannot be used, so there are no gates. Press v to see why."]
    for name, what in (
        ("eval-baseline.json", "what the base model scores"),
        ("eval-candidate.json", "what the candidate scores"),
    ):
        if name not in contents.evals:
            missing.append(f"{name}: {what} is not recorded.")
        elif name not in contents.rows:
            missing.append(f"{name} has no rows file, so flips and noise cannot be shown.")
    if contents.config.eval.threshold.breadth_drop_max_pp is None:
        missing.append("No bound for breadth was set, so nobody asked what the model forgot.")
    elif not any(name.startswith("eval-regression") for name in contents.evals):
        missing.append("Breadth was not measured: there is no eval-regression file.")
    if contents.dataset is None:
        missing.append("dataset.json: what the model was trained on is not recorded.")
    if contents.ours and "provenance.json" not in contents.names:
        missing.append("provenance.json: how the numbers came about is not recorded.")
    return missing


def find_sureness(contents: RunContents) -> list[tuple[bool, str]]:
    """The seeds, the tries at the gold set, the size and the ceiling of suites, as far as known."""
    config = contents.config
    if config is None:
        return []
    measured = Measured(config, contents.evals, contents.rows)
    seen = how_sure(contents.run_id, measured, contents.tries)
    found = [(one.fine, one.sentence) for one in seen]
    for one in judged_rulers(contents):
        if one.ceiling is not None:
            found.append((one.finding.ruler is Ruler.GOOD, f"{one.suite}: {one.finding.sentence}"))
    return found


def verified_words(verified: Verified) -> list[tuple[bool, str]]:
    """The links in sentences: those that break, the search for leaks, and the rest by name."""
    said = [(False, reason) for reason in verified.reasons]
    held = [link for link in verified.links if link.ok]
    said += [(True, f"{link.name}: {link.why}") for link in held if link.name == LEAKAGE]
    names = ", ".join(link.name for link in held if link.name != LEAKAGE)
    return [*said, (True, f"Traced: {names}.")] if names else said


# --- as lines ---------------------------------------------------------------------


def flip_lines(flip: Flip, width: int) -> list[Line]:
    """An example that flipped, in four lines."""
    sign, tone = SIGNS["pass" if flip.kind == "fixed" else "fail"]
    room = max(10, width - 13)
    lines: list[Line] = [
        [
            Cell(f"{sign} {flip.kind:<6} ", tone),
            Cell(_cut(flip.prompt, room - len(flip.suite) - 2)),
            Cell(f"  {plain(flip.suite, clip=40)}", "muted"),
        ]
    ]
    for label, text in (
        ("expected", flip.expected),
        ("before", flip.before),
        ("after", flip.after),
    ):
        value = _cut(text, room) if text else "(empty)"
        lines.append([Cell(f"  {label:<9} ", "muted"), Cell(value)])
    return lines


def _cut(text: str, width: int) -> str:
    return fit(plain(text, clip=4 * max(8, width)), max(8, width)).rstrip()


def count_flips(flips: Sequence[Flip]) -> list[str]:
    """How many examples were fixed and broken, a line for each suite."""
    suites: dict[str, list[int]] = {}
    for flip in flips:
        suites.setdefault(flip.suite, [0, 0])[flip.kind == "broken"] += 1
    return [
        f"{plain(suite, clip=60)}: {fixed:,} fixed, {broken:,} broken"
        for suite, (fixed, broken) in suites.items()
    ]
