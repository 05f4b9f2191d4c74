"""The state: what it may follow, what it needs, and that the outcome stands beside it unhidden."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding
from engine.checks.public.around import Around, FileSeen, RunSeen
from engine.checks.public.cells import cells_of
from engine.checks.public.entry import Entry
from engine.checks.public.parts import is_historical
from engine.records.public import MAY_FOLLOW, ArtifactState, Outcome, PublicArtifact
from engine.web_address import web_address

READY = frozenset({ArtifactState.RELEASE_READY_METADATA, ArtifactState.RELEASE_READY_WEIGHTS})
_SHIPPED = frozenset({Outcome.SHIPPED, Outcome.ROUTED})

PACKAGE_FILES = (
    "model_card.md",
    "eval_report.json",
    "prompt.md",
    "report.md",
    "specialist.lock.json",
)
"""What every package has."""


def rules(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    yield from _move(entry, artifact)
    yield from _outcome(entry, artifact, around)
    if artifact.state in READY:
        yield from _ready(entry, artifact, around)
    if artifact.state is ArtifactState.CANDIDATE_CURRENT_BEST:
        yield from _candidate(entry, artifact)
    yield from _routing(entry, artifact)
    yield from _runs(entry, artifact, around)


def outcome_of(runs: list[RunSeen]) -> Outcome:
    """What the decisions of some runs come to: shipped where one was shipped, else what the newest
    decision says."""
    shipped = [one for one in runs if one.outcome in _SHIPPED]
    decided = [one for one in runs if one.decided]
    newest = max(shipped or decided or runs, key=lambda one: one.decided, default=None)
    return newest.outcome if newest is not None else Outcome.UNDECIDED


def _move(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    before, now = artifact.previous_state, artifact.state
    if before is None or before is now or now in MAY_FOLLOW[before]:
        return
    allowed = ", ".join(one.value for one in ArtifactState if one in MAY_FOLLOW[before])
    yield entry.error(
        "state-move",
        "/previous_state",
        f"{now.value} may not follow {before.value}.",
        f"After {before.value} comes {allowed}.",
    )


def _outcome(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    outcome, state = artifact.outcome, artifact.state
    forward = state in READY or state is ArtifactState.CANDIDATE_CURRENT_BEST
    if forward and outcome is Outcome.REJECTED:
        yield entry.error(
            "outcome-state",
            "/state",
            f"It was rejected, and its state says {state.value}.",
            "Write report-only or parked: what was rejected may be told, and not be offered.",
        )
    elif state in READY and outcome is Outcome.UNDECIDED:
        yield entry.error(
            "outcome-state",
            "/state",
            f"Nobody has decided to ship it, and its state says {state.value}.",
            "Decide first (factory-tui decide RUN); until then it is candidate-current-best.",
        )
    seen = [around.runs[one] for one in artifact.runs if one in around.runs]
    there = [one for one in seen if one.there]
    if there and (found := outcome_of(there)) is not outcome:
        yield entry.error(
            "outcome-differs",
            "/outcome",
            f"The outcome says {outcome.value}, and the decisions of its runs say {found.value}.",
            f"Write outcome: {found.value}, or name the run that was decided so.",
        )


def _ready(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    hosted = any(web_address(one.href) for one in artifact.links)
    if artifact.state is ArtifactState.RELEASE_READY_WEIGHTS and not hosted:
        yield entry.error(
            "release-weights",
            "/links",
            "Its weights can be had, and no link says where.",
            "Add a link to where they are hosted, or write release-ready-metadata.",
        )
    if is_historical(artifact) and not artifact.runs and artifact.package is None:
        yield entry.warning(
            "release-unchecked",
            "/state",
            "All of it is of public record, so neither its decision nor its package can be "
            "checked here.",
            "Keep the outcome and a source to it; a new run with a package can be checked.",
        )
        return
    shipped = [
        one
        for one in artifact.runs
        if (run := around.runs.get(one)) is not None and run.there and run.outcome in _SHIPPED
    ]
    if not shipped:
        yield entry.error(
            "release-ship",
            "/runs",
            f"{artifact.state.value} needs a run that was decided as ship, and none of its runs "
            "was.",
            "Name that run in runs, or write candidate-current-best.",
        )
    if artifact.package is None:
        yield entry.error(
            "release-package",
            "/package",
            f"{artifact.state.value} needs a package, and none is named.",
            "Make it (factory-tui package RUN) and write package: specialists/<id>.",
        )
    elif around.package is not None:
        yield from _lacking(entry, artifact.package, around.package)


def _lacking(entry: Entry, package: str, files: tuple[FileSeen, ...]) -> Iterator[Finding]:
    names = {one.name for one in files}
    lacking = [one for one in PACKAGE_FILES if one not in names]
    if lacking:
        yield entry.error(
            "release-package",
            "/package",
            f"The package {package[:80]} lacks {', '.join(lacking)}.",
            "Make the package again from its run.",
        )


def _candidate(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    measured = any(one.cell.historical or one.cell.record for one in cells_of(artifact))
    if not artifact.runs and not measured:
        yield entry.error(
            "candidate-unmeasured",
            "/state",
            "It says that it is the best measured candidate, and names no run and no measurement.",
            "Name its runs, or give what was measured as historical, with its source.",
        )


def _routing(entry: Entry, artifact: PublicArtifact) -> Iterator[Finding]:
    has = bool((artifact.routing or "").strip())
    if artifact.outcome is Outcome.ROUTED and not has:
        yield entry.error(
            "routing-missing",
            "/outcome",
            "It was shipped for its lane alone, and no lane is named.",
            "Write routing: in a sentence, where alone it may be used.",
        )
    elif has and artifact.outcome is Outcome.SHIPPED:
        yield entry.warning(
            "routing-outcome",
            "/routing",
            "It names a lane, and its outcome says that it was shipped for everything.",
            "Write outcome: routed, or leave routing out.",
        )


def _runs(entry: Entry, artifact: PublicArtifact, around: Around) -> Iterator[Finding]:
    named = [(f"/runs/{number}", run) for number, run in enumerate(artifact.runs)]
    named += [
        (f"/rejected/{number}/run", one.run)
        for number, one in enumerate(artifact.rejected)
        if one.run
    ]
    for pointer, run in named:
        seen = around.runs.get(run)
        if seen is None or not seen.there:
            yield entry.error(
                "run-missing",
                pointer,
                f"There is no run {run[:80]!r} in this workspace.",
                "Name a folder of runs/, or leave it out and mark its numbers historical.",
            )
        elif seen.problem:
            yield entry.error(
                "run-unreadable", pointer, f"{run}: {seen.problem}", "Mend the run's decision.json."
            )
        elif pointer.startswith("/runs/") and artifact.target and seen.target != artifact.target:
            yield entry.warning(
                "run-target",
                pointer,
                f"The run {run} is of the target {seen.target or 'nobody says which'}, and the "
                f"artifact of {artifact.target[:80]}.",
                "See which of the two is meant.",
            )
