"""The setup commands of a protocol: one run with a stage each, once in a campaign."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.folder import RunFolder
from engine.loops.research import run_records
from engine.loops.runner import LoopFailed, Runner
from engine.loops.runs import config_of, launch_run, wait_while_running, why_failed
from engine.protocols.commands import TEMPORARY, setup_argvs
from engine.records.protocol import Protocol
from engine.records.research import Campaign
from engine.records.status import Phase
from engine.supervise.launch import is_done


def set_up(runner: Runner, campaign: Campaign, protocol: Protocol, worktree: Path) -> None:
    """Run the commands where they have not been run; LoopFailed with the first that failed.

    What they make and git ignores stays in the worktree for all tries.
    """
    if not protocol.environment.setup_commands:
        return
    run = _find(runner)
    if run is None:
        run = _create(runner, campaign, protocol, worktree)
    status = wait_while_running(runner, run)
    if not is_done(RunFolder(run), status):
        (run / "tmp").mkdir(exist_ok=True)
        launch_run(run)
        status = wait_while_running(runner, run)
    shutil.rmtree(run / "tmp", ignore_errors=True)
    if not is_done(RunFolder(run), status):
        raise LoopFailed(
            f"Setting up failed in {run.name}: {why_failed(run)}",
            "Mend what the message names, then: resume. Setup begins again. After a commit of "
            "yours begin a new campaign (--new): this one stays with the commit that it has.",
        )


def _find(runner: Runner) -> Path | None:
    """The campaign's setup run that is done or under way."""
    mark = run_records.setup_mark(runner.loop.loop_id)
    for path in reversed(run_records.in_order(runner.folder.workspace)):
        if config_of(path).get("loop") == mark:
            status = RunFolder(path).status()
            if status is not None and status.phase not in (Phase.FAILED, Phase.CANCELLED):
                return path
    return None


def _create(runner: Runner, campaign: Campaign, protocol: Protocol, worktree: Path) -> Path:
    stages = [
        run_records.stage(runner, campaign, f"setup-{number}", argv, worktree, worktree).model_copy(
            update={"disk_bytes": None, "env": TEMPORARY}
        )
        for number, argv in enumerate(setup_argvs(protocol), 1)
    ]
    stages[-1] = stages[-1].model_copy(update={"leaves": Phase.DATA_READY})
    folder = run_records.create(
        runner,
        campaign,
        protocol,
        worktree,
        stages,
        mark=run_records.setup_mark(runner.loop.loop_id),
        seed=runner.loop.seed,
        hypothesis="The setup commands of the protocol.",
        bound=None,
        parent=None,
        commit=campaign.base_commit,
        slug=f"{protocol.meta.repo.name}-setup",
    )
    runner.say("run-created", run=folder.run_id)
    return folder.path
