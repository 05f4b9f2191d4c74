"""The sample workspace that comes with the program, and a copy of it to work in."""

from __future__ import annotations

import shutil
from pathlib import Path

from engine.workspace import Workspace

DEMO_TARGET = "drone-router"


def samples_dir() -> Path:
    """Where the samples lie: beside the code in a checkout, inside the package in a wheel."""
    here = Path(__file__).resolve().parent
    for path in (here / "_sample_runs", here.parent / "sample_runs"):
        if path.is_dir():
            return path
    raise FileNotFoundError("the sample workspace is not part of this installation")


def copy_samples(directory: Path) -> Workspace:
    """A workspace of one's own from the samples. What is already there is kept as it is."""
    source = samples_dir()
    for path in sorted(source.rglob("*")):
        inside = path.relative_to(source)
        if "__pycache__" in inside.parts or ".factory" in inside.parts:
            continue
        copy = directory / inside
        if path.is_dir():
            copy.mkdir(parents=True, exist_ok=True)
        elif not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    return Workspace(directory)
