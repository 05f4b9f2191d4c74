"""What may be asked for from elsewhere, done here: the engine's own functions under its own locks.

An act takes plain values and answers plain values; ``no`` is a sentence of refusal. The runs are
named by id alone, so nothing outside of this workspace's ``runs/`` is reached.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from engine.workspace import Workspace, WorkspaceError

Answer = dict[str, Any]


class _No(Exception):
    """A refusal."""


def do(workspace: Workspace, act: str, what: object) -> Answer:
    """The answer to one act; every refusal and failure is a sentence under ``no``."""
    from pydantic import ValidationError

    from engine.catalogue.tags import TagError
    from engine.folder import FolderError
    from engine.supervise.launch import LaunchError

    done = ACTS.get(act)
    if done is None or not isinstance(what, dict):
        return {"no": f"{act[:80]} works only on the machine itself."}
    try:
        return done(workspace, what)
    except (_No, WorkspaceError, LaunchError, FolderError, TagError) as error:
        return {"no": str(error)}
    except ValidationError as error:
        first = error.errors()[0]
        return {"no": f"{'.'.join(map(str, first['loc']))}: {first['msg']}."}
    except OSError as error:
        return {"no": f"The other machine cannot do it: {error.strerror or error}."}


def _run(workspace: Workspace, what: Answer) -> Any:
    run = what.get("run")
    if not isinstance(run, str):
        raise _No("No run was named.")
    path = workspace.run_path(run)
    if path.name != run:
        raise _No(f"There is no run {run} any more.")
    return path


def _decide(workspace: Workspace, what: Answer) -> Answer:
    from engine.decisions import deciding
    from engine.records.run import Decision

    path = _run(workspace, what)
    record = Decision.model_validate(what.get("decision"))
    wanted = what.get("override")
    override = deciding.OverrideRequest(**wanted) if isinstance(wanted, dict) else None
    supersede = what.get("supersede") is True
    if what.get("rehearse") is True:
        made = deciding.rehearse(path, record, override, supersede=supersede)
    else:
        made = deciding.decide(path, record, override, supersede=supersede)
    if isinstance(made, deciding.Refused):
        gates = [asdict(gate) for gate in made.gates]
        return {"refusal": {"reasons": made.reasons, "ways_out": made.ways_out, "gates": gates}}
    return {"decision": made.model_dump(mode="json")}


def _draft(workspace: Workspace, what: Answer) -> Answer:
    """Why ship would be refused and why nothing can be decided, as the records here say."""
    from engine.decisions.deciding import draft

    found = draft(_run(workspace, what))
    return {
        "ship_refusals": found.ship_refusals,
        "ways_out": found.ways_out,
        "closed": found.closed,
        "closed_to_new_view": found.closed_to_new_view,
    }


def _cancel(workspace: Workspace, what: Answer) -> Answer:
    from engine.supervise.launch import cancel

    wait = what.get("wait_s")
    wait_s = min(60.0, float(wait)) if isinstance(wait, int | float) else None
    return {"status": cancel(_run(workspace, what), wait_s=wait_s).model_dump(mode="json")}


def _resume(workspace: Workspace, what: Answer) -> Answer:
    from engine.supervise.resume import resume

    return {"run": resume(_run(workspace, what)).name}


def _tag(workspace: Workspace, what: Answer) -> Answer:
    from engine.catalogue.tags import edit_tags

    before, after = edit_tags(_run(workspace, what), _words(what, "add"), _words(what, "remove"))
    return {"before": before, "after": after}


def _start(workspace: Workspace, what: Answer) -> Answer:
    """A new run of a target of this workspace, by its name."""
    from engine.plans.starting import StartError, start

    name, seed = what.get("target"), what.get("seed")
    if not isinstance(name, str) or name not in {path.name for path in workspace.target_paths()}:
        known = ", ".join(path.name for path in workspace.target_paths()) or "none"
        raise _No(f"No target {str(name)[:80]} over there. Its targets: {known}.")
    said: list[str] = []
    parent, hypothesis = what.get("parent"), what.get("hypothesis")
    try:
        folder = start(
            workspace,
            workspace.target_path(str(workspace.targets_dir / name)),
            _words(what, "sets"),
            seed if type(seed) is int else None,
            parent if isinstance(parent, str) else None,
            hypothesis if isinstance(hypothesis, str) else None,
            said.append,
        )
    except StartError as error:
        raise _No(str(error)) from error
    return {"run": folder.run_id, "said": said}


def _offer(workspace: Workspace, what: Answer) -> Answer:
    """Who comes before a run of a target here, and what that target is."""
    from engine.remote.offering import NotCompared, offer

    try:
        made = offer(workspace, str(what.get("target")))
    except NotCompared as error:
        raise _No(str(error)) from error
    return {"before": list(made.before), "files": made.files}


def _words(what: Answer, name: str) -> list[str]:
    words = what.get(name)
    return [one for one in words if isinstance(one, str)] if isinstance(words, list) else []


ACTS: dict[str, Callable[[Workspace, Answer], Answer]] = {
    "decide": _decide,
    "draft": _draft,
    "cancel": _cancel,
    "resume": _resume,
    "tag": _tag,
    "start": _start,
    "offer": _offer,
}
"""Every act that there is. What is not here is not done from elsewhere."""
