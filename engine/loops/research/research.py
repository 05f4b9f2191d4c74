"""A research campaign: the steps of a try, each a function from what is there to what it concluded.

propose → measure → judge → keep. Every step may be begun again after a kill: it begins by putting
the worktree back to the best, and looks for what the one before it had done already.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ValidationError

from engine.agreed import is_agreed
from engine.loops.research import harness, keeping, proposing, trying
from engine.loops.research.agent import agent_program
from engine.loops.research.history import History, Try, history_before
from engine.loops.research.judging import judge_try
from engine.loops.research.measuring import Measurer
from engine.loops.research.proposers.person import keep_draft
from engine.loops.research.surface import is_harness
from engine.loops.research.tree_git import TreeError
from engine.loops.research.wishes import pending
from engine.loops.research.worktree import Worktree, make_worktree
from engine.loops.runner import LoopFailed, Runner, Step
from engine.protocols.reading import ProtocolError, read_protocol
from engine.records.loop import LoopPhase, LoopStatus
from engine.records.research import (
    PROTOCOL_FILE,
    WORKTREE,
    Campaign,
    TryCommit,
    TryProposal,
    TryRuns,
    TryVerdict,
)


class Research:
    """The kind of loop that searches a recipe."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        self.folder = runner.folder
        self.loop = runner.loop
        try:
            self.campaign = Campaign.model_validate(runner.loop.spec)
            self.read = read_protocol(self.folder.path / PROTOCOL_FILE)
        except (ValidationError, ProtocolError) as error:
            raise LoopFailed(f"The campaign cannot be read: {error}") from error
        self.protocol = self.read.protocol
        self._tree: Worktree | None = None
        self._measurer: Measurer | None = None

    def steps(self) -> Sequence[Step]:
        return (
            Step("propose", TryProposal, self.propose),
            Step("measure", TryRuns, self.measure),
            Step("judge", TryVerdict, self.judge),
            Step("keep", TryCommit, self.keep),
        )

    def begin(self) -> None:
        """The protocol is the one that was agreed to, the worktree is there, setup has run."""
        if self.read.sha256 != self.campaign.protocol_sha256:
            raise LoopFailed(
                f"{PROTOCOL_FILE} of the campaign is not the one that it began with.",
                "Put it back, or begin a new campaign: the changed protocol is asked about.",
            )
        agent = [one.sha256 for one in agent_program(self.campaign.proposer)]
        if not all(is_agreed(self.folder.workspace, one) for one in [self.read.agreed_as, *agent]):
            raise LoopFailed(
                "The campaign's commands were not agreed to in this workspace.",
                f"factory-tui loop resume {self.loop.loop_id} shows them and asks.",
            )
        if self.campaign.proposer.kind == "person":
            keep_draft(self.folder, max(1, self.runner.status.iteration))
        self._attach()
        self.measurer.set_up()
        self._note_harness()

    def why_end(self, iteration: int) -> str | None:
        if pending(self.folder):
            return None
        limits, history = self.loop.limits, self.history(iteration + 1)
        tries = sum(one.plan.wish is None for one in history.tries) - 1
        if tries >= limits.iterations:
            count = limits.iterations
            return f"The limit of {count} {'try' if count == 1 else 'tries'} is reached."
        if limits.hours is not None and self.runner.worked_s >= 3600 * limits.hours:
            return f"The {limits.hours:g} hours are over."
        spent = self.runner.status.spent
        if limits.tokens is not None and spent.tokens >= max(1, limits.tokens):
            return f"The budget of {limits.tokens:,} tokens is spent."
        if limits.usd is not None and 0 < spent.usd >= limits.usd:
            return f"The budget of {limits.usd:.2f} US dollars is spent."
        if spent.full:
            return "The budget for teachers has no room for another call."
        return None

    def finish(self) -> None:
        """The worktree is left clean, at the best, with the results log committed."""
        keeping.commit_log(self)
        self.restore()

    def end(self, phase: LoopPhase, reason: str) -> None:
        """Whoever looks into the worktree finds the best there, not half of a try."""
        if self._tree is not None:
            self.restore()

    # --- the steps ------------------------------------------------------------------

    def propose(self, iteration: int) -> BaseModel:
        """A change on top of the best, looked at by the rules; the tree is the best's again."""
        return proposing.propose(self, iteration)

    def measure(self, iteration: int) -> BaseModel:
        """Run the try as often as it takes; nothing is run of one that was refused."""
        return trying.measure(self, iteration)

    def judge(self, iteration: int) -> BaseModel:
        """Keep, discard or crash."""
        one = self.one(iteration)
        verdict = judge_try(one, self.history(iteration), self.campaign, self.protocol)
        if verdict.outcome == "kept":

            def better(status: LoopStatus) -> None:
                status.best_run = one.runs.run_id if one.runs else None
                status.best_score = verdict.score

            self.runner.update(better)
        self.runner.say(
            "verdict", outcome=verdict.outcome, reason=verdict.reason, score=verdict.score
        )
        return verdict

    def keep(self, iteration: int) -> BaseModel:
        """Commit what is kept, put back what is not, write the results log."""
        return keeping.keep(self, iteration)

    # --- what is there --------------------------------------------------------------

    @property
    def tree(self) -> Worktree:
        if self._tree is None:
            raise LoopFailed("The campaign has no worktree.")
        return self._tree

    @property
    def measurer(self) -> Measurer:
        if self._measurer is None:
            raise LoopFailed("The campaign has no worktree to measure in.")
        return self._measurer

    def history(self, iteration: int) -> History:
        """The iterations before one."""
        return history_before(self.folder, iteration)

    def one(self, iteration: int) -> Try:
        """An iteration as far as it came; LoopFailed where it has no plan."""
        plan = self.folder.done(iteration, TryProposal)
        if plan is None:
            raise LoopFailed(f"Iteration {iteration} has no plan.")
        runs, verdict = (
            self.folder.done(iteration, TryRuns),
            self.folder.done(iteration, TryVerdict),
        )
        return Try(iteration, plan, runs, verdict)

    def kept_commit(self, iteration: int) -> str | None:
        """The commit on the branch that kept an iteration; None where there is none."""
        done = self.folder.done(iteration, TryCommit)
        return done.commit if done else None

    def is_harness(self, name: str) -> bool:
        return is_harness(name, self.protocol)

    # --- the worktree ---------------------------------------------------------------

    def restore(self) -> None:
        """Put the worktree back to the best, and the harness to what it was at setup."""
        try:
            self.tree.restore()
            if (self.folder.path / harness.FILE).exists():
                left = harness.put_back(self.folder.path, self.tree.path)
                if left:
                    raise LoopFailed(
                        f"{', '.join(left[:5])} of the harness was changed and cannot be put back: "
                        "numbers before and after could not be compared.",
                        "Put it back as it was at setup, then: resume.",
                    )
        except TreeError as error:
            raise LoopFailed(str(error), "Mend that, then: resume.") from error

    def _attach(self) -> None:
        provenance, campaign = self.protocol.provenance, self.campaign
        apart = {provenance.results_log.path, provenance.baseline_artifact_path}
        try:
            self._tree = make_worktree(
                self.folder.workspace.path / campaign.repo,
                self.folder.path.resolve() / WORKTREE,
                campaign.branch,
                campaign.base_commit,
                self.folder.loop_id,
                [one for one in apart if one],
            )
        except TreeError as error:
            raise LoopFailed(str(error), "Mend that, then: resume.") from error
        self._measurer = Measurer(self.runner, campaign, self.protocol, self._tree.path)

    def _note_harness(self) -> None:
        """Setup is the moment that counts: what the harness is from here on."""
        paths = self.protocol.immutable_harness.paths
        tracked = self.tree.files(self.tree.head())
        for one in harness.note(self.folder.path, self.tree.path, paths, tracked):
            self.runner.message("harness", f"It could not be put back if a try changed it: {one}.")
