"""Loads a package as its lock says, and asks it one question, in a child."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.folder import sha256_file
from engine.helper import HelperError, ask
from engine.models import ModelOnDisk, model_on_disk
from engine.publish.package.model_files import (
    headers_of,
    revision_of,
    template_of,
    tokenizer_of,
    weight_files,
)
from engine.publish.package.prompt import HELPER, Rendered
from engine.records.package import LockedBase, SpecialistLock
from engine.secrecy import key_names
from engine.workspace import Workspace

ANSWER_S = 900.0
"""How long loading and answering may take; a large model is read from disk first."""


class NotLoaded(Exception):
    """The package could not be asked; the text says why and what to do. ``here`` is whether
    everything that it needs is on this disk: False, and it cannot be checked on this machine."""

    def __init__(self, text: str, *, here: bool) -> None:
        super().__init__(text)
        self.here = here


@dataclass(frozen=True, slots=True)
class Models:
    """What a lock leads to on this disk: the model that is loaded, and the adapter on it."""

    model: Path
    adapter: Path | None


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. ``seconds`` is the answer's alone, without loading; memory is in units of 2**20
    bytes."""

    prompt: Rendered
    text: str
    tokens: int
    cut_off: bool
    seconds: float
    mlx_peak_mb: float
    peak_rss_mb: float

    @property
    def tokens_per_second(self) -> float | None:
        """None where nothing was answered."""
        return self.tokens / self.seconds if self.tokens and self.seconds > 0 else None


def models_of(workspace: Workspace, lock: SpecialistLock) -> Models:
    """Where base and weights lie here. NotLoaded where they do not, or are not the locked ones."""
    weights = _weights(workspace, lock)
    if lock.weights.kind != "adapter":
        return Models(weights, None)
    found = base_of(workspace, lock.base)
    if found is None:
        raise NotLoaded(
            f"The base model {lock.base.id} ({lock.base.revision or 'no revision'}) is not on this "
            f"disk, so the package cannot be checked here. {_how(lock.base)}",
            here=False,
        )
    if wrong := other_base(found.path, lock.base):
        raise NotLoaded(
            f"{lock.base.id} on this disk has another {' and '.join(wrong.values())} than the one "
            "that was locked. Put the base model back that it was trained on.",
            here=True,
        )
    return Models(found.path, weights)


def other_base(model: Path, locked: LockedBase) -> dict[str, str]:
    """What of a base model is not as it was locked: the lock's key → what it is called.

    OSError where one of its files cannot be read.
    """
    seen = {
        "headers_sha256": ("config.json or shape of the weights", headers_of),
        "tokenizer_sha256": ("tokenizer", tokenizer_of),
        "chat_template_sha256": ("chat template", template_of),
    }
    return {
        key: what
        for key, (what, digest) in seen.items()
        if getattr(locked, key) is not None and getattr(locked, key) != digest(model)
    }


def base_of(workspace: Workspace, base: LockedBase) -> ModelOnDisk | None:
    """The base model on this disk, None where it is not: at its path in the workspace, else by its
    id in the hub's cache, at the locked revision."""
    if base.path is not None:
        path = _inside(workspace, base.path)
        return None if path is None else model_on_disk(str(path), workspace.path, workspace.path)
    if "/" not in base.id:
        return None
    found = model_on_disk(base.id, workspace.path, workspace.path)
    if found is not None and found.origin == "hub" and base.revision:
        return revision_of(found, base.revision)
    return found if found is not None and found.origin == "hub" else None


def ask_package(workspace: Workspace, lock: SpecialistLock, prompt: str | None = None) -> Answered:
    """Load the package and have it answer ``prompt``, else its own example. Blocks. NotLoaded."""
    found = models_of(workspace, lock)
    messages = [dict(one) for one in lock.prompt.messages]
    if prompt is not None:
        system = [one for one in messages if one.get("role") == "system"][:1]
        messages = [*system, {"role": "user", "content": prompt}]
    names = key_names(workspace.path)
    return ask_model(found, messages, lock.prompt.max_new_tokens, named=names)


def ask_model(
    found: Models,
    messages: list[dict[str, object]],
    max_new_tokens: int,
    *,
    named: Iterable[str],
) -> Answered:
    """Have a model answer one question, in a child that gets no keys, ``named`` ones neither.
    NotLoaded."""
    request = {
        "model": str(found.model),
        "adapter": None if found.adapter is None else str(found.adapter),
        "messages": messages,
        "max_new_tokens": max_new_tokens,
        "answer": True,
    }
    try:
        said = ask(HELPER, request, timeout_s=ANSWER_S, named=named)
    except HelperError as error:
        raise NotLoaded(f"It does not load: {error}", here=True) from error
    return Answered(
        prompt=Rendered(str(said["rendered"]), int(said["tokens"])),
        text=str(said["text"]),
        tokens=int(said["answer_tokens"]),
        cut_off=bool(said["cut_off"]),
        seconds=float(said["seconds"]),
        mlx_peak_mb=float(said["mlx_peak_mb"]),
        peak_rss_mb=float(said["peak_rss_mb"]),
    )


def _weights(workspace: Workspace, lock: SpecialistLock) -> Path:
    named = lock.weights.path
    path = _inside(workspace, named) if named else None
    if named and path is None:
        raise NotLoaded(f"{named} of the lock leads out of the workspace.", here=True)
    there = weight_files(path, lock.weights.kind) if path is not None and path.is_dir() else {}
    if path is None or not there:
        place = named or "outside of this workspace"
        raise NotLoaded(
            f"The weights are not on this disk ({place}), so the package cannot be checked here.",
            here=False,
        )
    if wrong := other_weights(path, lock):
        raise NotLoaded(f"{', '.join(wrong)} of the weights is not what was locked.", here=True)
    return path


def other_weights(path: Path, lock: SpecialistLock) -> list[str]:
    """The files of the weights that are missing or not those of the lock. OSError as it comes.

    The config of an adapter that was copied into the package names its base otherwise; the lock's
    ``files`` hold its hash.
    """
    there = weight_files(path, lock.weights.kind)
    copied = {Path(name).name for name in lock.files if "/" in name}
    return [
        name
        for name, digest in lock.weights.files.items()
        if name not in there
        or (sha256_file(there[name]) != digest and not (name in copied and name.endswith(".json")))
    ]


def _inside(workspace: Workspace, name: str) -> Path | None:
    path = workspace.path / name
    return path if path.resolve().is_relative_to(workspace.path) else None


def _how(base: LockedBase) -> str:
    if base.path is not None and "/bases/" in base.path:
        return "It is made again by the pretrain stage of a run of this target."
    if base.path is not None or "/" not in base.id:
        return "Put it where it was."
    revision = f" --revision {base.revision}" if base.revision else ""
    return f"Download it first: hf download {base.id}{revision}"
