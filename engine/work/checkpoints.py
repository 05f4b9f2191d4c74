"""Checkpoints of a training run: everything that the next step depends on, or nothing.

``<adapter_dir>/checkpoints/<step, 7 digits>/`` holds ``adapters.safetensors``,
``optimizer.safetensors``, ``accumulated.safetensors`` (gradients of a batch group that is
not complete, where there is one) and ``state.json``, which also has the size and hash of
the others. It is written beside as ``.tmp-…``, flushed, and renamed: a directory with a
number for a name is whole, unless the disk lied, and then its hashes say so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as mx
from pydantic import Field

from engine.folder import FolderError, flush, read_record, sha256_file, write_json_atomic
from engine.records.base import Record
from engine.records.events import MetricValue

ADAPTER_FILE = "adapters.safetensors"
OPTIMIZER_FILE = "optimizer.safetensors"
ACCUMULATED_FILE = "accumulated.safetensors"
STATE_FILE = "state.json"
TEMPORARY = ".tmp-"

Arrays = dict[str, mx.array]


class FileSum(Record):
    bytes: int
    sha256: str


class TrainState(Record):
    """``state.json``: where a training run stands after ``step`` batches.

    ``window_*`` are the sums since the last report, so that the report after a resume is
    that of the unbroken run. ``validated_step`` is the last step that was validated.
    """

    step: int = 0
    tokens: int = 0
    random_state: list[int] = Field(default_factory=list)
    settings_sha256: str = ""
    best_step: int | None = None
    best_val_loss: float | None = None
    start_val_loss: float | None = None
    reference_val_loss: float | None = None
    """What early stopping compares with: the last loss that was lower by over min_delta."""
    not_better: int = 0
    """Validations in a row that were not better, for early stopping."""
    validated_step: int = -1
    last_val_loss: float | None = None
    window_loss: MetricValue = 0.0
    window_steps: int = 0
    files: dict[str, FileSum] = Field(default_factory=dict)


class Checkpoints:
    """The checkpoints below one adapter directory."""

    def __init__(self, adapter_dir: Path) -> None:
        self.directory = adapter_dir / "checkpoints"

    def save(
        self, state: TrainState, adapter: Arrays, optimizer: Arrays, accumulated: Arrays | None
    ) -> Path:
        """Write the checkpoint of ``state.step``, in place of one of the same step."""
        self.directory.mkdir(parents=True, exist_ok=True)
        final = self.path(state.step)
        beside = self.directory / f"{TEMPORARY}{final.name}-{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        parts = {ADAPTER_FILE: adapter, OPTIMIZER_FILE: optimizer}
        if accumulated:
            parts[ACCUMULATED_FILE] = accumulated
        files = {}
        for name, arrays in parts.items():
            path = beside / name
            mx.save_safetensors(str(path), arrays)
            flush(path)
            files[name] = FileSum(bytes=path.stat().st_size, sha256=sha256_file(path))
        state.files = files
        write_json_atomic(beside / STATE_FILE, state)
        if final.exists():
            replaced = self.directory / f"{TEMPORARY}{final.name}-replaced-{os.getpid()}"
            final.replace(replaced)
            beside.replace(final)
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            beside.replace(final)
        flush(self.directory)
        return final

    def path(self, step: int) -> Path:
        return self.directory / f"{step:07d}"

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, oldest first."""
        if not self.directory.is_dir():
            return []
        names = [path.name for path in self.directory.iterdir() if path.is_dir()]
        return sorted(int(name) for name in names if name.isdigit())

    def newest_whole(self, skipped: Callable[[str], None]) -> tuple[Path, TrainState] | None:
        """The newest checkpoint that is whole; ``skipped`` gets a sentence for each broken one."""
        for step in reversed(self.steps()):
            path = self.path(step)
            try:
                return path, read_state(path)
            except FolderError as error:
                skipped(f"The checkpoint of step {step} is broken ({error}); an older one is used.")
        return None

    def prune(self, keep: int) -> None:
        """Remove all but the newest ``keep`` checkpoints, and what a crash left half written."""
        for step in self.steps()[:-keep]:
            shutil.rmtree(self.path(step), ignore_errors=True)
        self.clear_temporary()

    def clear_temporary(self) -> None:
        if self.directory.is_dir():
            for path in self.directory.glob(f"{TEMPORARY}*"):
                shutil.rmtree(path, ignore_errors=True)

    def set_aside(self) -> Path | None:
        """Rename the checkpoints of an earlier start out of the way; where they are now."""
        if not self.steps():
            return None
        number = 1
        while (aside := self.directory.with_name(f"checkpoints-old-{number}")).exists():
            number += 1
        self.directory.rename(aside)
        return aside


def read_state(checkpoint: Path) -> TrainState:
    """The state of a checkpoint directory; FolderError when it is not whole."""
    state = read_record(checkpoint / STATE_FILE, TrainState)
    if not {ADAPTER_FILE, OPTIMIZER_FILE} <= set(state.files):
        raise FolderError(checkpoint / STATE_FILE, "does not list the checkpoint's files")
    for name, expected in state.files.items():
        path = checkpoint / name
        if not path.is_file():
            raise FolderError(path, "is missing")
        if path.stat().st_size != expected.bytes or sha256_file(path) != expected.sha256:
            raise FolderError(path, "is not what was written (its hash differs)")
    return state


def load_arrays(path: Path) -> Arrays:
    """The arrays of a safetensors file; FolderError when it cannot be read."""
    try:
        arrays: Any = mx.load(str(path))
    except (RuntimeError, ValueError) as error:
        raise FolderError(path, f"cannot be read ({error})") from error
    return dict(arrays)


def write_adapter(path: Path, adapter: Arrays) -> None:
    """Replace an adapter file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # mlx adds the ending to a name that lacks it
    beside = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        mx.save_safetensors(str(beside), adapter)
        flush(beside)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    flush(path.parent)
