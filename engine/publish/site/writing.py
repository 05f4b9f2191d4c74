"""A site into its directory: all of it or nothing, and never over files that are not ours."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from engine.folder import flush, swap_in
from engine.private import open_to_others
from engine.publish.site.build import Site
from engine.publish.site.published import published_at


class NotOurs(Exception):
    """The directory holds something else; the sentence says what to do."""


def publish(site: Site, out: Path) -> list[str]:
    """Write the site to ``out``; pages of before that it has no longer go away.

    It is written beside ``out`` and moved there whole. Files in ``out`` that we did not write stay
    as they are; their names are returned. NotOurs where ``out`` is no directory, or a directory
    with files and without our manifest, or where such a file stands in the place of a page. OSError
    as it comes: ``out`` is then as it was.
    """
    out = out.resolve()
    others = _kept(site, out)
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        new = beside / "new"
        new.mkdir()
        for address, data in site.files.items():
            _write(new / address, data)
        for name in others:
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(out / name, new / name, follow_symlinks=False)
        open_to_others(new, site.files)
        swap_in(new, out, beside / "old")
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    flush(out.parent)
    return others


def refusal(out: Path) -> str | None:
    """Why nothing may be written to ``out``; None where it may."""
    if out.exists() and not out.is_dir():
        return f"{out} is a file. Name a directory for the site."
    if out.is_dir() and any(out.iterdir()) and published_at(out) is None:
        return (
            f"{out} holds files and was not made by this command, so nothing is written there. "
            "Name a new or an empty directory."
        )
    return None


def _kept(site: Site, out: Path) -> list[str]:
    """The files in ``out`` that are not ours; NotOurs where one stands in the way."""
    if reason := refusal(out):
        raise NotOurs(reason)
    before = published_at(out)
    others = before.others if before else []
    for name in others:
        above = {str(one) for one in Path(name).parents}
        below = any(address.startswith(f"{name}/") for address in site.files)
        if name in site.files or below or above & site.files.keys():
            raise NotOurs(
                f"{out / name} was not made by this command and stands in the place of a page. "
                "Move it away, then publish again."
            )
    return others


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
