"""Training rows: from a JSONL file to token ids, with the place where the loss begins.

A row is ``{"messages": […]}``, ``{"prompt", "completion"}`` or ``{"text"}``, as mlx-lm
takes them. Tokens are those of mlx-lm's datasets; blank lines are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.work.encoding import encode_row, encode_together
from engine.work.runtime import Refusal

SHOWN_ERRORS = 5
"""How many bad lines a Refusal lists."""

BATCH = 256
"""Rows that the tokenizer gets at once: enough for many cores, few for a stop to be heard."""

Tokens = NDArray[np.int32]


@dataclass
class TokenRows:
    """Rows as token ids. ``starts[i]`` is the first token of row i that counts in the loss.

    ``truncated`` rows were cut to ``max_seq_len``; ``dropped`` ones had nothing left to learn.
    """

    name: str
    tokens: list[Tokens] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    truncated: int = 0
    dropped: int = 0
    longest: int = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.array([len(row) for row in self.tokens], dtype=np.int64)

    def __len__(self) -> int:
        return len(self.tokens)

    def add(self, tokens: list[int], start: int, max_seq_len: int) -> None:
        """Take a row, cut to ``max_seq_len`` tokens; it is dropped when no token of it counts."""
        self.longest = max(self.longest, len(tokens))
        if len(tokens) > max_seq_len:
            self.truncated += 1
            tokens = tokens[:max_seq_len]
        # The first token is never predicted, so a row needs a counted token after it.
        if max(start, 1) >= len(tokens):
            self.dropped += 1
            return
        self.tokens.append(np.array(tokens, dtype=np.int32))
        self.starts.append(start)

    def notes(self, max_seq_len: int) -> list[str]:
        """What a person should know of the cut, in sentences; empty when all is well."""
        notes = []
        if self.truncated:
            notes.append(
                f"{self.truncated} of {len(self) + self.dropped} rows of {self.name} are longer "
                f"than max_seq_len ({max_seq_len} tokens; the longest has {self.longest}) and "
                "were cut."
            )
        if self.dropped:
            notes.append(
                f"{self.dropped} rows of {self.name} were left out: nothing of the answer lies "
                f"within the first {max_seq_len} tokens."
            )
        return notes


def read_rows(path: Path, name: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows of a JSONL file with their line numbers; Refusal lists what is wrong."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refusal(
            f"{name} cannot be read ({error.strerror}): the data stage writes it."
        ) from error
    rows: list[tuple[int, dict[str, Any]]] = []
    wrong: list[str] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            wrong.append(f"{name}:{number}: is not JSON ({error})")
            continue
        if problem := _problem(row):
            wrong.append(f"{name}:{number}: {problem}")
        else:
            rows.append((number, row))
    if wrong:
        more = f" (and {len(wrong) - SHOWN_ERRORS} more)" if len(wrong) > SHOWN_ERRORS else ""
        raise Refusal("; ".join(wrong[:SHOWN_ERRORS]) + more + ". Correct these lines.")
    return rows


def _problem(row: Any) -> str | None:
    """Why a row cannot be trained on, or None."""
    if not isinstance(row, dict):
        return "is no JSON object"
    if "messages" in row:
        turns = row["messages"]
        if not isinstance(turns, list) or not turns:
            return '"messages" is no list of turns'
        if not all(isinstance(t, dict) and isinstance(t.get("role"), str) for t in turns):
            return 'a turn of "messages" has no "role"'
        return None
    if "prompt" in row and "completion" in row:
        texts = (row["prompt"], row["completion"])
        return None if all(isinstance(text, str) for text in texts) else "holds no text"
    if "text" in row:
        return None if isinstance(row["text"], str) else '"text" is no text'
    return 'has neither "messages" nor "prompt" and "completion" nor "text"'


def tokenise(
    path: Path,
    name: str,
    tokenizer: Any,
    *,
    mask_prompt: bool,
    max_seq_len: int,
    each: Callable[[int, int], None] = lambda done, total: None,
) -> TokenRows:
    """The rows of a file as tokens; ``each(done, total)`` is called as it goes.

    Refusal when a line is wrong, when the model's chat template does not take a row, or when
    no row is left.
    """
    raw = read_rows(path, name)
    rows = TokenRows(name)
    for begin in range(0, len(raw), BATCH):
        chunk = raw[begin : begin + BATCH]
        found = encode_together([row for _, row in chunk], tokenizer, mask_prompt)
        for at, (number, row) in enumerate(chunk):
            try:
                tokens, start = found[at] if found else encode_row(row, tokenizer, mask_prompt)
            except Exception as error:  # a template may raise anything: it is input
                raise Refusal(
                    f"{name}:{number}: the model's chat template does not take this row "
                    f"({type(error).__name__}: {error})."
                ) from error
            rows.add(tokens, start, max_seq_len)
            each(begin + at + 1, len(raw))
    if not rows.tokens:
        why = f"none of its {len(raw)} rows has an answer" if raw else "it has no rows"
        raise Refusal(f"{name} cannot be used: {why} within {max_seq_len} tokens.")
    return rows
