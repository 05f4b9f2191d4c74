"""A package → one model that others load: a fused MLX directory, or a GGUF file."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.folder import flush, swap_in
from engine.gguf import GgufError, read_gguf
from engine.helper import HelperError, ask
from engine.publish.package.loading import Models, NotLoaded, models_of
from engine.records.package import SpecialistLock
from engine.secrecy import key_names
from engine.workspace import Workspace

Kind = Literal["mlx", "gguf"]
HELPER = "engine.work.export"
EXPORT_S = 3600.0


class ExportError(Exception):
    """Nothing was exported; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Exported:
    """``size`` in bytes. ``same_token`` and ``difference``: whether the model that was written goes
    on after the example as the package does, and the largest difference of the logits; None for
    GGUF, which is not loaded here. ``tensors`` were counted in a GGUF file."""

    path: Path
    kind: Kind
    layers: int
    size: int
    same_token: bool | None = None
    difference: float | None = None
    tensors: int | None = None


def default_out(workspace: Workspace, lock: SpecialistLock, kind: Kind) -> Path:
    """Where an export goes: ``.factory/exports/<id>``, a directory, or a file with ``.gguf``."""
    folder = workspace.local_dir / "exports"
    return folder / (lock.id if kind == "mlx" else f"{lock.id}.gguf")


def export(
    workspace: Workspace,
    lock: SpecialistLock,
    kind: Kind,
    out: Path | None = None,
    *,
    dequantise: bool = False,
    force: bool = False,
    heard: Callable[[str], None] = lambda sentence: None,
) -> Exported:
    """Write the specialist as one model, beside its place first. ``dequantise`` unpacks packed
    weights. Without ``force`` nothing that is there is replaced, but for the default place.

    Blocks: a child loads the model. ExportError; OSError as it comes.
    """
    place = out or default_out(workspace, lock, kind)
    _check_place(place, kind, force=force or out is None)
    try:
        models = models_of(workspace, lock)
    except NotLoaded as error:
        raise ExportError(str(error)) from error
    place.parent.mkdir(parents=True, exist_ok=True)
    _check_room(models, place)
    adapted = f"Fusing {lock.id} on {lock.base.id}."
    heard(adapted if models.adapter is not None else f"Writing {lock.id} anew.")
    beside = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=place.parent))
    try:
        new = beside / place.name
        request = {
            "model": str(models.model),
            "adapter": None if models.adapter is None else str(models.adapter),
            "out": str(new),
            "kind": kind,
            "dequantise": dequantise,
            "messages": lock.prompt.messages,
        }
        try:
            said = ask(HELPER, request, timeout_s=EXPORT_S, named=key_names(workspace.path))
        except HelperError as error:
            raise ExportError(str(error)) from error
        if kind == "gguf":
            _check_gguf(new, int(said["tensors"]))
            flush(new)
            new.replace(place)
        else:
            swap_in(new, place, beside / "old")
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    flush(place.parent)
    return Exported(
        path=place,
        kind=kind,
        layers=int(said["layers"]),
        size=_size(place),
        same_token=said.get("same_token"),
        difference=said.get("difference"),
        tensors=said.get("tensors"),
    )


def _check_place(place: Path, kind: Kind, *, force: bool) -> None:
    if place.is_symlink():
        raise ExportError(f"{place} is a link: nothing is written through it.")
    if kind == "gguf" and place.is_dir():
        raise ExportError(f"{place} is a directory: name a file, as model.gguf.")
    if kind == "mlx" and place.is_file():
        raise ExportError(f"{place} is a file: name a directory.")
    taken = place.is_file() or (place.is_dir() and any(place.iterdir()))
    if taken and not force:
        raise ExportError(f"{place} is there already. Name another place, or add --force.")
    looks_like_one = (place / "config.json").is_file()
    if taken and kind == "mlx" and not looks_like_one:
        raise ExportError(f"{place} holds files and no model, so it is not replaced.")


def _check_room(models: Models, place: Path) -> None:
    """The disk takes a model of the base's size; one that is unpacked needs more."""
    need = sum(file.stat().st_size for file in models.model.glob("*.safetensors"))
    free = shutil.disk_usage(place.parent).free
    if free < need:
        raise ExportError(
            f"{free / 2**30:.1f} GB are free at {place.parent}, and the model takes "
            f"{need / 2**30:.1f} GB. Make room, or name another place with --out."
        )


def _check_gguf(path: Path, tensors: int) -> None:
    """What was written is whole: its head is read again and its tensors are counted."""
    try:
        found = read_gguf(path)
    except GgufError as error:
        raise ExportError(f"mlx-lm wrote a GGUF file that is not whole: {error}.") from error
    if len(found.tensors) != tensors:
        raise ExportError(
            f"mlx-lm wrote {len(found.tensors)} tensors into the GGUF file; there are {tensors}."
        )


def _size(place: Path) -> int:
    if place.is_file():
        return place.stat().st_size
    walk = os.walk(place)
    return sum((Path(folder) / one).stat().st_size for folder, _, names in walk for one in names)
