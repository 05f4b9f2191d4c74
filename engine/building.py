"""A new folder of today's date, built beside its place and moved there in one step.

Nobody ever sees half of a run or a loop, whoever is killed on the way and however full the disk is.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from engine.remote import mirrors

BUILDING = ".new-"
"""Begins the name of a folder that is being built. Readers pass over hidden folders."""

LEFT_S = 86_400.0
"""A build that was begun so many seconds ago belongs to nobody who is still alive."""


@dataclass(frozen=True)
class Building:
    """A folder that is being built: ``path`` while it is, ``place`` afterwards."""

    path: Path
    place: Path

    @property
    def name(self) -> str:
        """The name that it will have, which is claimed."""
        return self.place.name


@contextmanager
def new_folder(home: Path, stem: str) -> Iterator[Building]:
    """Build the next free ``<stem>[-n]`` of ``home``; it stands there when the block ends, and
    nothing does when the block raises. OSError as it comes.

    Making the hidden directory is what claims the name, so two at once get two names.
    """
    mirrors.refuse(home)
    home.mkdir(parents=True, exist_ok=True)
    _sweep(home)
    made = _claim(home, stem)
    try:
        yield made
        made.path.replace(made.place)
    except BaseException:
        shutil.rmtree(made.path, ignore_errors=True)
        raise


def _claim(home: Path, stem: str) -> Building:
    number = 1
    while True:
        place = home / (stem if number == 1 else f"{stem}-{number}")
        made = Building(place.with_name(f"{BUILDING}{place.name}"), place)
        number += 1
        try:
            made.path.mkdir()
        except FileExistsError:
            continue
        if not place.exists():  # looked at after the claim: nobody finishes it in between
            return made
        made.path.rmdir()


def _sweep(home: Path) -> None:
    """Take away what somebody who was killed left unfinished."""
    for path in home.glob(f"{BUILDING}*"):
        with contextlib.suppress(OSError):  # gone by now, or not ours to take away
            if path.lstat().st_mtime < time.time() - LEFT_S:
                shutil.rmtree(path)
