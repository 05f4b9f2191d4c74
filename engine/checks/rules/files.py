"""Files: are they there, can they be read, do they belong to this run?"""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error, info, warning
from engine.records.run import Decision
from engine.records.status import Phase, StageState


def loading(contents: RunContents) -> Iterator[Finding]:
    """Every file that is unreadable, cut off, not JSON, of the wrong shape, or led elsewhere."""
    for document in contents.documents.values():
        yield from document.problems
    yield from contents.problems


_CREATED = {
    "config.json": "what is built and by which bounds it is judged",
    "dataset.json": "what it was trained on",
}
_OURS = {
    "plan.json": "the stages of the run",
    "run-status.json": "where the run is",
    "events.jsonl": "what happened",
}
_EVALS = {
    "eval-baseline.json": "the score before",
    "eval-candidate.json": "the score after",
}


def missing(contents: RunContents) -> Iterator[Finding]:
    """Files that must be there by now. What a run that is under way has yet to write is none."""
    wanted = dict(_CREATED)
    if contents.ours:
        wanted |= _OURS
    if contents.measured:
        wanted |= _EVALS
    for name, what in wanted.items():
        if name not in contents.names:
            yield error(
                "file-missing",
                name,
                "",
                f"{name} is missing: it says {what}.",
                f"Restore {name} from a copy, or make the run again: factory-tui run TARGET",
            )
    yield from _stage_outputs(contents)
    yield from _decision_missing(contents)
    yield from _report_missing(contents)


def _stage_outputs(contents: RunContents) -> Iterator[Finding]:
    status, plan = contents.status, contents.plan
    if status is None or plan is None:
        return
    for stage in plan.stages:
        state = status.stages.get(stage.name)
        if state is None or state.state != StageState.DONE:
            continue
        for output in stage.outputs:
            # Files in folders are big and may have been moved away; records may not.
            if "/" not in output and output not in contents.names and output not in _EVALS:
                yield error(
                    "stage-output",
                    output,
                    "",
                    f"{output} is missing, though the stage {stage.name} that writes it is done.",
                    f"Restore {output} from a copy, or make the run again.",
                )


def _decision_missing(contents: RunContents) -> Iterator[Finding]:
    if "decision.json" in contents.names:
        return
    fix = f"factory-tui decide {contents.run_id} DECISION --reason …"
    if contents.phase == Phase.DECIDED:
        yield error(
            "file-missing",
            "decision.json",
            "",
            "The run is decided, but has no decision.json.",
            fix,
        )
    elif not contents.ours:
        yield error(
            "file-missing",
            "decision.json",
            "",
            "decision.json is missing: nothing is decided.",
            fix,
        )
    elif contents.measured:
        yield info("undecided", "decision.json", "", "The run waits for a decision.", fix)


def _report_missing(contents: RunContents) -> Iterator[Finding]:
    over = contents.phase == Phase.DECIDED if contents.ours else True
    if over and "report.md" not in contents.names:
        yield warning(
            "report-missing",
            "report.md",
            "",
            "report.md is missing; it is made from the records at any time.",
            f"factory-tui report {contents.run_id}",
        )


def run_id(contents: RunContents) -> Iterator[Finding]:
    """The run_id of each record is the folder's name."""
    named = {
        "config.json": contents.config,
        "plan.json": contents.plan,
        "run-status.json": contents.status,
    }
    for file, record in named.items():
        if record is not None and record.run_id != contents.run_id:
            yield error(
                "run-id",
                file,
                "/run_id",
                f"{file} belongs to the run {record.run_id}; the folder is {contents.run_id}.",
                f"Rename the folder to {record.run_id}, or set run_id to {contents.run_id}.",
            )


def status_phase(contents: RunContents) -> Iterator[Finding]:
    """A decision and the phase say the same."""
    phase = contents.phase
    if phase is None or contents.record("decision.json", Decision) is None:
        return
    if phase not in (Phase.DECIDED, Phase.FAILED, Phase.CANCELLED):
        yield warning(
            "phase-decided",
            "run-status.json",
            "/phase",
            f"decision.json is there, but the phase is {phase}.",
            "Remove decision.json and decide with factory-tui decide, which does both.",
        )


def supervisor(contents: RunContents) -> Iterator[Finding]:
    """A run that says it is under way has a supervisor that lives."""
    status = contents.status
    if status is None or status.phase.final or contents.supervisor_alive is not False:
        return
    unfinished = [
        name
        for name, stage in status.stages.items()
        if stage.state in (StageState.PENDING, StageState.RUNNING)
    ]
    if unfinished:
        yield warning(
            "supervisor-gone",
            "run-status.json",
            "/supervisor",
            f"The run stopped in the middle: its supervisor is gone, {unfinished[0]} is not done.",
            f"factory-tui resume {contents.run_id}",
        )
