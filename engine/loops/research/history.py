"""What a campaign knows of its tries, from the records of its iterations. Reads, writes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.folder import read_record
from engine.loops.folder import LoopFolder
from engine.records.research import Measurement, TryProposal, TryRuns, TryVerdict


@dataclass(frozen=True, slots=True)
class Try:
    """An iteration as far as it came; iteration 1 is the baseline."""

    iteration: int
    plan: TryProposal
    runs: TryRuns | None = None
    verdict: TryVerdict | None = None

    @property
    def state(self) -> str:
        """The hash of the mutable files that were measured."""
        halved = self.runs.mutable_sha256 if self.runs else None
        return halved or self.plan.mutable_sha256

    @property
    def commit(self) -> str | None:
        """That state as a commit; None for a try that was refused."""
        halved = self.runs.commit if self.runs else None
        return halved or self.plan.commit

    @property
    def values(self) -> list[float]:
        """The primary metric of each execution that has one."""
        return [m.value for m in self.runs.measurements if m.value is not None] if self.runs else []


@dataclass(frozen=True, slots=True)
class History:
    """The iterations before one of them, in order."""

    tries: list[Try] = field(default_factory=list)

    @property
    def baseline(self) -> Try | None:
        return self.tries[0] if self.tries else None

    @property
    def best(self) -> Try | None:
        """The try that was kept last; None before the baseline was measured."""
        kept = (
            one for one in reversed(self.tries) if one.verdict and one.verdict.outcome == "kept"
        )
        return next(kept, None)

    def of_state(self, state: str) -> list[Measurement]:
        """Every sound measurement of a state of the mutable files, whoever proposed it."""
        found = []
        for one in self.tries:
            if one.runs is None or one.state != state:
                continue
            sound = (m for m in one.runs.measurements if m.value is not None and not m.violations)
            found += list(sound)
        return found

    def values_of(self, state: str) -> list[float]:
        """The primary metric of those."""
        return [m.value for m in self.of_state(state) if m.value is not None]

    def groups(self) -> list[list[float]]:
        """The values of each state that was measured: what the noise is estimated from."""
        states = dict.fromkeys(one.state for one in self.tries if one.runs)
        return [values for state in states if (values := self.values_of(state))]

    def seen(self) -> dict[str, int]:
        """The states that were proposed, with the iteration that did so first."""
        found: dict[str, int] = {}
        for one in self.tries:
            found.setdefault(one.plan.mutable_sha256, one.iteration)
            found.setdefault(one.state, one.iteration)
        return found


def history_before(folder: LoopFolder, iteration: int) -> History:
    """The iterations before one, as they are on disk; FolderError where one cannot be read."""
    tries = []
    for number in folder.iterations():
        if number >= iteration:
            break
        plan = folder.done(number, TryProposal)
        if plan is not None:
            runs, verdict = folder.done(number, TryRuns), folder.done(number, TryVerdict)
            tries.append(Try(number, plan, runs, verdict))
    return History(tries)


def baseline_failed(folder: LoopFolder) -> bool:
    """Whether the last execution of the baseline gave no number that counts; FolderError where it
    cannot be read."""
    if folder.done(1, TryVerdict) is not None:
        return False
    measured = sorted(folder.iteration(1).glob("repeat-*.json"))
    if not measured:
        return False
    last = read_record(measured[-1], Measurement)
    return last.value is None or bool(last.violations)
