"""The rules of validation, by family. To add one: write it in its family, name it in ``ALL``.

A rule is a small function from a folder's contents to findings. It does no I/O, and it stays
silent about files that another rule has already found missing or wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.checks.contents import RunContents
from engine.checks.finding import Finding
from engine.checks.rules import (
    data,
    decision,
    evals,
    files,
    form,
    frozen,
    measured,
    report,
    review,
    ruler,
    sealed,
    stream,
)

Rule = Callable[[RunContents], Iterable[Finding]]

ALL: tuple[Rule, ...] = (
    files.loading,
    files.missing,
    files.run_id,
    files.status_phase,
    files.supervisor,
    form.line_ends,
    form.left_over,
    form.uncounted,
    stream.events,
    frozen.first_event,
    frozen.witness,
    frozen.threshold,
    frozen.plan,
    frozen.suites,
    frozen.primary,
    frozen.helpers,
    data.sources,
    data.heldout,
    data.hashes,
    data.leakage,
    data.leakage_known,
    data.shown,
    measured.as_written,
    measured.data_as_written,
    measured.adapter,
    measured.of_the_suite,
    measured.unscored,
    measured.scored_again,
    measured.one_ruler,
    sealed.unchanged,
    sealed.unseen,
    sealed.said,
    evals.same_suite,
    evals.primary_suite,
    evals.rows,
    evals.passed_flag,
    evals.scale,
    decision.artifact,
    decision.base_model,
    decision.weights,
    decision.blockers,
    decision.gates,
    decision.overrides,
    decision.routing,
    decision.evidence,
    decision.lesson,
    decision.superseded,
    report.numbers,
    report.stale,
    report.older,
    report.card,
    ruler.ceilings,
    review.answers,
    review.counted,
)
