"""What New run predicts against what runs then take: time of the training, and its peak of memory.

    python scripts/check_estimate.py [--workspace DIR] [--iters 300]

Copies the samples (or goes on in a workspace of such a copy), makes the demo's base, measures it
as `factory-tui bench` does, then trains with a few settings and prints each prediction beside what
was measured. Then steps with rows of up to eight times the length that the benchmark was made for.
Takes some minutes. Exit code 1 when a time or a peak is off by more than a factor of two (of longer
rows: lies outside of the range that was said): the bound is loose because a machine is never alone.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

if TYPE_CHECKING:
    from engine.costs.benching import BenchWish
    from engine.models import ModelOnDisk
    from engine.workspace import Workspace

SETTINGS: tuple[tuple[str, ...], ...] = (
    (),
    ("training.batch_size=32",),
    ("training.batch_size=4",),
    ("factory.train.grad_checkpoint=true",),
    ("factory.train.num_layers=1",),
)
LONGER = (2, 4, 8)
WITHIN = 2.0


def main() -> int:
    """Predict, run, compare."""
    from engine.costs.benching import measure
    from engine.costs.forecast import look_ahead
    from engine.plans.planning import draft
    from engine.plans.starting import start_draft
    from engine.samples import copy_samples
    from engine.workspace import Workspace

    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workspace", type=Path)
    options.add_argument("--iters", type=int, default=300)
    chosen = options.parse_args()
    place = chosen.workspace or Path(tempfile.mkdtemp()) / "estimate"
    workspace = Workspace(place) if (place / "targets").is_dir() else copy_samples(place)
    target = workspace.target_path("drone-router")
    # Early stopping would end a training before what was predicted for it.
    usual = [f"factory.train.iters={chosen.iters}", "factory.train.early_stop=null"]

    def run(overrides: tuple[str, ...]) -> Path:
        folder = start_draft(workspace, draft(workspace, target, [*usual, *overrides], 0))
        while not _over(folder.path):
            time.sleep(0.5)
        return folder.path

    outlook = look_ahead(workspace, draft(workspace, target, usual, 0))
    if outlook.model is None:
        print("making the base …", file=sys.stderr)
        run(())
        outlook = look_ahead(workspace, draft(workspace, target, usual, 0))
    assert outlook.model is not None and outlook.wish is not None
    print("measuring the base …", file=sys.stderr)
    measure(workspace, replace(outlook.model, id="drone-router/base"), outlook.wish)
    print(
        f"{'settings':<36}{'predicted':>20}{'took':>8}{'ratio':>7}{'peak':>8}{'was':>7}{'ratio':>7}"
    )
    worst = 1.0
    for overrides in SETTINGS:
        foreseen = look_ahead(workspace, draft(workspace, target, [*usual, *overrides], 0))
        assert foreseen.benchmark is not None
        cost = foreseen.benchmark.cost
        assert cost.seconds is not None and cost.peak is not None
        seconds, peak = _measured(run(overrides))
        time_ratio, peak_ratio = cost.seconds.likely / seconds, cost.peak.likely / peak
        spread = f"{cost.seconds.likely:.1f} ({cost.seconds.low:.1f} to {cost.seconds.high:.1f})"
        print(
            f"{' '.join(overrides) or 'as the target says':<36}{spread:>20}{seconds:>8.1f}"
            f"{time_ratio:>7.2f}{cost.peak.likely / 2**20:>7.0f}M{peak / 2**20:>6.0f}M"
            f"{peak_ratio:>7.2f}",
            flush=True,
        )
        worst = max(worst, time_ratio, 1 / time_ratio, peak_ratio, 1 / peak_ratio)
    inside = _longer_rows(workspace, outlook.model, outlook.wish)
    return int(worst > WITHIN or not inside)


def _longer_rows(workspace: Workspace, model: ModelOnDisk, wish: BenchWish) -> bool:
    """Steps of longer rows: predicted from the benchmark, then taken. Whether all were in range."""
    from engine.costs.bench_store import load_benchmark
    from engine.costs.bench_words import points_of
    from engine.costs.estimate import Shape, peak_bytes, step_seconds
    from engine.helper import ask
    from engine.secrecy import key_names

    record = load_benchmark(workspace, model)
    assert record is not None
    shapes = [Shape(wish.batch_size, times * wish.seq_len, record.layers) for times in LONGER]
    asked = [
        {"batch_size": one.batch_size, "seq_len": one.tokens, "layers": 0, "grad_checkpoint": False}
        for one in shapes
    ]
    request = {
        "model": str(model.path),
        "name": model.id,
        "points": asked,
        "lora": {"rank": wish.lora_rank, "keys": wish.lora_keys},
        "seconds": 30,
        "limit_bytes": None,
    }
    taken = ask("engine.work.bench", request, named=key_names(workspace.path))["points"]
    print(
        f"{'rows of':<36}{'predicted, ms':>20}{'took':>8}{'ratio':>7}{'peak':>8}{'was':>7}"
        f"{'ratio':>7}"
    )
    good = True
    for shape, was in zip(shapes, taken, strict=True):
        step, peak = step_seconds(points_of(record), shape), peak_bytes(points_of(record), shape)
        assert step is not None and peak is not None
        seconds, held = was["seconds_per_iteration"], was["mlx_peak_bytes"]
        said = step.value.times(1000)
        spread = f"{said.likely:.0f} ({said.low:.0f} to {said.high:.0f})"
        print(
            f"{f'{shape.tokens:.0f} tokens':<36}{spread:>20}{1000 * seconds:>8.0f}"
            f"{step.value.likely / seconds:>7.2f}{peak.value.likely / 2**20:>7.0f}M"
            f"{held / 2**20:>6.0f}M{peak.value.likely / held:>7.2f}",
            flush=True,
        )
        good = good and step.value.low <= seconds <= step.value.high
        good = good and peak.value.low <= held <= peak.value.high
    return good


def _over(path: Path) -> bool:
    """Whether every stage is done: a run then waits for a decision, and has no end yet."""
    from engine.catalogue.summary import summarise

    return summarise(path).liveness in ("idle", "dead")


def _measured(path: Path) -> tuple[float, float]:
    """Seconds of the training stage, and the peak of its process tree in bytes."""
    from engine.folder import RunFolder

    status = RunFolder(path).status()
    assert status is not None
    train = status.stages["train"]
    assert train.started and train.ended and train.peak_tree_rss_bytes
    return (train.ended - train.started).total_seconds(), train.peak_tree_rss_bytes


if __name__ == "__main__":
    sys.exit(main())
