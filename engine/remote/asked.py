"""The engine's acts on a run of a copy: asked for at its machine, answered in our words."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.remote import mirrors
from engine.remote.asking import AskedInVain, NotKnown, ask, not_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.decisions.deciding import Draft, OverrideRequest, Refused
    from engine.records.run import Decision
    from engine.records.status import RunStatus


def judged(root: Path, run: str, draft: Draft) -> Draft:
    """A draft made from the copy, with what the machine itself says of ship: a copy lacks weights.

    Where it cannot be reached, why nothing can be decided is just that."""
    try:
        told = ask(root, "draft", {"run": run})
    except AskedInVain as error:
        return dataclasses.replace(draft, closed=str(error), closed_to_new_view=str(error))
    return dataclasses.replace(
        draft,
        ship_refusals=_texts(told, "ship_refusals"),
        ways_out=_texts(told, "ways_out"),
        closed=_text(told, "closed"),
        closed_to_new_view=_text(told, "closed_to_new_view"),
    )


def decided(
    root: Path,
    run: Path,
    decision: Decision,
    override: OverrideRequest | None,
    *,
    supersede: bool,
    rehearse: bool = False,
) -> Decision | Refused:
    """The decision as it stands over there, or its refusal there."""
    from engine.decisions.deciding import Refused
    from engine.judge.gate import Gate
    from engine.records.run import Decision as Record

    what: dict[str, Any] = {
        "run": run.name,
        "decision": decision.model_dump(mode="json", exclude_none=True),
        "override": None if override is None else asdict(override),
        "supersede": supersede,
        "rehearse": rehearse,
    }
    try:
        told = ask(root, "decide", what)
        if isinstance(no := told.get("refusal"), dict):
            gates = tuple(Gate(**gate) for gate in no.get("gates", ()))
            return Refused(_texts(no, "reasons"), gates, _texts(no, "ways_out"))
        return Record.model_validate(told.get("decision"))
    except AskedInVain as error:
        return Refused((str(error),))
    except (TypeError, ValueError) as error:
        return Refused((f"The answer from over there is not understood: {error}"[:400],))


def cancelled(root: Path, run: str, wait_s: float | None) -> RunStatus:
    """Cancel a run over there; LaunchError with its words."""
    from engine.records.status import RunStatus as Record
    from engine.supervise.launch import LaunchError

    try:
        told = ask(root, "cancel", {"run": run, "wait_s": min(wait_s or 0.0, 20.0)})
        return Record.model_validate(told.get("status"))
    except AskedInVain as error:
        raise LaunchError(str(error)) from None
    except ValueError:
        raise LaunchError(str(_not_understood(root))) from None


def resumed(root: Path, run: Path) -> Path:
    """Go on with a run over there; the folder in which it goes on, as it will be in the copy."""
    from engine.supervise.launch import LaunchError

    try:
        return run.parent / _run_id(root, ask(root, "resume", {"run": run.name}))
    except AskedInVain as error:
        raise LaunchError(str(error)) from None


def started(
    root: Path,
    target: str,
    sets: Sequence[str],
    seed: int | None,
    parent: str | None,
    hypothesis: str | None,
) -> tuple[str, list[str]]:
    """A new run of a target over there: its id and what was said meanwhile.

    AskedInVain where it was not started, NotKnown where it may have been.
    """
    what = {
        "target": target,
        "sets": list(sets),
        "seed": seed,
        "parent": parent,
        "hypothesis": hypothesis,
    }
    told = ask(root, "start", what)
    return _run_id(root, told), list(_texts(told, "said"))


def tagged(root: Path, run: str, add: list[str], remove: list[str]) -> tuple[list[str], list[str]]:
    """Edit the tags of a run over there: what it had and what it has. TagError with its words."""
    from engine.catalogue.tags import TagError

    try:
        told = ask(root, "tag", {"run": run, "add": add, "remove": remove})
    except AskedInVain as error:
        raise TagError(str(error)) from None
    return list(_texts(told, "before")), list(_texts(told, "after"))


def _run_id(root: Path, told: dict[str, Any]) -> str:
    from engine.remote.travelling import is_run_id

    run = told.get("run")
    if not isinstance(run, str) or not is_run_id(run):
        raise _not_understood(root)
    return run


def _not_understood(root: Path) -> NotKnown:
    return not_known(mirrors.address_of(root), "The answer from over there is not understood")


def _texts(told: dict[str, Any], name: str) -> tuple[str, ...]:
    found = told.get(name)
    return tuple(str(one) for one in found) if isinstance(found, list) else ()


def _text(told: dict[str, Any], name: str) -> str | None:
    found = told.get(name)
    return found if isinstance(found, str) else None
