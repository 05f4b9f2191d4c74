"""Measures a model on this machine: waits for the accelerator, runs the child, keeps the result."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from pydantic import ValidationError

from engine import numbers
from engine.costs.bench_store import save_benchmark, this_machine
from engine.helper import HelperError, HelperStopped, ask
from engine.models import ModelOnDisk
from engine.processes import myself
from engine.records.base import utc_now
from engine.records.bench import Benchmark, BenchPoint
from engine.secrecy import key_names
from engine.supervise.queue import POLL_S, Place
from engine.weights import HeaderError, model_hash
from engine.workspace import Workspace

SECONDS = 40.0
"""How long a benchmark takes, about; a model whose single step is slower takes longer."""

LONGER = 4
"""How much longer the rows of one shape are than those that were asked for."""

PLACE = "benchmark"
"""What stands in the queue, where a run would have its name."""

Told = Callable[[str, int, int], None]
"""Hears what is measured now, and how many shapes of how many are done."""


class BenchError(Exception):
    """The model was not measured; the text says why."""


@dataclass(frozen=True, slots=True)
class BenchWish:
    """The training that the benchmark is for; the measured shapes lie around it.

    ``layers`` 0 is all of them; ``seq_len`` counts the tokens of the longest row.
    """

    batch_size: int = 4
    seq_len: int = 512
    layers: int = 0
    lora_rank: int = 8
    lora_keys: tuple[str, ...] | None = None
    optimizer: str = "adam"
    seconds: float = SECONDS

    def points(self, total_layers: int | None, context: int | None = None) -> list[dict[str, Any]]:
        """The shapes to measure, small ones first.

        One is of long rows, as far as the model's ``context`` goes: only they tell what attention
        costs, and a later run may have longer rows than this one.
        """
        some = self.layers or max(1, (total_layers or 2) // 2)
        rows, tokens = self.batch_size, self.seq_len
        short, few = max(8, tokens // 2), max(1, rows // 4)
        long = min(LONGER * tokens, max(tokens, context or LONGER * tokens))
        shapes = [
            (few, short, 0, False),
            (rows, short, 0, False),
            (rows, tokens, 0, False),
            (rows, tokens, some, False),
            (few, long, some, False),
            (rows, tokens, 0, True),
        ]
        names = ("batch_size", "seq_len", "layers", "grad_checkpoint")
        return [dict(zip(names, shape, strict=True)) for shape in dict.fromkeys(shapes)]


def measure(
    workspace: Workspace,
    model: ModelOnDisk,
    wish: BenchWish,
    told: Told = lambda what, done, total: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Benchmark:
    """Measure a model and keep the result in the workspace. Blocks: for a thread.

    ``model.id`` is the name that the record has.

    It stands in the queue for the accelerator like a run: two at once would measure each other.
    BenchError says why it could not; HelperStopped when ``stopped`` became true.
    """
    try:
        digest = model_hash(model.path)
    except (OSError, HeaderError) as error:
        raise BenchError(f"{model.id} cannot be read: {error}.") from error
    place = Place(workspace.path, workspace.bench_dir / PLACE, myself())
    try:
        place.ask()
        while not place.try_take():
            told(f"waits for {place.wait_words()[1]}", 0, 0)
            if stopped():
                raise HelperStopped
            time.sleep(POLL_S)
        return _measure(workspace, model, digest, wish, told, stopped)
    except OSError as error:
        raise BenchError(
            f"The benchmark cannot be written below {workspace.local_dir}: {error.strerror}."
        ) from error
    finally:
        place.leave()


def _measure(
    workspace: Workspace,
    model: ModelOnDisk,
    digest: str,
    wish: BenchWish,
    told: Told,
    stopped: Callable[[], bool],
) -> Benchmark:
    keys = list(wish.lora_keys) if wish.lora_keys is not None else None
    free = int(psutil.virtual_memory().available)
    if model.size > free:
        raise BenchError(
            f"{model.id} was not measured: its weights alone are {numbers.size(model.size)}, and "
            f"{numbers.size(free)} of memory are free. Close other programs, or choose a smaller "
            "model."
        )
    request = {
        "model": str(model.path),
        "name": model.id,
        "points": wish.points(model.layers, model.context),
        "lora": {"rank": wish.lora_rank, "keys": keys},
        "optimizer": wish.optimizer,
        "seconds": wish.seconds,
        "limit_bytes": free,
    }

    def heard(message: dict[str, Any]) -> None:
        if message.get("kind") == "progress":
            told(str(message.get("what")), int(message["done"]), int(message["total"]))

    told("starting", 0, 0)
    try:
        names = key_names(workspace.path)
        answer = ask("engine.work.bench", request, heard, stopped, named=names)
    except HelperError as error:
        raise BenchError(f"{model.id} was not measured. {_why(str(error))}") from error
    now = utc_now()
    try:
        record = Benchmark.model_validate(
            {
                **{name: one for name, one in answer.items() if name not in ("kind", "device")},
                "model_id": model.id,
                "model_sha256": digest,
                "parameters": model.parameters,
                "machine": this_machine(),
                "date": now,
                "lora_rank": wish.lora_rank,
                "lora_keys": keys,
                "points": [BenchPoint(measured=now, **point) for point in answer["points"]],
            }
        )
    except (ValidationError, KeyError, TypeError) as error:
        raise BenchError(f"{model.id}: what was measured cannot be read ({error}).") from error
    if not record.points:
        why = " ".join(record.notes) or "No training step was measured."
        raise BenchError(f"{model.id} was not measured. {why}")
    save_benchmark(workspace, record)
    return record


def _why(said: str) -> str:
    """What the child's end means, where that can be told."""
    if f"signal {int(signal.SIGKILL)}" in said:
        return (
            f"{said} Memory may have run out: try a smaller batch, shorter rows or another model."
        )
    return said
