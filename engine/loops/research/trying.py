"""Measures a try: its state is put into the worktree, run as often as it takes, looked at by the
rules after each execution, and taken away again.

A clear loser is dropped early. One that runs out of memory has its batch halved once, where the
protocol wants that. What an execution was found to be stands in the iteration's folder at once
(``repeat-NN.json``), so a runner that is killed counts none twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.folder import read_record, write_json_atomic
from engine.loops.research import guard, harness, tries
from engine.loops.research.carrying import carry
from engine.loops.research.constants import apply_changes, halve_batch
from engine.loops.research.history import History, Try
from engine.loops.research.judging import early_drop
from engine.loops.research.measuring import AGAIN, Reference
from engine.loops.research.snapshot import Snapshot
from engine.loops.research.surface import mutable_files, surface_hash
from engine.loops.runner import LoopFailed
from engine.records.base import Record, Sha256
from engine.records.research import Measurement, TryProposal, TryRuns

if TYPE_CHECKING:
    from engine.loops.research.research import Research

NO_RUN = "none"
HALVED = "halved.json"


class Halved(Record):
    """``halved.json``: the try after it ran out of memory once."""

    commit: str
    mutable_sha256: Sha256
    batch: dict[str, tuple[int, int]]


def measure(campaign: Research, iteration: int) -> TryRuns:
    """Every execution of an iteration. LoopFailed where the baseline does not run: there is nothing
    to hold a try against."""
    one, history = campaign.one(iteration), campaign.history(iteration)
    if one.plan.violations:
        return TryRuns(run_id=NO_RUN, trained=False)
    known = history.of_state(one.plan.mutable_sha256)
    wish = one.plan.wish
    if wish is not None and wish.kind in ("accept", "discard") and known:
        return TryRuns(run_id=known[0].run_id, trained=False)
    first = len(known) if wish is not None else 0
    count = wish.seeds if wish and wish.kind in ("rerun", "replay") else campaign.campaign.seeds
    if iteration == 1:
        count = campaign.campaign.baseline_seeds
    halved = _halved(campaign, iteration)
    if halved is None:
        found = _repetitions(campaign, one, history, range(first, first + count), one.plan.commit)
        if not _is_out_of_memory(campaign, found.measurements):
            return _looked_at(iteration, found)
        halved = _halve(campaign, iteration, one.plan)
        if halved is None:
            return _looked_at(iteration, found)
    numbers = range(AGAIN + first, AGAIN + first + count)
    found = _repetitions(campaign, one, history, numbers, halved.commit)
    found = found.model_copy(
        update={
            "batch": halved.batch,
            "commit": halved.commit,
            "mutable_sha256": halved.mutable_sha256,
        }
    )
    return _looked_at(iteration, found)


def _looked_at(iteration: int, found: TryRuns) -> TryRuns:
    if iteration == 1:
        bad = next((m for m in found.measurements if m.value is None or m.violations), None)
        if bad is not None:
            why = bad.violations[0].text if bad.violations else "\n".join(bad.trace[-3:])
            why = why.rstrip().removesuffix(".") or "it said nothing"
            raise LoopFailed(
                f"The baseline does not run ({bad.cause or 'rule'}): {why}. See {bad.run_id}.",
                "Mend the recipe and commit that, or mend the protocol. Then begin a new campaign: "
                "factory-tui research PROTOCOL",
            )
    return found


def _repetitions(
    campaign: Research, one: Try, history: History, numbers: Sequence[int], commit: str | None
) -> TryRuns:
    """Run the state of a commit; ends early at a crash, a broken rule, or for a clear loser."""
    assert commit is not None
    best = _reference(history, one)
    found: list[Measurement] = []
    for number in numbers:
        campaign.runner.check_stop()
        measured = _repetition(campaign, one, number, commit, best)
        found.append(measured)
        if measured.value is None or measured.violations:
            break
        so_far = Try(one.iteration, one.plan, TryRuns(run_id=found[0].run_id, measurements=found))
        if one.plan.wish is None and (
            why := early_drop(so_far, history, campaign.campaign, campaign.protocol)
        ):
            return TryRuns(run_id=found[0].run_id, measurements=found, dropped_early=why)
    return TryRuns(run_id=found[0].run_id, measurements=found)


def _repetition(
    campaign: Research, one: Try, number: int, commit: str, best: Reference | None
) -> Measurement:
    path = campaign.folder.iteration(one.iteration) / f"repeat-{number:03d}.json"
    if path.exists():
        return read_record(path, Measurement)
    start = _put(campaign, commit)
    measured = campaign.measurer.measure(
        one.iteration, number, hypothesis=one.plan.hypothesis, best=best, commit=commit
    )
    tree = campaign.tree
    end = tree.snapshot()
    broken = harness.broken(campaign.folder.path, tree.path)
    violations = guard.after(campaign.protocol, start, end, broken)
    for name in guard.leftovers(campaign.protocol, start, end):
        campaign.runner.message("leftover", f"{measured.run_id} left {name}; it is taken away.")
    campaign.restore()
    measured = measured.model_copy(update={"violations": [*measured.violations, *violations]})
    write_json_atomic(path, measured)
    return measured


def _put(campaign: Research, commit: str) -> Snapshot:
    """Give the worktree the state that is measured; what then stands there."""
    campaign.restore()
    tree = campaign.tree
    if refused := carry(tree, campaign.protocol, tree.head(), commit):
        raise LoopFailed(f"A try cannot be put into the worktree: {refused.text}")
    return campaign.tree.snapshot()


def _reference(history: History, one: Try) -> Reference | None:
    """What a try is held against while it runs: the best, and what the baseline printed."""
    best, baseline = history.best, history.baseline
    if best is None or baseline is None or best.runs is None:
        return None
    values = history.values_of(best.state)
    sound = history.of_state(baseline.state)
    seconds = [m.seconds for m in sound if m.seconds is not None]
    return Reference(
        value=sum(values) / len(values),
        run_id=best.runs.run_id,
        commit=best.commit or "",
        seconds=min(seconds, default=None),
        metrics=frozenset(sound[0].metrics) if sound else frozenset(),
    )


# --- out of memory ------------------------------------------------------------------------


def _is_out_of_memory(campaign: Research, found: Sequence[Measurement]) -> bool:
    wanted = campaign.protocol.safety.oom_policy == "reduce_batch"
    return wanted and any(m.cause == "oom" for m in found)


def _halved(campaign: Research, iteration: int) -> Halved | None:
    path = campaign.folder.iteration(iteration) / HALVED
    return read_record(path, Halved) if path.exists() else None


def _halve(campaign: Research, iteration: int, plan: TryProposal) -> Halved | None:
    """The try with half of its batch, as a commit; None where no constant says what its batch
    is."""
    tree, protocol = campaign.tree, campaign.protocol
    _put(campaign, plan.commit or "")
    files = mutable_files(tree.snapshot().files, protocol)
    texts = tree.texts(files)
    batch = halve_batch(texts)
    if not batch:
        campaign.restore()
        return None
    changed = apply_changes(texts, {key: after for key, (_, after) in batch.items()})
    for name, data in changed.items():
        (tree.path / name).write_bytes(data)
    snapshot = tree.snapshot()
    said = ", ".join(f"{key.rpartition(':')[2]} {a} → {b}" for key, (a, b) in batch.items())
    words = f"{plan.hypothesis}; {said}"
    commit = tries.record(tree, snapshot, iteration, words, variant="halved")
    halved = Halved(
        commit=commit, mutable_sha256=surface_hash(snapshot.files, protocol), batch=batch
    )
    write_json_atomic(campaign.folder.iteration(iteration) / HALVED, halved)
    campaign.restore()
    campaign.runner.message("oom", f"It ran out of memory. Once more with {said}.", "warning")
    return halved
