"""What ``mlx_lm.lora`` prints → events. Understands the text up to 0.31 and the table from 0.32.

Up to 0.31 a row is a sentence::

    Iter 10: Train loss 2.345, Learning Rate 1.000e-05, It/sec 2.3, Tokens/sec 450, ...

From 0.32 it is a row of a table, with tokens rounded to thousands and without learning rate, it/s
and memory; in a narrow terminal one row is wrapped over several lines::

       iter   train_loss     tok/s     tokens
         10    0.885 ▼    5,485      2.1k
         20    val 0.219    0.08s
      save  0000020_adapters.safetensors

Works on clean lines (see ``terminal``). What is not understood gives no event. Pure.
"""

from __future__ import annotations

import math
import re
from typing import Any

from engine.records.events import encode_number

Event = dict[str, Any]

_NUMBER = re.compile(r"[-+]?[0-9.,]{1,24}(?:e[-+]?[0-9]{1,4})?|[-+]?(?:nan|inf)", re.IGNORECASE)
_ITER = re.compile(r"Iter (\d{1,15}): ")
_TOTAL = re.compile(r"Starting training\.\.\., iters: (\d{1,15})")
_TEST = re.compile(r"Test loss (\S{1,32}), Test ppl (\S{1,32})")
_SAVED_STEP = re.compile(r"(\d{7})_adapters")
_BATCH_ITERS = re.compile(r"batch · iters (\d[\d,]*) · (\d[\d,]*)")
_BAR = re.compile(r"train\s[█▉▊▋▌▍▎▏░ ]*\d{1,3}% · +(\d[\d,]*)/(\d[\d,]*)$")

_SENTENCE = {
    "Train loss": ("loss", 1.0),
    "Learning Rate": ("learning_rate", 1.0),
    "It/sec": ("it_s", 1.0),
    "Tokens/sec": ("tok_s", 1.0),
    "Trained Tokens": ("tokens", 1.0),
    "Peak mem": ("mlx_peak_bytes", 1e9),  # mlx-lm divides bytes by 10**9 and says GB
    "Val loss": ("val_loss", 1.0),
    "Val took": ("val_time_s", 1.0),
}
_MAX_CELL = 400
_MAX_PANEL = 64
"""Lines of a settings panel that are kept; a longer one is no panel of mlx-lm."""


class MlxText:
    """Reads the lines of one stream in order. Never raises."""

    def __init__(self) -> None:
        self.total: int | None = None
        """Iterations in all, once the program has said it."""
        self._panel: list[str] | None = None
        self._row_step: int | None = None
        self._row_wants: list[str] = []
        self._last_step = 0
        self._save_open = False

    def read(self, line: str) -> list[Event]:
        """The events that this line means, [] for a line that is just log."""
        if "Iter " in line and (match := _ITER.search(line)):
            return self._sentence(int(match[1]), line[match.end() :])
        if match := _TOTAL.search(line):
            self.total = int(match[1])
            return [_progress(0, self.total)]
        if match := _TEST.match(line):
            pair = {"test_loss": _number(match[1]), "test_ppl": _number(match[2].rstrip("."))}
            values = {name: value for name, value in pair.items() if value is not None}
            return [_metric(self._last_step, values)] if values else []
        if match := _BAR.match(line):
            return [_progress(_integer(match[1]), _integer(match[2]))]
        if line.startswith(("╭", "│", "╰")):
            return self._in_panel(line)
        return self._table(line.split(None, 8))

    # --- up to 0.31 ---------------------------------------------------------------

    def _sentence(self, step: int, rest: str) -> list[Event]:
        if rest.startswith("Saved adapter weights to "):
            path = rest.removeprefix("Saved adapter weights to ").split(" and ")[0].rstrip(".")
            return [_checkpoint(step, path)]
        values: dict[str, float] = {}
        for part in rest.split(", "):
            for label, (name, unit) in _SENTENCE.items():
                if part.startswith(label + " "):
                    words = part[len(label) : 80].split(None, 1)
                    value = _number(words[0].rstrip("s")) if words else None
                    if value is not None:
                        values[name] = value * unit
        return self._at(step, values) if values else []

    def _at(self, step: int, values: dict[str, float]) -> list[Event]:
        self._last_step = step
        events = [_metric(step, values)]
        if "loss" in values and self.total:
            events.append(_progress(step, self.total))
        return events

    # --- from 0.32 ----------------------------------------------------------------

    def _in_panel(self, line: str) -> list[Event]:
        if line.startswith("╭"):
            self._panel = [] if "mlx_lm" in line else None
        elif self._panel is not None and line.startswith("│"):
            if len(self._panel) < _MAX_PANEL:
                self._panel.append(" ".join(line[:_MAX_CELL].strip("│ ").split()))
        elif self._panel is not None:
            settings = " ".join(self._panel)
            self._panel = None
            if match := _BATCH_ITERS.search(settings):
                self.total = _integer(match[2])
                text = f"mlx_lm.lora says its settings: {settings}"
                message = {"kind": "message", "level": "info", "code": "settings", "text": text}
                return [message, _progress(0, self.total)]
        return []

    def _table(self, words: list[str]) -> list[Event]:
        if self._save_open:
            self._save_open = False
            return self._saved(words[0] if words else "")
        if not words:
            return []
        if words[0] == "save" and len(words) <= 2:
            self._save_open = len(words) == 1
            return [] if self._save_open else self._saved(words[1])
        if len(words) >= 3 and words[0].isdecimal() and len(words[0]) <= 15:
            step = int(words[0])
            if words[2] in ("▼", "▲") and _number(words[1]) is not None:
                return self._row(step, ["loss"], ["tok_s", "tokens"], [words[1], *words[3:]])
            if words[1] == "val":
                return self._row(step, ["val_loss"], ["val_time_s"], words[2:])
        if self._row_step is not None and self._row_wants:
            return self._row(self._row_step, [], self._row_wants, words)
        return []

    def _row(self, step: int, must: list[str], may: list[str], words: list[str]) -> list[Event]:
        """A row, or what is left of one that was wrapped; numbers fill its columns in order."""
        values: dict[str, float] = {}
        columns = must + may
        for name, word in zip(columns, words, strict=False):
            value = _cell(name, word)
            if value is None:
                break
            values[name] = value
        whole = len(values) == min(len(words), len(columns)) and len(words) <= len(columns)
        if not values or (must and must[0] not in values) or (not must and not whole):
            self._row_step, self._row_wants = None, []
            return []
        self._row_step, self._row_wants = step, columns[len(values) :] if whole else []
        return self._at(step, values)

    def _saved(self, name: str) -> list[Event]:
        match = _SAVED_STEP.match(name)
        return [_checkpoint(int(match[1]), f"{match[1]}_adapters.safetensors")] if match else []


def _cell(name: str, word: str) -> float | None:
    """The number in a cell: 5,485 or 2.1k (thousands of tokens) or 0.11s; None for other words."""
    unit = 1.0
    if name == "tokens":
        if not word.endswith("k"):
            return None
        word, unit = word[:-1], 1000.0
    elif name == "val_time_s":
        if not word.endswith("s"):
            return None
        word = word[:-1]
    value = _number(word)
    return None if value is None else value * unit


def _number(text: str) -> float | None:
    """5,485 or 1.000e-05 or nan as a float, None for any other word."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _integer(text: str) -> int:
    return int(text.replace(",", "")[:15])


def _metric(step: int, values: dict[str, float]) -> Event:
    encoded: dict[str, Any] = {}
    for name, value in values.items():
        whole = name in ("tokens", "mlx_peak_bytes") and math.isfinite(value)
        encoded[name] = round(value) if whole else encode_number(value)
    return {"kind": "metric", "step": step, "values": encoded}


def _progress(done: int, total: int) -> Event:
    return {"kind": "progress", "done": done, "total": total, "unit": "steps"}


def _checkpoint(step: int, path: str) -> Event:
    """``path`` is as the program printed it: it knows nothing of the run folder."""
    return {"kind": "checkpoint", "step": step, "path": path, "reason": "periodic"}
