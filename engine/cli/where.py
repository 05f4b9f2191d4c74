"""``run --where auto``: the first free machine of ``[queue] hosts`` takes the run; and what
``list`` says of the runs that were sent."""

from __future__ import annotations

from pathlib import Path

from engine.cli.console import Exit, fail, narrate, open_workspace
from engine.workspace import Workspace


def sent(
    workspace: Workspace, target: Path, sets: list[str], seed: int | None, hypothesis: str | None
) -> Path | None:
    """Choose a machine and start the run there: its folder in the copy, None where it runs here.

    Ends with a sentence where nobody can take it, or the chosen one refuses.
    """
    from engine.remote.choosing import choose
    from engine.remote.offering import NotCompared
    from engine.remote.sending import offers, one_at_a_time, places_of
    from engine.settings_file import SettingsError

    try:
        places = places_of(workspace.path)
        if not places:
            fail(
                "factory.toml names no machines to choose from. Add:\n"
                '[queue]\nhosts = ["local", "ssh://me@mini/~/factory"]',
                Exit.USAGE,
            )
        if target.parent != workspace.targets_dir.resolve():
            narrate(f"{target} is not in {workspace.targets_dir}, so it runs here.")
            return None
        with one_at_a_time(workspace.path):
            found = choose(offers(workspace, places, target.name, narrate))
            if found is None:
                fail(f"No machine of [queue] hosts can take it. Here: factory-tui run {target}")
            place, offer = found
            if offer.before:
                narrate(f"None is free. It waits on {place}, behind {', '.join(offer.before)}.")
            if place.address is None:
                return None
            return _start(workspace, str(place.address), target.name, sets, seed, hypothesis)
    except (SettingsError, NotCompared) as error:
        fail(str(error))


def _start(
    workspace: Workspace,
    address: str,
    target: str,
    sets: list[str],
    seed: int | None,
    hypothesis: str | None,
) -> Path:
    """Start it over there, by the act that ``run -w ssh://…`` uses, and write down where it is."""
    from engine.records.base import utc_now
    from engine.remote.asked import started
    from engine.remote.sending import Sent, write_down
    from engine.supervise.launch import LaunchError

    root = open_workspace(Path(address)).path
    try:
        run, said = started(root, target, sets, seed, None, hypothesis)
    except LaunchError as error:
        fail(f"{address}: {error}\nHere: factory-tui run {target}")
    for line in said:
        narrate(line)
    narrate(f"{run} runs at {address}. Watch it: factory-tui watch {run} -w {address}")
    try:
        write_down(workspace.path, Sent(run=run, target=target, address=address, when=utc_now()))
    except OSError as error:
        narrate(f"That could not be written down here ({error.strerror}): list will not tell it.")
    return root / "runs" / run


def tell_sent(workspace: Workspace) -> None:
    """A line for each run that was sent from here and has not ended, as far as is known here."""
    if not (workspace.local_dir / "queue" / "sent.jsonl").exists():
        return
    from engine.remote.sending import going_on

    for one, address, status in going_on(workspace.path):
        known = "not heard of since it was sent"
        if status is not None:
            known = f"{status.phase} when last told ({status.updated:%Y-%m-%d %H:%M} UTC)"
        narrate(
            f"on {address.host.strip('[]')}: {one.run}, {known}; "
            f"factory-tui watch {one.run} -w {one.address}"
        )
