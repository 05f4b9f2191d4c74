"""Makes a target folder: what it lacks is written, what is there is kept as it is."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from engine.records.target import ModelSection

TEMPLATES = Path(__file__).resolve().parent / "target_files"

DATASET = ("dataset/seed.jsonl", "dataset/gold.jsonl", "dataset/canonical.jsonl")

TAKEN_FROM_OLD = (
    "forge.yaml",
    "BACKGROUND.md",
    "mission.md",
    "system_prompt.md",
    "llm.txt",
    "scorer.py",
    "generator.py",
)
"""Files of an older project that come along; its ``output/`` and its ``.env`` do not."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_OLD_CONFIG = "configs/task.yaml"
"""Where older projects of this kind have their settings."""


class InitError(Exception):
    """The folder cannot be made; the text says why."""


@dataclass(frozen=True, slots=True)
class Founded:
    """``made`` and ``kept`` are files of the target, ``copied`` those of an older project."""

    path: Path
    made: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def found_target(name: str, directory: Path, old: Path | None = None) -> Founded:
    """Fill ``directory`` so that it is a target called ``name``. InitError says why it cannot.

    With ``old`` the files of an older project are copied first; nothing that is there already is
    overwritten.
    """
    if not _NAME.fullmatch(name):
        raise InitError(
            f"{name!r} is no name for a target: letters, digits, '.', '_' and '-', at most 64."
        )
    if old is not None and not old.is_dir():
        raise InitError(f"{old} is no directory.")
    result = Founded(directory)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if old is not None:
            _copy_old(old, directory, result)
        for template in sorted(TEMPLATES.iterdir()):
            file = ".gitignore" if template.name == "gitignore" else template.name
            text = template.read_text("utf-8")
            base = ModelSection().base
            _write(directory, file, text.replace("{name}", name).replace("{base}", base), result)
        for file in DATASET:
            _write(directory, file, "", result)
    except OSError as error:
        raise InitError(
            f"{directory} cannot be filled ({error.strerror or error}). What is there stays."
        ) from error
    return result


def _copy_old(old: Path, directory: Path, result: Founded) -> None:
    names = [*TAKEN_FROM_OLD, *_data_of(old)]
    pairs = [(name, name) for name in names]
    if not (old / "forge.yaml").is_file():
        pairs.append((_OLD_CONFIG, "forge.yaml"))
    for source, name in pairs:
        file = old / source
        if not file.is_file() or not file.resolve().is_relative_to(old.resolve()):
            continue
        place = directory / name
        if place.exists():
            if name not in result.kept:
                result.kept.append(name)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
        result.copied.append(name)


def _data_of(old: Path) -> list[str]:
    """The data files of a project, and its corpus, relative to it."""
    folder = old / "dataset"
    if not folder.is_dir():
        return []
    wanted = (".jsonl", ".txt", ".md", ".sqlite", ".db")
    return sorted(
        str(path.relative_to(old))
        for path in folder.rglob("*")
        if path.is_file() and path.suffix in wanted
    )


def _write(directory: Path, name: str, text: str, result: Founded) -> None:
    place = directory / name
    if name in result.copied:
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("x", encoding="utf-8") as file:
            file.write(text)
        result.made.append(name)
    except FileExistsError:
        if name not in result.kept:
            result.kept.append(name)
