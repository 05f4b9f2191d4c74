"""What a person wants of tries that are done, a file each: ``wishes/NNN.json`` of the loop.

A wish is done once an iteration's plan names its file, so a runner that was killed finds it again
and does it once.
"""

from __future__ import annotations

from pathlib import Path

from engine.folder import FolderError, read_record, write_json_atomic
from engine.loops.folder import LoopFolder
from engine.records.research import TryProposal, TryWish

WISHES = "wishes"


def leave(folder: LoopFolder, wish: TryWish) -> str:
    """Write a wish down; returns its file's name. OSError as it comes."""
    home = folder.path / WISHES
    home.mkdir(exist_ok=True)
    number = 1 + max((int(path.stem) for path in _files(home)), default=0)
    while True:
        path = home / f"{number:03d}.json"
        try:
            path.open("x").close()  # claims the name: two people may wish at once
            break
        except FileExistsError:
            number += 1
    write_json_atomic(path, wish)
    return path.name


def pending(folder: LoopFolder) -> list[tuple[str, TryWish]]:
    """The wishes that no iteration has taken up, oldest first, with their files' names."""
    done = set()
    for number in folder.iterations():
        plan = folder.done(number, TryProposal)
        if plan is not None and plan.wish_file is not None:
            done.add(plan.wish_file)
    found = []
    for path in _files(folder.path / WISHES):
        if path.name in done:
            continue
        try:
            found.append((path.name, read_record(path, TryWish)))
        except FolderError:
            continue  # claimed a moment ago and not written yet, or left empty by a kill: no wish
    return found


def _files(home: Path) -> list[Path]:
    try:
        return sorted(path for path in home.iterdir() if path.stem.isdecimal())
    except (FileNotFoundError, NotADirectoryError):
        return []
