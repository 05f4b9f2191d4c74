"""The evaluations: comparable, whole, and of a piece with their rows."""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, warning
from engine.judge.breadth import regression_files
from engine.judge.comparison import ROUNDING
from engine.judge.gates import BASELINE, BREADTH_DROP, CANDIDATE, PRIMARY_MIN, Verdict
from engine.judge.measured import seed_file


def same_suite(contents: RunContents) -> Iterator[Finding]:
    """Baseline and candidate were measured on the same suite, in the same version."""
    pairs = [(BASELINE, CANDIDATE), *regression_files([*contents.evals])]
    seeds = contents.config.eval.seeds if contents.config else []
    pairs += [(BASELINE, seed_file(seed)) for seed in seeds]
    for baseline_file, candidate_file in pairs:
        before, after = contents.evals.get(baseline_file), contents.evals.get(candidate_file)
        if before is None or after is None:
            continue
        hashes = before.suite_sha256, after.suite_sha256
        if before.suite != after.suite:
            what, pointer = f"{before.suite} and {after.suite}", "/suite"
        elif all(hashes) and hashes[0] != hashes[1]:
            what, pointer = f"two versions of {after.suite}", "/suite_sha256"
        else:
            continue
        yield error(
            "suite-mismatch",
            candidate_file,
            pointer,
            f"{baseline_file} and {candidate_file} were measured on {what}: their scores cannot "
            "be compared.",
            "Measure both on the same suite.",
        )


def primary_suite(contents: RunContents) -> Iterator[Finding]:
    """The candidate was measured on the suite that the config calls primary."""
    config, candidate = contents.config, contents.evals.get(CANDIDATE)
    if config is None or candidate is None or candidate.suite == config.eval.primary:
        return
    make = error if contents.ours else warning
    yield make(
        "suite-primary",
        CANDIDATE,
        "/suite",
        f"The candidate was measured on {candidate.suite}; the primary suite is "
        f"{config.eval.primary}.",
        "Measure on the primary suite, or name the suite alike in both files.",
    )


def rows(contents: RunContents) -> Iterator[Finding]:
    """The rows are the ones that the score was made of."""
    for file, record in contents.evals.items():
        if record.rows_file is not None:
            fact = contents.fact(record.rows_file)
            if fact is not None and not fact.exists:
                yield error(
                    "rows-missing",
                    file,
                    "/rows_file",
                    f"{file} names the rows {record.rows_file}, which are not there.",
                    f"Restore {record.rows_file}, or measure again.",
                )
            elif fact is not None and record.rows_sha256 not in (None, fact.sha256):
                yield error(
                    "rows-hash",
                    file,
                    "/rows_sha256",
                    f"{record.rows_file} changed since {file} was written: its hash is another.",
                    f"Restore {record.rows_file}, or measure again.",
                )
        found = contents.rows.get(file)
        if not found:
            continue
        mean = math.fsum(row.score for row in found) / len(found)
        if record.n is not None and record.n != len(found):
            yield error(
                "rows-score",
                file,
                "/n",
                f"{file} counts {record.n} examples; its rows are {len(found)}.",
                "Measure again.",
            )
        if not abs(mean - record.score) <= ROUNDING:
            yield error(
                "rows-score",
                file,
                "/score",
                f"{file} says {record.score:.4f}; its rows give {mean:.4f}.",
                "Measure again; a score is never edited by hand.",
            )


def passed_flag(contents: RunContents) -> Iterator[Finding]:
    """A ``passed`` flag does not say other than its gate, which is what counts."""
    gates = {gate.name: gate for gate in contents.gates}
    judged = {CANDIDATE: gates.get(PRIMARY_MIN)}
    for _, candidate in regression_files([*contents.evals]):
        judged[candidate] = gates.get(BREADTH_DROP)
    for file, gate in judged.items():
        record = contents.evals.get(file)
        if record is None or gate is None or record.passed is not True:
            continue
        if gate.verdict == Verdict.FAIL:
            yield warning(
                "passed-flag",
                file,
                "/passed",
                f"{file} says passed, but the gate {gate.name} fails. {gate.reason}",
                "Nothing to do for the verdict: it is recomputed from the scores.",
            )


def scale(contents: RunContents) -> Iterator[Finding]:
    """The bound and the score are on one scale."""
    config, record = contents.config, contents.evals.get(CANDIDATE)
    if config is None or record is None or config.eval.direction != "higher":
        return
    bound, score = config.eval.threshold.primary_min, record.score
    if bound is None:
        return
    if 0 < bound <= 1 < score and record.metric in (None, "accuracy") and score <= 100:
        yield warning(
            "score-scale",
            CANDIDATE,
            "/score",
            f"The score is {score:g} and the bound {bound:g}: one looks like per cent, the other "
            "like a share.",
            f"Write both as shares, for example {score / 100:g}.",
        )
