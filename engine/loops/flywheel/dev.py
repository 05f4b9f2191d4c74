"""The dev suite: the rows that iterations are judged on, so that gold stays unseen until the end.

A target may have its own ``dataset/dev.jsonl``. Where it has none, one is made, once: from its
generator, with a seed that no training has, else from canonical, by a hash of each prompt. None of
its rows equals or nearly equals a row of any other suite, and the data stage keeps it out of
training as it keeps gold out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.folder import sha256_file, write_bytes_atomic
from engine.helper import HelperError, ask
from engine.judge.leakage import normalise, prompt_text
from engine.loops.flywheel.canonical import read_lines
from engine.loops.flywheel.door import Door
from engine.records.loop import DevSuite
from engine.target import Target

FILE = "dataset/dev.jsonl"
ROWS = 180
"""As many as make a difference of some ten points visible; fewer where there are fewer."""

FEWEST = 20
"""With fewer rows no iteration could ever be told from the one before."""

SHARE = 0.15
"""Of canonical, where there is no generator."""

SEED = 999_331
"""Added to the loop's seed: rows that no run's training draws with its own."""

HELPER = "engine.work.generate"


class DevError(Exception):
    """There are no rows to judge iterations on; the text says what to do."""


def held_out(target: Target, but: str | None = None) -> list[tuple[str, str]]:
    """(place, prompt) of every row that is never trained on: gold, suites, dev. ``but`` names a
    file that is left out."""
    files = {ref.file for ref in target.held_out} | {target.forge.dataset.gold, FILE}
    found: list[tuple[str, str]] = []
    for name in sorted(files - {but}):
        path = target.file(name)
        for line in read_lines(path):
            text = prompt_text(line.row) if line.row is not None else None
            if text and text.strip():
                found.append((f"{name}:{line.number}", text))
    return found


def dev_suite(target: Target, seed: int, *, named: Iterable[str]) -> DevSuite:
    """The dev suite of a target, made where there is none. DevError says what is missing."""
    path = target.file(FILE)
    made_from = "the target's own file"
    if not path.exists():
        rows, made_from = _make(target, seed, named)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomic(path, text.encode("utf-8", "replace"))
    count = sum(line.row is not None and "suite" not in line.row for line in read_lines(path))
    if count < FEWEST:
        raise DevError(
            f"{FILE} has {count} rows; {FEWEST} are the fewest that could tell one iteration from "
            "the next. Add some that are neither gold nor trained on."
        )
    return DevSuite(file=FILE, sha256=sha256_file(path), rows=count, made_from=made_from)


def _make(target: Target, seed: int, named: Iterable[str]) -> tuple[list[Mapping[str, Any]], str]:
    door = Door(held_out(target, but=FILE))
    generator = target.forge.factory.data.generator
    if generator:
        written = ask_generator(target, 2 * ROWS, None, seed + SEED, named=named)
        rows = door.admit(written).rows[:ROWS]
        if len(rows) >= FEWEST:
            return rows, f"{generator}, seed {seed + SEED}"
        raise DevError(
            f"{generator} gave {len(rows)} rows that are not near a gold row; {FEWEST} are the "
            f"fewest to judge on. Write {FILE} by hand."
        )
    canonical = target.forge.dataset.canonical
    lines = read_lines(target.file(canonical)) if canonical else []
    given = [line.row for line in lines if line.row is not None]
    rows = door.admit(sorted(given, key=_lot)).rows[: min(ROWS, _of_canonical(len(given)))]
    if len(rows) >= FEWEST:
        return [{k: v for k, v in row.items() if k != "origin"} for row in rows], str(canonical)
    raise DevError(
        "There are too few rows to judge iterations on without looking at gold. Write "
        f"{FILE}: at least {FEWEST} rows like the gold ones, and none of them."
    )


def _of_canonical(count: int) -> int:
    """How many of so many rows are the dev suite's: a share, or what it needs at least; none where
    that would take over a third of them."""
    wanted = max(FEWEST, round(SHARE * count))
    return wanted if wanted <= count / 3 else 0


def _lot(row: Mapping[str, Any]) -> bytes:
    """A canonical row's place in the draw, by its prompt alone: the same in any file."""
    return hashlib.sha256(normalise(prompt_text(row) or "").encode()).digest()


def ask_generator(
    target: Target, n: int, focus: Sequence[str] | None, seed: int, *, named: Iterable[str]
) -> list[Mapping[str, Any]]:
    """Rows of the target's generator, which runs in a child without keys; ``named`` are the
    variables that hold those of the workspace (``key_names``). DevError with what it said."""
    name = target.forge.factory.data.generator
    if name is None:
        raise DevError("The target has no generator (factory.data.generator in forge.yaml).")
    request = {
        "generator": str(target.file(name)),
        "function": "generate",
        "n": n,
        "focus": list(focus) if focus else None,
        "seed": seed,
    }
    try:
        return list(ask(HELPER, request, timeout_s=300.0, named=named)["rows"])
    except HelperError as error:
        raise DevError(f"{name} gave no rows. {error}") from error
