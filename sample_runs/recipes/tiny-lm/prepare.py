"""The fixed harness of tiny-lm: its data, its tokenizer, its batches and its measure.

    python prepare.py

writes data/ in about a second; no network is needed. Nothing here may be changed while a campaign
runs: the numbers of two tries could no longer be compared. What may be changed is train.py.

Import this module before mlx: it finds a fast matrix library on Linux.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import random
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

if platform.system() == "Linux":
    # MLX's wheel for Linux has a slow BLAS, up to 30 times slower than OpenBLAS. The linker takes
    # the first one that it finds. mx.compile would start a C++ compiler for each kernel.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("MLX_DISABLE_COMPILE", "1")
    with contextlib.suppress(OSError):  # not installed: fewer steps fit into the budget
        ctypes.CDLL("libopenblas.so.0", mode=ctypes.RTLD_GLOBAL)

import mlx.core as mx
import mlx.nn as nn

TIME_BUDGET_S = float(os.environ.get("TINY_LM_SECONDS", "2"))
"""Seconds of training; the environment may shorten it for a quick look."""

MAX_SEQ_LEN = 64
"""Bytes of context."""

VOCAB_SIZE = 128
"""One token for each byte of ASCII."""

EVAL_TOKENS = 8_192
EVAL_BATCH = 32

LINES = 30_000
DATA_SEED = 20_250_101
DATA = Path(__file__).resolve().parent / "data"
FILES = {
    "train.txt": "9bdafc8a6f48bb1bd95a9ddfbf40603ac9becca6a41462c77871557adab76a59",
    "val.txt": "6a557105cd26bdcf1c08afc26026b7b23cb4f27c374febbc62d23a8f6ab54d05",
}
"""What prepare.py writes, with its sha256: data that was tampered with is no data."""

_PEOPLE = "Ana Bo Carl Dina Eva Finn Gus Hana Ivo Jon Kim Lea Max Nora Otto Pia"
_COLOURS = "red blue green black white yellow"
_THINGS = "lamp cup book ball hat key coin rope drum boat kite bell"
_PLACES = "barn house mill garden tower cellar school harbour"
_WORDS = "ant bee cat dog eel fox goat hen ibis jay koi lark mole newt owl pig"


# --- data --------------------------------------------------------------------------------


def _lines(seed: int) -> Iterator[str]:
    """Lines with something to learn at every distance: letters, words, sums, who has what."""
    number = random.Random(seed).random  # the same in every version of Python

    def one(of: str) -> str:
        words = of.split()
        return words[int(number() * len(words))]

    while True:
        kind = number()
        if kind < 0.45:
            who, to, thing, colour = one(_PEOPLE), one(_PEOPLE), one(_THINGS), one(_COLOURS)
            if kind < 0.25:
                yield f"{who} gives the {colour} {thing} to {to}. Now {to} has the {thing}."
            else:
                place = one(_PLACES)
                yield f"{who} takes the {colour} {thing} to the {place}. It is in the {place} now."
        elif kind < 0.7:
            a, b = int(number() * 100), int(number() * 100)
            yield f"{a} + {b} = {a + b}"
        elif kind < 0.85:
            some = [one(_WORDS) for _ in range(3 + int(number() * 2))]
            yield f"sort {' '.join(some)}: {' '.join(sorted(some))}"
        else:
            who, colour, thing = one(_PEOPLE), one(_COLOURS), one(_THINGS)
            ask = f"What has {who}?" if kind < 0.92 else f"Who has a {thing}?"
            answer = f"a {colour} {thing}" if kind < 0.92 else who
            yield f"{who} has a {colour} {thing}. {ask} {answer}."


def make_data() -> None:
    """Write data/. A line is held out by its own hash: none of val.txt stands in train.txt."""
    train, held_out = [], []
    lines = _lines(DATA_SEED)
    for _ in range(LINES):
        line = next(lines) + "\n"
        (held_out if zlib.crc32(line.encode()) % 12 == 0 else train).append(line)
    DATA.mkdir(exist_ok=True)
    for name, some in (("train.txt", train), ("val.txt", held_out)):
        whole = DATA / f".{name}.part"
        whole.write_bytes("".join(some).encode())
        whole.replace(DATA / name)


def _read(name: str) -> mx.array:
    try:
        data = (DATA / name).read_bytes()
    except FileNotFoundError:
        sys.exit(f"data/{name} is not there. Make it: python prepare.py")
    if hashlib.sha256(data).hexdigest() != FILES[name]:
        sys.exit(f"data/{name} is not what prepare.py makes. Make it anew: python prepare.py")
    return mx.array(memoryview(data)).astype(mx.int32)


def encode(text: str) -> list[int]:
    """A text as tokens: its bytes."""
    return [one if one < VOCAB_SIZE else ord("?") for one in text.encode()]


def batches(batch_size: int, seed: int) -> Iterator[tuple[mx.array, mx.array]]:
    """Without end: (tokens, next tokens) of training text, each (batch_size, MAX_SEQ_LEN)."""
    data = _read("train.txt")
    key = mx.random.key(seed)
    span = mx.arange(MAX_SEQ_LEN + 1)
    while True:
        key, now = mx.random.split(key)
        starts = mx.random.randint(0, data.size - MAX_SEQ_LEN - 1, (batch_size, 1), key=now)
        rows = data[starts + span]
        yield rows[:, :-1], rows[:, 1:]


# --- the measure -------------------------------------------------------------------------


def evaluate_bpb(model: nn.Module) -> float:
    """Bits per byte on text that was held out; lower is better."""
    data = _read("val.txt")
    rows = EVAL_TOKENS // MAX_SEQ_LEN
    inputs = data[: rows * MAX_SEQ_LEN].reshape(rows, MAX_SEQ_LEN)
    targets = data[1 : rows * MAX_SEQ_LEN + 1].reshape(rows, MAX_SEQ_LEN)
    nats = 0.0
    for at in range(0, rows, EVAL_BATCH):
        logits = model(inputs[at : at + EVAL_BATCH]).astype(mx.float32)
        loss = nn.losses.cross_entropy(logits, targets[at : at + EVAL_BATCH], reduction="sum")
        nats += loss.item()
    return nats / (rows * MAX_SEQ_LEN) / 0.6931471805599453


if __name__ == "__main__":
    make_data()
    for name in FILES:
        size = _read(name).size
        print(f"data/{name}: {size:,} bytes")
