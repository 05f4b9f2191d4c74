"""The measurements: as they were written, of the suite that was frozen, scored by its scorer."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, warning
from engine.judge.breadth import regression_files
from engine.judge.gates import BASELINE, CANDIDATE
from engine.judge.one_ruler import ruler_difference

_AGAIN = "Restore it from a copy, or make the run again; a measurement is never edited by hand."


def as_written(contents: RunContents) -> Iterator[Finding]:
    """Records, rows and data are byte for byte what the stage that wrote them said."""
    for name, digest in (contents.events.written if contents.events else {}).items():
        now = _sha256_of(contents, name)
        if digest is None or now is None or now == digest:
            continue
        if name.startswith(("eval-", "rows-")) or name == "leakage.json":
            yield error(
                "record-changed",
                name,
                "",
                f"{name} is not as it was measured: the event that says it was written has "
                "another hash.",
                _AGAIN,
            )


def data_as_written(contents: RunContents) -> Iterator[Finding]:
    """The rows that were trained on are those that the data stage wrote."""
    for name, digest in contents.data_hashes.items():
        fact = contents.fact(name)
        if fact is not None and fact.sha256 not in (None, digest):
            yield error(
                "data-changed",
                name,
                "",
                f"{name} changed since the data stage wrote it: nobody knows what the model was "
                "trained on.",
                "Restore it from a copy, or make the run again.",
            )


def adapter(contents: RunContents) -> Iterator[Finding]:
    """The adapter is the one that the train stage left and that was measured."""
    for name, digest in (contents.provenance.adapters if contents.provenance else {}).items():
        fact = contents.fact(name)
        if fact is not None and fact.sha256 not in (None, digest):
            yield error(
                "adapter-changed",
                name,
                "",
                f"{name} is not the file that the train stage left: the scores are another "
                "model's.",
                "Put the adapter back that was measured, or measure this one in a new run.",
            )


def of_the_suite(contents: RunContents) -> Iterator[Finding]:
    """Prompt and expected answer of each row are the suite's."""
    for file, record in contents.evals.items():
        seen = contents.suites_seen.get(record.suite)
        rows = contents.rows.get(file)
        if seen is None or not rows or record.suite_sha256 != seen[0]:
            continue
        asked = seen[1]
        name = record.rows_file or file
        for line, row in enumerate(rows, start=1):
            known = asked.get(row.id)
            if known == (row.prompt, row.expected):
                continue
            what = "is not"
            if known is not None:
                what = "has another " + ("prompt" if known[0] != row.prompt else "expected answer")
            yield error(
                "rows-suite",
                name,
                "",
                f"Example {row.id} of {name} {what} in the suite {record.suite}: the rows are not "
                "of the suite that was frozen.",
                _AGAIN,
                line=line,
            )
            break
        else:
            unsaid = asked.keys() - {row.id for row in rows} - record.unscored.keys()
            if unsaid:
                yield error(
                    "rows-suite",
                    name,
                    "",
                    f"{name} has {len(rows):,} of the {len(asked):,} examples of the suite "
                    f"{record.suite}: a score over some of them is another score.",
                    _AGAIN,
                )


def unscored(contents: RunContents) -> Iterator[Finding]:
    """What is missing from a score is said: examples without an answer, or without a verdict."""
    for file, record in contents.evals.items():
        if not record.unscored:
            continue
        count = len(record.unscored)
        first, why = next(iter(record.unscored.items()))
        what = "1 example has" if count == 1 else f"{count:,} examples have"
        yield warning(
            "unscored",
            file,
            "/unscored",
            f"{what} no score in {file} (the first is {first}: {why}). What is missing is neither "
            "right nor wrong, and its rows are not paired.",
            "Make the run again, or say in the reason of the decision why it does not matter.",
        )


def scored_again(contents: RunContents) -> Iterator[Finding]:
    """The scorer gives each answer the score that is recorded."""
    for file, again in contents.rescored.items():
        if not again.wrong:
            continue
        record = contents.evals[file]
        name = record.rows_file or file
        row, score = again.wrong[0]
        line = next(n for n, one in enumerate(contents.rows[file], start=1) if one is row)
        others = len(again.wrong) - 1
        more = f" So it is with {others:,} more." if others else ""
        yield error(
            "rows-rescored",
            name,
            "",
            f"Example {row.id} of {name} is recorded with {row.score:g}; {record.scorer} gives its "
            f"answer {score:g}.{more}",
            _AGAIN,
            line=line,
        )


def one_ruler(contents: RunContents) -> Iterator[Finding]:
    """Baseline and candidate were measured by the same scorer with the same options."""
    seeds = [name for name in contents.evals if name.startswith("eval-seed-")]
    pairs = [
        (BASELINE, CANDIDATE),
        *((CANDIDATE, name) for name in sorted(seeds)),
        *regression_files([*contents.evals]),
    ]
    for one, other in pairs:
        before, after = contents.evals.get(one), contents.evals.get(other)
        if before is None or after is None:
            continue
        if difference := ruler_difference(before, after):
            yield error(
                "ruler-mismatch",
                other,
                f"/{difference.field}",
                f"{one} and {other} were not measured with one ruler. {difference.sentence}",
                "Measure both in the same way.",
            )


def _sha256_of(contents: RunContents, name: str) -> str | None:
    document = contents.document(name)
    if document.sha256 is not None:
        return document.sha256
    fact = contents.fact(name)
    return fact.sha256 if fact is not None else None
