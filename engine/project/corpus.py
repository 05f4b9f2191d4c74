"""The raw text that a target's base reads: found, cut into rows, held against gold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.helper import HelperError, ask
from engine.loops.flywheel.writing import brief_of
from engine.target import Target

KINDS = (".txt", ".md", ".jsonl")

HELPER = "engine.work.corpus"

TIMEOUT_S = 1800.0
"""Some ten thousand rows a minute."""

VALID_SHARE = 0.05
"""Of the rows, kept for validation; none where there are too few."""

FEWEST_FOR_VALID = 40

ROOM = 2
"""Tokens of a row that are not its text's: a beginning and an end."""


class CorpusError(Exception):
    """There is no text to read; the text says what to do."""


@dataclass(slots=True)
class Corpus:
    """``files`` are names relative to ``folder``; ``held_out`` rows were left out because a gold
    question stands in them, ``repeated`` ones because another row says the same, ``broken`` lines
    because they hold no text."""

    folder: Path
    files: list[str]
    train: list[str] = field(default_factory=list)
    valid: list[str] = field(default_factory=list)
    held_out: int = 0
    repeated: int = 0
    broken: int = 0

    @property
    def chunks(self) -> int:
        return len(self.train) + len(self.valid)


def read_corpus(
    target: Target,
    model: Path,
    where: Path | None = None,
    stopped: Callable[[], bool] = lambda: False,
    *,
    named: Iterable[str],
) -> Corpus:
    """The corpus of a target, or the one in ``where`` (a folder or a file), cut with the tokenizer
    of ``model`` in a child that gets no keys, ``named`` ones neither. Blocks. CorpusError."""
    place = where if where is not None else target.path / target.forge.pretrain.corpus_dir
    folder, files = _files(place)
    limit = target.forge.pretrain.max_seq_len or target.forge.model.max_seq_len
    found = Corpus(folder, [str(file.relative_to(folder)) for file in files])
    gold = brief_of(target).gold
    seen: set[str] = set()

    def hear(message: dict[str, Any]) -> None:
        if message.get("kind") != "row":
            return
        text = str(message["text"])
        if text in seen:
            found.repeated += 1
            return
        seen.add(text)
        if gold.is_in(text):
            found.held_out += 1
        elif _falls(text):
            found.valid.append(text)
        else:
            found.train.append(text)

    request = {
        "model": str(model),
        "files": [str(file) for file in files],
        "max_tokens": max(1, limit - ROOM),
    }
    try:
        said = ask(HELPER, request, hear, stopped, TIMEOUT_S, named=named)
        found.broken = int(said["broken"])
    except HelperError as error:
        raise CorpusError(f"The corpus cannot be read. {error}") from error
    if found.chunks < FEWEST_FOR_VALID:
        found.train, found.valid = [*found.train, *found.valid], []
    if not found.train:
        raise CorpusError(f"{place} holds no text that could be trained on.")
    return found


def _files(place: Path) -> tuple[Path, list[Path]]:
    if place.is_file():
        files, folder = [place], place.parent
        if place.suffix not in KINDS:
            raise CorpusError(f"{place} is none of {', '.join(KINDS)}.")
    elif place.is_dir():
        folder = place
        files = sorted(
            file
            for file in place.rglob("*")
            if file.suffix in KINDS
            and file.is_file()
            and file.resolve().is_relative_to(place.resolve())
            and not any(part.startswith(".") for part in file.relative_to(place).parts)
        )
    else:
        raise CorpusError(
            f"There is no corpus {place}. Put texts there ({', '.join(KINDS)}), or name another "
            "with --corpus."
        )
    if not files:
        raise CorpusError(f"{place} holds no {', '.join(KINDS)}.")
    return folder, files


def _falls(text: str) -> bool:
    """Whether a row is kept for validation, by itself alone."""
    digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
    return int.from_bytes(digest[:4]) / 2**32 < VALID_SHARE
