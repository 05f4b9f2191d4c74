"""What is published of a target: its best adapter, the card, the metadata.

What goes is a list of names that are known to be harmless, never "all but": no gold row, no key, no
training row unless one is asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.loops.flywheel.canonical import CanonicalError, read_lines
from engine.loops.flywheel.dev import held_out
from engine.loops.flywheel.door import Door
from engine.loops.flywheel.promoting import ADAPTER_CONFIG, ADAPTER_WEIGHTS, METADATA
from engine.plain_file import read_plain
from engine.project.card_facts import card_facts
from engine.project.output import OUTPUT, Best, best_in
from engine.publish.model_card import model_card
from engine.publish.public_names import public_config
from engine.secrecy import Hider, key_names
from engine.target import Target
from engine.teaching.keys import environment
from engine.workspace import Workspace

CARD = "README.md"
CANONICAL = "canonical.jsonl"
SYSTEM_PROMPT = "system_prompt.md"

MAX_TEXT = 2**20
MAX_CANONICAL = 512 * 2**20

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


class PushError(Exception):
    """Nothing was sent, or not all of it; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file as it is sent: its name in the repository, and its bytes or where they lie."""

    name: str
    content: bytes | Path

    @property
    def size(self) -> int:
        """In bytes."""
        if isinstance(self.content, bytes):
            return len(self.content)
        return self.content.stat().st_size


@dataclass(frozen=True, slots=True)
class Shipment:
    repo: str
    private: bool
    best: Best
    files: tuple[Parcel, ...]

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(one.size for one in self.files)

    @property
    def card(self) -> str:
        return next(
            one.content.decode()
            for one in self.files
            if one.name == CARD and isinstance(one.content, bytes)
        )


def pack(
    target: Target,
    workspace: Workspace | None,
    *,
    canonical: bool = False,
    system_prompt: bool = False,
) -> Shipment:
    """What would be sent. PushError where there is no repository or no best adapter, or a row that
    is asked for is held out."""
    repo = target.forge.promotion.hf_repo
    if repo is None or not _REPO.fullmatch(repo):
        said = "names no repository" if repo is None else f"{repo!r} is no name of a repository"
        raise PushError(
            f"{target.path.name}/forge.yaml: promotion.hf_repo: {said}. It is OWNER/NAME."
        )
    best = best_in(target.path)
    if best is None or best.adapter is None:
        raise PushError(
            f"{target.name} has no best adapter below {OUTPUT}/. Promote one: factory-tui promote"
        )
    names = key_names(workspace.path if workspace else None)
    hide = Hider(environment(target.path), named=names)
    folder = target.path / best.adapter
    facts = card_facts(target, workspace, best)
    card = hide(model_card(facts))
    files = [*_adapter(target, folder, facts.base, hide), Parcel(CARD, card.encode())]
    if system_prompt:
        files += _text(target, SYSTEM_PROMPT, hide)
    if canonical:
        files.append(_canonical(target))
    return Shipment(repo, target.forge.promotion.private, best, tuple(files))


def _adapter(target: Target, folder: Path, base: str, hide: Hider) -> Iterable[Parcel]:
    weights = [folder / name for name in ADAPTER_WEIGHTS if (folder / name).is_file()]
    if not weights:
        raise PushError(f"{folder.name} holds no weights ({' or '.join(ADAPTER_WEIGHTS)}).")
    for file in weights:
        homes = (target.path.resolve(), (target.path / OUTPUT).resolve())
        if not any(file.resolve().is_relative_to(home) for home in homes):
            raise PushError(f"{folder.name}/{file.name} is a link out of the target.")
        yield Parcel(file.name, file)
    for name in (ADAPTER_CONFIG, METADATA):
        values = _object(folder / name)
        if values is None:
            if name == ADAPTER_CONFIG:
                raise PushError(f"{folder.name} has no {ADAPTER_CONFIG} that can be read.")
            continue
        text = json.dumps(public_config(values, base), indent=2, ensure_ascii=False)
        yield Parcel(name, hide(text).encode("utf-8", "replace"))


def _text(target: Target, name: str, hide: Hider) -> list[Parcel]:
    try:
        text = read_plain(target.file(name), MAX_TEXT).decode("utf-8", "replace")
    except OSError as error:
        raise PushError(f"{name} cannot be read ({error.strerror or error}).") from error
    return [Parcel(name, hide(text).encode("utf-8", "replace"))]


def _canonical(target: Target) -> Parcel:
    name = target.forge.dataset.canonical
    if name is None:
        raise PushError("forge.yaml: dataset.canonical names no file.")
    path = target.file(name)
    try:
        lines = read_lines(path)
        content = read_plain(path, MAX_CANONICAL)
    except (CanonicalError, OSError) as error:
        raise PushError(f"{name} cannot be read: {error}") from error
    door = Door(held_out(target))
    for line in lines:
        for turned in door.admit([line.row] if line.row is not None else []).turned:
            if turned.against is not None:
                raise PushError(
                    f"{name}:{line.number} is {turned.why} ({turned.against}): held-out rows are "
                    "never published. Take it out first: factory-tui audit --fix"
                )
    return Parcel(CANONICAL, content)


def _object(file: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(read_plain(file, MAX_TEXT))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
