"""Takes a decision back that was only just made, and leaves the folder as it was before.

Whoever made the decision holds a `Receipt` of it: what each file that was written held before,
and what it holds since. The receipt is in no file, so with the end of the process that decided
the decision is final. Withdrawing is refused once anything that deciding wrote is not as deciding
left it: another process has built on the decision then.

Files get their earlier bytes back, the status goes back to its phase in a revision of its own,
and the event log, which is only ever appended to, says ``decision-withdrawn``.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.folder import EventLog, FolderError, RunFolder, alone, write_bytes_atomic
from engine.plain_file import open_plain
from engine.records.run import Decision
from engine.records.status import RunStatus
from engine.remote import mirrors
from engine.supervise.run_lock import RunIsHeld, RunLock

MAX_KEPT_BYTES = 64 * 2**20
"""A larger file is not kept in memory, so a decision that replaced one cannot be taken back."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a file held. ``data`` is None where it was not there; ``sha256`` of its bytes.

    ``lost`` where it was there and could not be kept: no ordinary file, unreadable, or too large.
    """

    data: bytes | None = None
    sha256: str | None = None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decision that was written, and what taking it back needs.

    ``before`` and ``after`` are the files that deciding may write, by name. ``status`` is the
    status before it, None for a folder without one; ``revision`` the revision since. ``events`` is
    the size of the event log since, in bytes, None where no event was written. ``stands`` is the
    decision that this one superseded.
    """

    run: Path
    decision: Decision
    before: Mapping[str, Kept]
    after: Mapping[str, Kept]
    status: RunStatus | None
    revision: int | None
    events: int | None
    stands: Decision | None = None


def keep(run: Path, names: Iterable[str]) -> dict[str, Kept]:
    """What these files hold now."""
    return {name: _kept(run / name) for name in names}


def _kept(path: Path) -> Kept:
    try:
        with open_plain(path) as file:
            data = file.read(MAX_KEPT_BYTES + 1)
    except FileNotFoundError:
        return Kept()
    except OSError:
        return Kept(lost=True)
    if len(data) > MAX_KEPT_BYTES:
        return Kept(lost=True)
    return Kept(data, hashlib.sha256(data).hexdigest())


def withdraw(receipt: Receipt) -> str | None:
    """Take the decision back. None when that is done, else a sentence that says why it is not.

    OSError when the disk refuses; what was taken back by then stays so, and validation names it.
    """
    if (root := mirrors.root_of(receipt.run)) is not None:
        return f"{mirrors.only_there(root)}. There, write a new view of the decision."
    folder = RunFolder(receipt.run)
    ours = receipt.events is not None and receipt.revision is not None
    held = RunLock(receipt.run) if ours else contextlib.nullcontext()
    try:
        with held, alone(receipt.run):
            if (changed := _changed(folder, receipt)) is not None:
                return (
                    f"{changed} changed since the decision was written, so it stands. To decide "
                    "otherwise, write a new view of it."
                )
            _put_back(folder, receipt)
    except RunIsHeld:
        return f"Another process writes {folder.run_id} just now. Try again in a moment."
    except FolderError as error:
        return f"{error}, so the decision stands. Look at the run again (v)."
    return None


def _changed(folder: RunFolder, receipt: Receipt) -> str | None:
    """The first file that is not as deciding left it."""
    for name, kept in receipt.after.items():
        now, before = _kept(folder.file(name)), receipt.before[name]
        if now.sha256 != kept.sha256 or before.lost != now.lost:
            return name
    status = folder.status()
    if (status.revision if status else None) != receipt.revision:
        return "run-status.json"
    events = folder.file("events.jsonl")
    if receipt.events is not None and events.stat().st_size != receipt.events:
        return "events.jsonl"
    return None


def _put_back(folder: RunFolder, receipt: Receipt) -> None:
    before = receipt.status
    if before is not None and receipt.revision not in (None, before.revision):

        def back(status: RunStatus) -> None:
            status.phase, status.ended = before.phase, before.ended

        # First of all: whoever moves the run at the same time is refused here, or we are.
        folder.move(receipt.revision or 0, back, withdraw=True, held=True)
    for name, kept in receipt.before.items():
        if kept.sha256 == receipt.after[name].sha256:
            continue
        if kept.data is None:
            folder.file(name).unlink(missing_ok=True)
        else:
            write_bytes_atomic(folder.file(name), kept.data)
    if receipt.events is not None:
        _say_so(folder, receipt)


def _say_so(folder: RunFolder, receipt: Receipt) -> None:
    before = receipt.status
    log = EventLog(folder.file("events.jsonl"))
    try:
        if before is not None and not before.phase.final:
            log.append({"kind": "phase", "from_phase": "decided", "to_phase": before.phase})
        stands = receipt.stands.decision if receipt.stands else None
        log.append(
            {
                "kind": "decision-withdrawn",
                "decision": receipt.decision.decision,
                "stands": stands,
            }
        )
    finally:
        log.close()
