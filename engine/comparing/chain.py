"""The tries at one target in a row: which were kept, dropped or crashed, and the best so far. Pure.

A try is kept when it is better than the best before it by more than noise. The first try is held
against the model before training. The rule is the one that gates use:

- on the same rows: p < 0.05 of the exact paired test (McNemar), and a better score;
- where rows cannot be paired: the 95 % interval of the difference leaves 0 out;
- a score that is better while the drop on the regression suites is over the run's own bound is
  not kept: a model that forgot the rest is no better one;
- where neither can be had (another tool recorded a score and nothing else): the better score
  alone, and the reason says that noise was not tested.

Where the suite or its scorer changed, scores before and after cannot be compared: the best so far
starts again, held against that try's own model before training.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.comparing.difference import Difference, difference, mismatch
from engine.comparing.evidence import RunEvidence
from engine.comparing.scored import SuiteScore
from engine.comparing.settings import Change, changes
from engine.judge.noise import p_text

Outcome = Literal["kept", "dropped", "crashed", "cancelled", "running", "waiting", "unscored"]

RULE = (
    "kept: better than the best before on the same rows (p < 0.05, exact paired test), "
    "breadth within its bound"
)

_SLACK = 1e-9

THOROUGH = 400
"""With more tries than this, rows are read only of those whose score is better than the best."""

ReadRows = Callable[[RunEvidence, SuiteScore], SuiteScore]
"""Gives a score with its rows; may keep what it read."""


@dataclass(frozen=True, slots=True)
class Try:
    """One run in the row of tries. ``number`` counts from 1 in the order of time.

    ``before`` is the try whose changes are told in ``varied``: the recorded parent, else the one
    before in time (``guessed``). ``best`` is the best score after this try, None while there is
    none; ``fresh`` is True where the best starts again because scores cannot be compared.
    ``reason`` is a sentence about the outcome.
    """

    number: int
    run: RunEvidence
    outcome: Outcome
    reason: str
    before: str | None = None
    guessed: bool = False
    varied: tuple[Change, ...] = ()
    against: Difference | None = None
    best: float | None = None
    fresh: bool = False

    @property
    def score(self) -> SuiteScore | None:
        return self.run.primary


@dataclass(frozen=True, slots=True)
class Chain:
    """The tries at a target, oldest first, and the score of the model before any training."""

    target: str
    tries: tuple[Try, ...]
    start: float | None = None

    @property
    def best(self) -> Try | None:
        """The try that was kept last."""
        return next((one for one in reversed(self.tries) if one.outcome == "kept"), None)

    def count(self, *outcomes: Outcome) -> int:
        return sum(one.outcome in outcomes for one in self.tries)


def chain(target: str, runs: Sequence[RunEvidence], read_rows: ReadRows) -> Chain:
    """The tries in the order that they are given, judged one after the other.

    Rows are asked for through ``read_rows``, of two runs at a time.
    """
    by_id = {run.run_id: run for run in runs}
    keeper = _Keeper(read_rows, thorough=len(runs) <= THOROUGH)
    tries: list[Try] = []
    for number, run in enumerate(runs, start=1):
        parent = by_id.get(run.summary.parent_run_id or "")
        guessed = parent is None and number > 1
        before = runs[number - 2] if guessed else parent
        if before is run:
            before = None
        outcome, reason, against, fresh = keeper.judge(run)
        tries.append(
            Try(
                number=number,
                run=run,
                outcome=outcome,
                reason=reason,
                before=before.run_id if before else None,
                guessed=guessed,
                varied=changes(before.settings, run.settings) if before else (),
                against=against,
                best=keeper.best.score if keeper.best else None,
                fresh=fresh,
            )
        )
    first = next((run.primary_base for run in runs if run.primary_base is not None), None)
    return Chain(target, tuple(tries), first.score if first else None)


_UNTRAINED = "the model before training"
_BEST = "the best before"


class _Keeper:
    """The best so far, and what becomes of a try that is held against it."""

    def __init__(self, read_rows: ReadRows, *, thorough: bool) -> None:
        self._thorough = thorough
        self.best: SuiteScore | None = None
        self._owner: RunEvidence | None = None
        self._name = _UNTRAINED
        self._read = read_rows

    def judge(self, run: RunEvidence) -> tuple[Outcome, str, Difference | None, bool]:
        """(outcome, reason, difference from what it is held against, the best starts again)."""
        unfinished = _unfinished(run)
        if unfinished is not None:
            return (*unfinished, None, False)
        score = run.primary
        if score is None or score.score is None:
            return "unscored", "No score on the primary suite is recorded.", None, False
        fresh = self.best is not None and mismatch(self.best, score) is not None
        why_fresh = f"{mismatch(self.best, score)} " if fresh and self.best is not None else ""
        held, owner, name = self.best, self._owner, self._name
        if held is None or owner is None or fresh:
            held, owner, name = run.primary_base, run, _UNTRAINED
        if held is None or held.score is None:
            self.best, self._owner, self._name = score, run, _BEST
            return "kept", why_fresh + "The first score; nothing to hold it against.", None, fresh
        kept, reason, against = self._against(owner, held, run, score, name)
        if kept:
            kept, reason = _within_breadth(run, reason)
        if kept:
            self.best, self._owner, self._name = score, run, _BEST
        elif fresh or self.best is None:
            # Not better than the model before training: that one stays the best to beat.
            self.best, self._owner, self._name = held, owner, name
        return ("kept" if kept else "dropped"), why_fresh + reason, against, fresh

    def _against(
        self,
        owner: RunEvidence,
        held: SuiteScore,
        run: RunEvidence,
        score: SuiteScore,
        name: str,
    ) -> tuple[bool, str, Difference]:
        assert held.score is not None and score.score is not None
        gain = score.score - held.score
        gain = gain if score.direction == "higher" else -gain
        if gain <= _SLACK and not self._thorough:
            found = difference(held, score)
        else:
            found = difference(self._read(owner, held), self._read(run, score))
        if found.paired and found.p is not None:
            counts = f"{found.fixed} fixed, {found.broken} broken, {p_text(found.p)}"
            said = {"better": "Better than", "worse": "Worse than", "equal": "The same as"}
            start = said.get(found.word, "Within the noise of")
            return found.word == "better", f"{start} {name}: {counts}.", found
        if gain <= _SLACK:
            word = "As good as" if abs(gain) <= _SLACK else "Lower than"
            word = "Higher than" if word == "Lower than" and score.direction == "lower" else word
            return False, f"{word} {name} by its score.", found
        if found.word == "not comparable":
            return False, found.reason, found
        if found.interval is not None:
            low, high = found.interval
            sure = low > 0 if score.direction == "higher" else high < 0
            how = "leaves 0 out" if sure else "holds 0"
            words = f"its 95 % interval {how}; the rows cannot be paired"
            if sure:
                return True, f"Better than {name}: {words}.", found
            return False, f"Within the noise of {name}: {words}.", found
        return True, f"Better than {name} by its score alone: noise was not tested.", found


def _within_breadth(run: RunEvidence, reason: str) -> tuple[bool, str]:
    """Whether a better try may be kept, and the reason with what breadth has to do with it."""
    bound = run.summary.breadth_drop_max_pp
    if bound is None:
        return True, reason
    drop = breadth_drop_pp(run)
    if drop is None:
        return True, f"{reason} Breadth was not measured."
    if drop > bound + _SLACK:
        words = f"but breadth fell by {drop:.1f} pp, over its bound of {bound:g} pp"
        return False, f"{reason.removesuffix('.')}, {words}."
    return True, reason


def breadth_drop_pp(run: RunEvidence) -> float | None:
    """The mean drop over the regression suites, percentage points; None where it is not known.

    A gain counts as a negative drop, as it does for the gate.
    """
    before = {one.suite: one for one in run.base if one.role == "regression"}
    drops: list[float] = []
    for after in run.scores:
        base = before.pop(after.suite, None)
        if after.role != "regression":
            continue
        if base is None or base.score is None or after.score is None or mismatch(base, after):
            return None
        sign = 1 if after.direction == "higher" else -1
        drops.append(100 * sign * (base.score - after.score))
    return None if before or not drops else sum(drops) / len(drops)


def _unfinished(run: RunEvidence) -> tuple[Outcome, str] | None:
    """What became of a run that did not get to its score; None for one that is scored."""
    summary = run.summary
    if summary.liveness == "running":
        return "running", f"It runs: {summary.stage or summary.phase or 'starting'}."
    if summary.liveness == "waiting":
        return "waiting", f"It waits for {summary.waiting_for or 'its turn'}."
    if summary.phase == "failed":
        return "crashed", f"Failed: {summary.last_error or 'no reason is recorded'}"
    if summary.liveness == "dead":
        return "crashed", "Its supervisor died; R in Live resumes it."
    if summary.phase == "cancelled" and run.primary is None:
        return "cancelled", "It was cancelled."
    return None
