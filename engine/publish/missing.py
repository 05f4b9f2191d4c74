"""The evidence that is not there, and what follows from that. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.checks.contents import RunContents
from engine.judge.gates import BASELINE, CANDIDATE, Verdict
from engine.publish.standing import Standing


@dataclass(frozen=True, slots=True)
class Missing:
    """``what`` is not there; ``why`` says what cannot be told without it."""

    what: str
    why: str


def missing(contents: RunContents, suites: Sequence[Standing]) -> list[Missing]:
    """Everything that a reader might look for and not find."""
    return [
        *_records(contents),
        *_scores(suites),
        *_gates(contents),
        *_skipped(contents),
        *_cost(contents, suites[0]),
        *_origin(contents),
    ]


def _records(contents: RunContents) -> Iterator[Missing]:
    for name, why in (
        ("config.json", "What was built, and by which bounds it is judged, is not recorded."),
        ("dataset.json", "What it was trained on is not recorded."),
        ("decision.json", "Nobody has decided."),
    ):
        if contents.document(name).record is None:
            state = "cannot be read" if name in contents.names else "is missing"
            yield Missing(name, f"{name} {state}. {why}")


def _scores(suites: Sequence[Standing]) -> Iterator[Missing]:
    for one in suites:
        sides = ("before", one.before, one.files[0]), ("after", one.after, one.files[1])
        for when, record, file in sides:
            if record is None:
                yield Missing(
                    f"{one.suite}, {when} training", f"{file} is missing or cannot be read."
                )
            elif record.historical:
                yield Missing(
                    f"{one.suite}, {when} training",
                    f"{file} is historical ({record.historical}): it was not measured for "
                    "this run.",
                )
        both = one.before is not None and one.after is not None
        problem = one.comparison.rows_problem if one.comparison else None
        if both and problem and not one.mismatch:
            yield Missing(
                f"Paired rows of {one.suite}",
                f"{problem[0].upper()}{problem[1:]}, so the difference was not tested.",
            )


def _gates(contents: RunContents) -> Iterator[Missing]:
    for gate in contents.gates:
        if gate.verdict is Verdict.UNDECIDED and gate.value is None:
            yield Missing(f"Gate {gate.title}", gate.reason)


def _skipped(contents: RunContents) -> Iterator[Missing]:
    for file, record in sorted(contents.evals.items()):
        for name, why in sorted(record.skipped.items()):
            if name == "latency" and file not in (BASELINE, CANDIDATE):
                continue  # it is measured on the primary suite, and nobody looks for another
            yield Missing(f"{name} in {file}", f"Skipped: {why}")


def _cost(contents: RunContents, primary: Standing) -> Iterator[Missing]:
    if primary.after is not None and primary.after.latency is None:
        yield Missing(
            "Latency of one answer asked alone",
            "Not measured: what a user waits for is not known. Times in batches are upper bounds.",
        )


def _origin(contents: RunContents) -> Iterator[Missing]:
    if contents.leaks.by is None and contents.leaks.why:
        yield Missing(
            "Search for leaks",
            "Whether examples of the suites stand in the training data is not known: "
            f"{contents.leaks.why}.",
        )
    if contents.document("provenance.json").record is None:
        yield Missing(
            "Provenance", "Commands, versions and the machine are not recorded (provenance.json)."
        )
