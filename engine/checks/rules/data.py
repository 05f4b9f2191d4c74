"""The data: where it came from, and what was kept out of it."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, info, warning
from engine.records.plan import StageKind
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
    """No prompt of a suite stands in the training rows."""
    for suite, count in contents.outside.leaks.items():
        rows = "1 prompt" if count == 1 else f"{count} prompts"
        yield error(
            "gold-leak",
            "data/train.jsonl",
            "",
            f"{rows} of the suite {suite} stand in the training rows as well: the score is not "
            "that of unseen examples.",
            "Take them out of the training data and make a new run.",
        )
