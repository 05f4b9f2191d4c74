"""A proposal: somebody changes the worktree, the rules look at it, and it becomes a commit that
waits to be measured. The tree is the best's again afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from engine.folder import write_bytes_atomic
from engine.loops.asking import asking
from engine.loops.research import guard, harness, results_log, tries
from engine.loops.research.acts import name_of
from engine.loops.research.carrying import carry, constants_between
from engine.loops.research.dependencies import modules_of
from engine.loops.research.history import History
from engine.loops.research.proposers.command import by_command
from engine.loops.research.proposers.person import by_person
from engine.loops.research.proposers.prompt import Brief, prompt_for, texts_of
from engine.loops.research.proposers.proposed import Proposed, ProposerError
from engine.loops.research.proposers.teacher import by_teacher
from engine.loops.research.settings_proposer import (
    NothingToProposeError,
    Outcome,
    propose_settings,
)
from engine.loops.research.snapshot import Entry, Snapshot
from engine.loops.research.surface import code_lines, mutable_files, surface_hash
from engine.loops.research.wishes import pending
from engine.loops.runner import LoopFailed, LoopPaused
from engine.records.base import utc_now
from engine.records.research import CHANGE_FILE, TryProposal, TryWish, Violation
from engine.secrecy import key_names

if TYPE_CHECKING:
    from engine.loops.research.research import Research

ASKED = 3
"""So often somebody is asked who fails for reasons of their own; then a person has to look."""


HOPELESS = ("key", "name", "extra", "start")
"""Failures that do not go away by asking again."""


def propose(campaign: Research, iteration: int) -> TryProposal:
    """The iteration's proposal: the baseline, what a person wished, or a new try. LoopPaused where
    a person is waited for, or nothing is left to try."""
    campaign.restore()
    history = campaign.history(iteration)
    if iteration == 1:
        return _written(campaign, iteration, history, Proposed("baseline", "The recipe as it is."))
    for file, wish in pending(campaign.folder):
        return _wished(campaign, iteration, history, file, wish)
    try:
        proposed = _ask(campaign, iteration, history)
    except ProposerError as error:
        rule: Literal["empty", "apply"] = "apply" if error.rule == "apply" else "empty"
        campaign.restore()
        who = campaign.campaign.proposer.teacher or campaign.campaign.proposer.kind
        return _written(
            campaign,
            iteration,
            history,
            Proposed(who, "A proposal that could not be taken."),
            refused=Violation(rule=rule, text=str(error)),
        )
    return _written(campaign, iteration, history, proposed)


# --- who proposes -----------------------------------------------------------------------


def _ask(campaign: Research, iteration: int, history: History) -> Proposed:
    """Ask the campaign's proposer; ProposerError for a bad proposal. One that fails for reasons of
    its own is asked again, and then the loop fails with its words."""
    for left in reversed(range(ASKED)):
        try:
            return _proposer(campaign, iteration, history)
        except ProposerError as error:
            if error.rule is not None:
                raise
            if error.code == "budget":
                raise LoopPaused(f"The budget for teachers is spent: {error}") from error
            campaign.runner.message("proposer", str(error), level="warning")
            if not left or error.code in HOPELESS:
                times = ASKED - left
                often = "" if times == 1 else f" {times} times in a row. The last"
                raise LoopFailed(
                    f"The proposer failed{often}: {error}",
                    "Mend what it says, then: resume.",
                ) from error
            campaign.restore()
    raise AssertionError("the last failure raises")


def _proposer(campaign: Research, iteration: int, history: History) -> Proposed:
    who, tree = campaign.campaign.proposer, campaign.tree
    if who.kind == "settings":
        return _settings(campaign, iteration, history)
    if who.kind == "person":
        return by_person(campaign.folder, iteration, tree)
    brief = Brief(
        campaign.protocol,
        history,
        who.goal,
        campaign.campaign.confidence,
        campaign.campaign.seeds,
        results_log.parse(campaign.campaign.results_before or "", campaign.protocol),
    )
    if who.kind == "command":
        return by_command(
            who.argv,
            prompt_for(brief, "edit"),
            tree,
            campaign.folder.iteration(iteration),
            limit_s=who.limit_s,
            check=campaign.runner.check_stop,
            named=key_names(campaign.folder.workspace.path),
        )
    files = texts_of(tree.path, list(mutable_files(tree.files(tree.head()), campaign.protocol)))
    with asking(campaign.runner, who.teacher or "") as how:
        return by_teacher(how, prompt_for(brief, "diff", files), tree, limit_s=who.limit_s)


def _settings(campaign: Research, iteration: int, history: History) -> Proposed:
    tree, protocol = campaign.tree, campaign.protocol
    files = tree.files(tree.head())
    best = tree.texts(mutable_files(files, protocol))
    base = tree.texts(mutable_files(tree.files(campaign.campaign.base_commit), protocol))
    outcomes = [
        Outcome(
            one.plan.patches,
            one.verdict.score if one.verdict else None,
            one.verdict is not None and one.verdict.outcome == "kept",
        )
        for one in history.tries
    ]
    try:
        found = propose_settings(
            best,
            outcomes,
            seed=campaign.loop.seed,
            iteration=iteration,
            lower_is_better=protocol.lower_is_better,
            seen=history.seen(),
            hash_of=lambda texts: _hash_with(campaign, files, texts),
            baseline=base,
            harness=tree.texts({n: e for n, e in files.items() if campaign.is_harness(n)}),
        )
    except NothingToProposeError as error:
        raise LoopPaused(str(error)) from error
    for name, data in found.files.items():
        (tree.path / name).write_bytes(data)
    return Proposed("settings", found.description)


def _hash_with(campaign: Research, files: Mapping[str, Entry], texts: Mapping[str, bytes]) -> str:
    """The hash of the mutable files with these bytes in them."""
    changed = dict(files)
    for name, data in texts.items():
        mode = files[name].mode if name in files else "100644"
        changed[name] = Entry(mode, campaign.tree.blob_of(data))
    return surface_hash(changed, campaign.protocol)


# --- what a person wished ---------------------------------------------------------------


def _wished(
    campaign: Research, iteration: int, history: History, file: str, wish: TryWish
) -> TryProposal:
    tree, protocol = campaign.tree, campaign.protocol
    if wish.kind == "replay" and history.best is not None:
        # Another one may have become the best since somebody wished.
        first = next(t for t in history.tries if t.state == history.best.state)
        wish = wish.model_copy(update={"iteration": first.iteration})
    one = next((t for t in history.tries if t.iteration == wish.iteration), None)
    name = name_of(wish.iteration)
    words = {
        "accept": f"{name}, accepted by a person",
        "discard": f"{name}, taken back by a person",
        "rerun": f"{name} again, with more seeds",
        "replay": "The best again",
    }[wish.kind]
    refused = None
    if one is None or one.commit is None:
        refused = Violation(rule="apply", text=f"{name} left no change that could be taken up.")
    elif wish.kind == "rerun":
        refused = carry(tree, protocol, tree.head(), one.commit)
    elif wish.kind == "accept":
        refused = carry(tree, protocol, f"{one.commit}^", one.commit)
    elif wish.kind == "discard":
        at = campaign.kept_commit(wish.iteration)
        refused = (
            carry(tree, protocol, at, f"{at}^", takes_back=True)
            if at
            else Violation(rule="apply", text=f"The commit of {name} is not on the branch.")
        )
    proposed = Proposed("person", f"{words}: {one.plan.hypothesis}" if one else words)
    return _written(campaign, iteration, history, proposed, refused=refused, wish=(file, wish))


# --- what becomes of it -----------------------------------------------------------------


def _written(
    campaign: Research,
    iteration: int,
    history: History,
    proposed: Proposed,
    *,
    refused: Violation | None = None,
    wish: tuple[str, TryWish] | None = None,
) -> TryProposal:
    """What stands in the worktree as a proposal: looked at by the rules, recorded, put back."""
    tree, protocol = campaign.tree, campaign.protocol
    snapshot = tree.snapshot()
    violations = [refused] if refused else []
    if iteration > 1 and wish is None and not refused:
        violations = _look(campaign, snapshot, history)
    diff = tree.diff(snapshot)
    folder = campaign.folder.iteration(iteration)
    folder.mkdir(parents=True, exist_ok=True)
    write_bytes_atomic(folder / CHANGE_FILE, diff)
    head_files = mutable_files(tree.files(snapshot.head), protocol)
    files = mutable_files(snapshot.files, protocol)
    before, after = tree.texts(head_files), tree.texts(files)
    commit = None
    if not violations:
        changed = snapshot.changes
        commit = (
            tries.record(tree, snapshot, iteration, proposed.description)
            if changed
            else snapshot.head
        )
    campaign.restore()
    for note in proposed.notes:
        campaign.runner.message("proposer", note)
    campaign.runner.say("plan", hypothesis=proposed.description, by=proposed.by)
    return TryProposal(
        iteration=iteration,
        by=proposed.by,
        hypothesis=proposed.description,
        rationale=proposed.rationale,
        patches=constants_between(before, after),
        made=utc_now(),
        files=sorted(change.path for change in snapshot.changes),
        mutable_sha256=surface_hash(snapshot.files, protocol),
        lines=sum(code_lines(name, data) for name, data in after.items()),
        lines_before=sum(code_lines(name, data) for name, data in before.items()),
        commit=commit,
        violations=violations,
        wish=wish[1] if wish else None,
        wish_file=wish[0] if wish else None,
    )


def _look(campaign: Research, snapshot: Snapshot, history: History) -> list[Violation]:
    tree = campaign.tree

    def read(name: str) -> bytes:
        return tree.texts({name: snapshot.files[name]})[name]

    return guard.before(
        campaign.protocol,
        snapshot,
        read,
        known=_known_modules(campaign),
        seen=history.seen(),
        harness=harness.broken(campaign.folder.path, tree.path),
    )


def _known_modules(campaign: Research) -> frozenset[str]:
    """What the base commit imports."""
    files = campaign.tree.files(campaign.campaign.base_commit)
    python = {name: one for name, one in files.items() if name.endswith((".py", ".pyi"))}
    found: set[str] = set()
    for data in campaign.tree.texts(python).values():
        found |= modules_of(data.decode("utf-8", "replace"))
    return frozenset(found)
