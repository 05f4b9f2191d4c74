"""``run --where auto``: the first free machine of ``[queue] hosts`` takes the run; and what
``list`` says of the runs that were sent."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from engine.cli.console import Exit, fail, narrate, open_workspace
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.remote.choosing import Place


@contextlib.contextmanager
def sent(
    workspace: Workspace, target: Path, sets: list[str], seed: int | None, hypothesis: str | None
) -> Iterator[Path | None]:
    """Choose a machine and start the run there: its folder in the copy, None where it runs here.

    Start the latter within: until then nobody else here chooses, since this machine looks free.
    Ends with a sentence where nobody can take it, or the chosen one refuses.
    """
    from engine.remote.offering import NotCompared
    from engine.remote.sending import one_at_a_time, places_of
    from engine.settings_file import SettingsError

    with contextlib.ExitStack() as held:
        try:
            places = places_of(workspace.path)
            if not places:
                fail(
                    "factory.toml names no machines to choose from. Add:\n"
                    '[queue]\nhosts = ["local", "ssh://me@mini/~/factory"]',
                    Exit.USAGE,
                )
            held.enter_context(one_at_a_time(workspace.path))
            address = _choose(workspace, places, target)
        except (SettingsError, NotCompared) as error:
            fail(str(error))
        there = None
        if address is not None:
            there = _start(workspace, address, target.name, sets, seed, hypothesis)
        yield there


def _choose(workspace: Workspace, places: list[Place], target: Path) -> str | None:
    """The address that takes it; None where it runs here."""
    from engine.remote.choosing import choose
    from engine.remote.sending import offers

    if target.parent != workspace.targets_dir.resolve():
        narrate(f"{target} is not in {workspace.targets_dir}, so it runs here.")
        return None
    found = choose(offers(workspace, places, target.name, narrate))
    if found is None:
        fail(f"No machine of [queue] hosts can take it. Here: factory-tui run {target}")
    place, offer = found
    if offer.before:
        narrate(f"None is free. It waits on {place}, behind {', '.join(offer.before)}.")
    return None if place.address is None else str(place.address)


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
    from engine.remote.asking import AskedInVain, NotKnown
    from engine.remote.sent import Sent, write_down

    root = open_workspace(Path(address)).path
    try:
        run, said = started(root, target, sets, seed, None, hypothesis)
    except NotKnown as error:
        fail(f"{address}: {error}\nIf it runs, it is not among what list tells here.")
    except AskedInVain as error:
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
    from engine.remote.sent import going_on, note_ends

    with contextlib.suppress(OSError):  # a note: what it would say is seen again next time
        note_ends(workspace.path)
    for one, address, status in going_on(workspace.path):
        if status is None:
            known, then = "not heard of since it was sent", f"list -w {one.address}"
        else:
            known = f"{status.phase} when last told ({status.updated:%Y-%m-%d %H:%M} UTC)"
            then = f"watch {one.run} -w {one.address}"
        narrate(f"on {address.host.strip('[]')}: {one.run}, {known}; factory-tui {then}")
