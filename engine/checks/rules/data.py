"""The data: where it came from, and what was kept out of it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, info, warning
from engine.judge.leaks import sentence
from engine.records.plan import StageKind
from engine.records.run import DecisionKind
from engine.records.status import Phase


def sources(contents: RunContents) -> Iterator[Finding]:
    """There is at least one source; its kind and path are checked with the file's shape."""
    dataset = contents.dataset
    if dataset is not None and not dataset.sources:
        yield error(
            "data-source",
            "dataset.json",
            "/sources",
            "dataset.json names no source: nothing says what the model was trained on.",
            'Add {"kind", "path"} for each file or generator under "sources".',
        )


def _data_ready(contents: RunContents) -> bool:
    """Whether the counts should be there: a run of ours that is past its data stage."""
    if not contents.ours:
        return True
    phase = contents.phase
    return phase is not None and (
        phase == Phase.DECIDED or not (phase.final or phase.may_become(Phase.DATA_READY))
    )


def heldout(contents: RunContents) -> Iterator[Finding]:
    """Some rows were held out: a score on rows that were trained on is no evidence."""
    dataset = contents.dataset
    if dataset is None or not _data_ready(contents) or dataset.counts.heldout_rows > 0:
        return
    plan = contents.plan
    counted = plan is not None and any(stage.kind == StageKind.DATA for stage in plan.stages)
    make = error if counted else warning
    yield make(
        "heldout-zero",
        "dataset.json",
        "/counts/heldout_rows",
        "No rows were held out, or nobody counted them.",
        "Hold rows out of the training data, and write their number into counts.heldout_rows.",
    )


def hashes(contents: RunContents) -> Iterator[Finding]:
    """Each source still is what its hash says, and lies where a source may lie."""
    for index, source in enumerate(contents.dataset.sources if contents.dataset else []):
        fact = contents.fact(source.path)
        pointer = f"/sources/{index}"
        if fact is None:
            continue
        if fact.escapes and not fact.exists:
            make = error if contents.ours else warning
            yield make(
                "file-outside",
                "dataset.json",
                f"{pointer}/path",
                f"The source {source.path} leads out of its folder.",
                "Put the data into the target's folder and name it from there.",
            )
        elif source.sha256 is None:
            continue
        elif not fact.exists:
            # Without the target nobody knows where the path begins.
            make = info if contents.outside.target_dir is None else warning
            yield make(
                "data-missing",
                "dataset.json",
                f"{pointer}/path",
                f"The source {source.path} is not there, so its hash was not compared.",
                f"Restore {source.path}.",
            )
        elif fact.sha256 is not None and fact.sha256 != source.sha256:
            yield error(
                "data-hash",
                "dataset.json",
                f"{pointer}/sha256",
                f"The source {source.path} changed since the run was made: its hash is another.",
                f"Restore {source.path} as it was; for new data, make a new run.",
            )


def leakage(contents: RunContents) -> Iterator[Finding]:
    """No prompt of a suite stands in the training rows, or comes near one of them."""
    for suite in contents.leaks.suites:
        if not suite.count:
            continue
        rows = "1 prompt" if suite.count == 1 else f"{suite.count:,} prompts"
        verb = "stands" if suite.count == 1 else "stand"
        named = " ".join(sentence(hit) for hit in suite.hits[:_NAMED])
        more = f" And {suite.count - _NAMED:,} more." if suite.count > _NAMED else ""
        place, _, line = (suite.hits[0].training if suite.hits else "").rpartition(":")
        yield error(
            "gold-leak",
            place or "leakage.json",
            "",
            f"{rows} of the suite {suite.suite} {verb} in the training rows or nearly so: the "
            f"score is not that of unseen examples. {named}{more}",
            "Take them out of the training data and make a new run.",
            line=int(line) if line.isdigit() else 0,
        )


_NAMED = 3
"""Leaked rows that a finding names; leakage.json lists more."""


def leakage_known(contents: RunContents) -> Iterator[Finding]:
    """A run of ours was searched for leaks, in the files that are there; a ship needs it."""
    if not contents.ours or not contents.measured:
        return
    decision, seen = contents.decision, contents.leaks
    shipped = decision is not None and decision.decision == DecisionKind.SHIP
    make = error if shipped else warning
    if seen.stale is not None:
        yield make(
            "leakage-stale",
            "leakage.json",
            "/training_sha256",
            f"leakage.json is of other files than are there: {seen.stale}. What it says of gold "
            "in the training rows does not hold.",
            "Restore the files as they were, or make a new run.",
        )
    elif seen.by is None:
        yield make(
            "leakage-unknown",
            "leakage.json",
            "",
            f"Leakage was not searched: {seen.why}. Nobody knows whether gold stands in the "
            "training rows.",
            "Make a new run: its data stage searches. Or put the training rows back.",
        )


def shown(contents: RunContents) -> Iterator[Finding]:
    """Gold rows that a data generator was shown are said: it may bring them back in other words."""
    for suite in contents.leaks.suites:
        if suite.shown:
            rows = "1 prompt" if suite.shown == 1 else f"{suite.shown:,} prompts"
            was = "was" if suite.shown == 1 else "were"
            yield warning(
                "gold-shown",
                "dataset.json",
                "/shown",
                f"{rows} of the suite {suite.suite} {was} shown to the data generator as "
                "examples: what it wrote from them may be the same question in other words.",
                "Show a generator other rows than gold, and make a new run.",
            )
