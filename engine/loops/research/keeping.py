"""What becomes of a try that was judged: a commit or not, its row in the results log, and the
decisions of its runs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from engine.decisions.deciding import Refused, make_decision
from engine.folder import FolderError, RunFolder
from engine.loops.research import results_log, tries
from engine.loops.research.history import Try
from engine.loops.research.results_log import LogError
from engine.loops.research.tree_git import TreeError
from engine.loops.runner import LoopFailed
from engine.records.research import Measurement, TryCommit, TryStatus, TryVerdict
from engine.records.run import Confidence, Decision, DecisionKind
from engine.records.status import Phase

if TYPE_CHECKING:
    from engine.loops.research.research import Research


def keep(campaign: Research, iteration: int) -> TryCommit:
    """Commit a try that was kept, restore the tree, write its row. Begun again it does the same.

    LoopFailed where git or the log refuse.
    """
    one = campaign.one(iteration)
    assert one.verdict is not None
    try:
        campaign.restore()
        commit = _commit(campaign, one, one.verdict) if _is_new_best(one) else one.commit
        campaign.restore()
        row = _row(campaign, one, one.verdict, commit)
        _write(campaign, [*_rows(campaign, iteration), row])
        if iteration == 1:
            _keep_baseline_log(campaign, one)
    except (TreeError, LogError, OSError) as error:
        raise LoopFailed(f"Iteration {iteration}: {error}", "Mend that, then: resume.") from error
    _decide(campaign, one, one.verdict)
    on_branch = one.verdict.outcome == "kept"
    reason = None if on_branch else "Discarded; its ref keeps it."
    return TryCommit(commit=commit if on_branch else None, reason=reason, row=row)


def commit_log(campaign: Research) -> None:
    """Commit the rows that no kept try took along; LoopFailed where git refuses."""
    rows = _rows(campaign, max(campaign.folder.iterations(), default=0) + 1)
    if not rows:
        return
    try:
        data = _write(campaign, rows)
        tries.commit_log(campaign.tree, campaign.protocol, data, "Results of the campaign's tries")
    except (TreeError, LogError) as error:
        raise LoopFailed(str(error), "Mend that, then: resume.") from error


def _is_new_best(one: Try) -> bool:
    """Whether something comes onto the branch: not for the baseline, nor for a replay."""
    return (
        one.verdict is not None
        and one.verdict.outcome == "kept"
        and one.iteration > 1
        and not (one.plan.wish and one.plan.wish.kind == "replay")
    )


def _commit(campaign: Research, one: Try, verdict: TryVerdict) -> str:
    metric = campaign.protocol.measurement.primary_metric.name
    log = _write(campaign, _rows(campaign, one.iteration))
    return tries.keep(
        campaign.tree,
        campaign.protocol,
        one.commit or "",
        base=campaign.campaign.base_commit,
        iteration=one.iteration,
        message=tries.message_of(metric, verdict.best_before, verdict.score, one.plan.hypothesis),
        log=log,
    )


# --- the results log ----------------------------------------------------------------------


def _rows(campaign: Research, iteration: int) -> list[dict[str, str]]:
    """The rows of the iterations before one."""
    found = []
    for number in campaign.folder.iterations():
        done = campaign.folder.done(number, TryCommit) if number < iteration else None
        if done is not None:
            found.append(done.row)
    return found


def _row(campaign: Research, one: Try, verdict: TryVerdict, commit: str | None) -> dict[str, str]:
    measured = one.runs.measurements if one.runs else []
    memory = [m.memory_gb for m in measured if m.memory_gb is not None]
    status = verdict.status.value
    description = one.plan.hypothesis
    if verdict.status is TryStatus.CRASH:
        status = campaign.protocol.safety.crash_status or status
        description += f" (crash: {verdict.cause})"
    elif verdict.cause is not None:
        description += f" (broke a rule: {verdict.cause})"
    return results_log.cells_of(
        campaign.protocol,
        commit=commit,
        value=verdict.score,
        memory_gb=max(memory, default=None),
        status=status,
        description=description,
        secondary=measured[0].metrics if measured else None,
    )


def _write(campaign: Research, rows: list[dict[str, str]]) -> bytes:
    path = campaign.tree.path / campaign.protocol.provenance.results_log.path
    return results_log.write_log(path, campaign.campaign.results_before, rows, campaign.protocol)


def _keep_baseline_log(campaign: Research, one: Try) -> None:
    """The baseline's output where the protocol wants it."""
    name = campaign.protocol.provenance.baseline_artifact_path
    if name is None or one.runs is None:
        return
    place = campaign.tree.path / name
    if not place.parent.resolve().is_relative_to(campaign.tree.path.resolve()):
        campaign.runner.message("baseline-log", f"{name} leads out of the repository.", "warning")
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(campaign.folder.workspace.runs_dir / one.runs.run_id / "train.log", place)


# --- decisions ------------------------------------------------------------------------------


def _decide(campaign: Research, one: Try, verdict: TryVerdict) -> None:
    """Decide the runs that nobody has to look at: all but the first of a try that was kept."""
    measured = one.runs.measurements if one.runs else []
    for number, measurement in enumerate(measured):
        if verdict.outcome == "kept" and number == 0 and one.iteration > 1:
            continue
        _decide_run(campaign, measurement, verdict)


def _decide_run(campaign: Research, measurement: Measurement, verdict: TryVerdict) -> None:
    run = campaign.folder.workspace.runs_dir / measurement.run_id
    rejected = verdict.outcome == "dropped"
    words = "Discarded by the campaign" if rejected else "One measurement of several"
    decision = Decision(
        decision=DecisionKind.REJECT if rejected else DecisionKind.PARK,
        reason=f"{words}. {verdict.reason}",
        failure_reason=verdict.reason if rejected else "Nothing failed: the try is decided on all.",
        failure_reason_confidence=(Confidence.INFERRED if rejected else Confidence.NOT_APPLICABLE),
        lesson="The campaign's verdict counts, not one measurement.",
        next_action="The next try of the campaign.",
    )
    try:
        status = RunFolder(run).status()
        if status is not None and status.phase in (Phase.EVALUATED, Phase.PACKAGED):
            made = make_decision(run, decision)
            if isinstance(made, Refused) and not (run / "decision.json").exists():
                reasons = " ".join(made.reasons)
                campaign.runner.message("decision", f"{run.name} is not decided: {reasons}")
    except (OSError, FolderError) as error:
        campaign.runner.message("decision", f"{run.name} is not decided: {error}", "warning")
