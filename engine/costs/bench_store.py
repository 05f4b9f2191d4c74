"""The benchmarks of a workspace: where they are, how one is found, and how two become one."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from engine.folder import write_json_atomic
from engine.models import ModelOnDisk
from engine.plain_file import read_plain
from engine.records.bench import Benchmark, BenchPoint
from engine.records.provenance import Machine
from engine.supervise.provenance import machine
from engine.weights import HeaderError, model_hash
from engine.workspace import Workspace, slugify

_MAX_BYTES = 4 * 2**20
KEPT_POINTS = 64
"""Points of one benchmark; the oldest go first."""


@lru_cache(maxsize=1)
def this_machine() -> Machine:
    """The machine that this process runs on. Asks the system once; may take 0.1 s on a Mac."""
    return machine()


def machine_key(about: Machine) -> str:
    """Eight characters that are the same for machines that compute alike."""
    # The memory that a system reports differs by some KB from one start to the next.
    memory = round(about.memory_bytes / 2**28) if about.memory_bytes else None
    facts = [about.system, about.machine, about.chip, about.cores, memory]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]


def same_machine(one: Machine | None, other: Machine) -> bool:
    """Whether two descriptions are of machines that compute alike; False for none."""
    return one is not None and machine_key(one) == machine_key(other)


def load_benchmark(workspace: Workspace, model: ModelOnDisk) -> Benchmark | None:
    """What was measured of a model on this machine; None where nothing was, or not readably."""
    try:
        digest = model_hash(model.path)
    except (OSError, HeaderError):
        return None
    ending = f"-{digest[:12]}-{machine_key(this_machine())}.json"
    try:
        files = sorted(workspace.bench_dir.glob(f"*{ending}"))
    except OSError:
        return None
    found = [record for file in files if (record := _read(file)) is not None]
    return max(found, key=lambda record: record.date, default=None)


def benchmarks_here(workspace: Workspace) -> list[Benchmark]:
    """All that was measured on this machine, the newest first; unreadable files are left out."""
    try:
        files = sorted(workspace.bench_dir.glob(f"*-{machine_key(this_machine())}.json"))
    except OSError:
        return []
    found = [record for file in files if (record := _read(file)) is not None]
    return sorted(found, key=lambda record: record.date, reverse=True)


def _read(file: Path) -> Benchmark | None:
    try:
        return Benchmark.model_validate(json.loads(read_plain(file, _MAX_BYTES)))
    except (OSError, ValueError, RecursionError, ValidationError):
        return None


def save_benchmark(workspace: Workspace, record: Benchmark) -> Path:
    """Write a benchmark, with what earlier ones of the same kind measured. OSError when it fails.

    Points of an earlier one stay where the new one has none of that shape; other adapters, another
    MLX: then nothing is comparable, and the new one stands alone.
    """
    ending = f"{record.model_sha256[:12]}-{machine_key(record.machine)}.json"
    name = slugify(record.model_id)[:40].rstrip("-")
    known = sorted(workspace.bench_dir.glob(f"*-{ending}"))
    path = known[0] if known else workspace.bench_dir / f"{name}-{ending}"
    before = _read(path) if path.exists() else None
    if before is not None and _comparable(before, record):
        record = record.model_copy(update={"points": merged(before.points, record.points)})
    workspace.bench_dir.mkdir(parents=True, exist_ok=True)
    write_json_atomic(path, record)
    return path


def _comparable(before: Benchmark, after: Benchmark) -> bool:
    return (before.mlx, before.lora_rank, before.lora_keys) == (
        after.mlx,
        after.lora_rank,
        after.lora_keys,
    )


def merged(before: list[BenchPoint], after: list[BenchPoint]) -> list[BenchPoint]:
    """The points of both, the later of each shape."""
    shapes = {_shape(point): point for point in sorted(before, key=lambda point: point.measured)}
    for point in after:
        shapes.pop(_shape(point), None)
        shapes[_shape(point)] = point
    return list(shapes.values())[-KEPT_POINTS:]


def _shape(point: BenchPoint) -> tuple[int, int, int, bool]:
    return point.batch_size, point.seq_len, point.layers, point.grad_checkpoint
