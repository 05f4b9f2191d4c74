"""The last look before a stage is executed: was everything agreed to that it would run?

Whoever planned the run may have asked; the plan, the target or a file of it may be another by now,
and a run folder may come from elsewhere. Nobody can be asked here, so the stage is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from engine.agreed import is_agreed
from engine.folder import FolderError, RunFolder
from engine.plans.named_files import CannotAgree
from engine.plans.programs import Program, not_agreed_of
from engine.plans.stage_programs import in_short
from engine.records.plan import Plan, Stage, StageKind
from engine.records.run import RunConfig
from engine.records.status import LastError, RunStatus, StageState
from engine.workspace import Workspace

NOT_AGREED = "not-agreed"
"""The code of a stage that was refused."""

_SEED = re.compile(r"[0-9]{1,10}")
_TAKEN = (StageState.DONE, StageState.REUSED)


def refusal(run: Path, plan: Plan, stage: Stage) -> LastError | None:
    """Why the stage is not executed; None where it may be. Reads what it would run, as it is now:
    blocks, for a thread."""
    try:
        programs = _not_agreed(run, plan, [stage])
    except CannotAgree as error:
        return _error(stage, str(error), "Change that in forge.yaml, and make a new run.")
    except OSError as error:
        text = f"what it runs cannot be read ({error.strerror or error})"
        return _error(stage, f"{text}.", "Mend that, then: resume.")
    if not programs:
        return None
    what = in_short(programs).removeprefix(f"{stage.name}: ")
    return _error(
        stage,
        f"it was not executed, since nobody agreed here to what it runs: {what}.",
        f"Look at it, then: factory-tui resume {run.name} shows it and asks (--yes agrees).",
    )


def _error(stage: Stage, why: str, fix: str) -> LastError:
    text = f"Stage {stage.name}: {why}"
    return LastError(stage=stage.name, message=text, fix=fix, code=NOT_AGREED)


def to_agree(run: Path) -> list[Program]:
    """What the stages of a run that are not done would execute and nobody agreed to.

    FolderError where its records cannot be read; CannotAgree; OSError.
    """
    folder = RunFolder(run)
    plan, status = folder.read("plan.json", Plan), folder.status()
    return _not_agreed(run, plan, [one for one in plan.stages if not _is_done(status, one)])


def target_of(run: Path, plan: Plan) -> Path:
    """The folder that the plan's stages work for."""
    return (Workspace.of_run(run).path / plan.target_dir).resolve()


def _is_done(status: RunStatus | None, stage: Stage) -> bool:
    one = None if status is None else status.stages.get(stage.name)
    return one is not None and one.state in _TAKEN


def _not_agreed(run: Path, plan: Plan, stages: Sequence[Stage]) -> list[Program]:
    place, target = Workspace.of_run(run), target_of(run, plan)
    return [
        program
        for stage in stages
        for program in not_agreed_of(place, target, [stage], run)
        if not _is_of_a_campaign(place, run, target, stage)
    ]


# --- campaigns --------------------------------------------------------------------


def _is_of_a_campaign(place: Workspace, run: Path, target: Path, stage: Stage) -> bool:
    """Whether the stage is what the agreed protocol of the run's campaign has run: its words, in
    its worktree, without secrets."""
    if stage.kind is not StageKind.COMMAND or not stage.withholds_secrets:
        return False
    try:
        mark = getattr(RunFolder(run).read("config.json", RunConfig), "loop", None)
    except FolderError:
        return False
    name = mark.get("id") if isinstance(mark, dict) else None
    if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
        return False
    return _is_of_the_protocol(place, place.path / "loops" / name, target, stage)


def _is_of_the_protocol(place: Workspace, loop: Path, target: Path, stage: Stage) -> bool:
    from engine.protocols.commands import TEMPORARY, measure_argv, measure_env, setup_argvs
    from engine.protocols.reading import ProtocolError, read_protocol
    from engine.records.research import PROTOCOL_FILE, WORKTREE

    try:
        read = read_protocol(loop / PROTOCOL_FILE)
        worktree = (loop / WORKTREE).resolve()
        if not is_agreed(place, read.agreed_as) or target != worktree:
            return False
        cwd = Path(stage.cwd.replace("{workspace}", str(place.path))).resolve()
        seed = stage.env.get("SEED")
        if seed is None:
            argvs = setup_argvs(read.protocol)
            return stage.argv in argvs and stage.env == TEMPORARY and cwd == worktree
        return (
            _SEED.fullmatch(seed) is not None
            and stage.argv == measure_argv(read.protocol, int(seed))
            and stage.env == measure_env(int(seed))
            and cwd == (worktree / read.protocol.execution.cwd).resolve()
        )
    except (ProtocolError, OSError, ValueError):
        return False
