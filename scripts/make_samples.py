"""The finished runs of the sample workspace, made anew: trained, judged, decided. 4 minutes.

    python scripts/make_samples.py

Real runs of the demo's target on this machine, kept without weights and training rows. They are the
three honest verdicts: one forgot (reject), one ships, one gain is within the noise (park).
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_runs"
LEFT_OUT = shutil.ignore_patterns("adapters", "data", "supervisor.log")
SEED = "2"


@dataclass(frozen=True)
class Sample:
    """A run and the words of its decision."""

    sets: tuple[str, ...]
    decision: str
    words: dict[str, str]


SAMPLES_TO_MAKE = (
    Sample(
        ("factory.data.replay_share=0",),
        "reject",
        {
            "reason": "It routes, and it has forgotten every old skill.",
            "failure-reason": "Trained on router rows alone; nothing kept the old skills alive.",
            "confidence": "exact",
            "lesson": "Replay old skills among the new rows. The primary score alone would have "
            "shipped this.",
            "next-action": "Train again with factory.data.replay_share=0.4.",
        },
    ),
    Sample(
        (),
        "ship",
        {
            "reason": "It routes, and keeps the old skills within the bound that was set before.",
            "next-action": "Collect gold rows whose phrasing is not the grammar's.",
        },
    ),
    Sample(
        ("training.learning_rate=5e-5", "factory.train.iters=120"),
        "park",
        {
            "reason": "The gain is within the noise: nothing to ship, and nothing to learn from.",
            "failure-reason": "120 small steps at a learning rate of 5e-5 do not move this model.",
            "confidence": "inferred",
            "lesson": "A few more right answers of 180 are no win.",
            "next-action": "Raise the learning rate to 2e-3, or leave it.",
        },
    ),
)


def factory(workspace: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "tui", *arguments, "--workspace", str(workspace)]
    subprocess.run(command, check=True, cwd=workspace, stdout=subprocess.DEVNULL)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="factory-") as directory:
        workspace = Path(directory)
        shutil.copytree(SAMPLES / "targets", workspace / "targets")
        (workspace / "runs").mkdir()
        known: set[Path] = set()
        for sample in SAMPLES_TO_MAKE:
            sets = [part for one in sample.sets for part in ("--set", one)]
            factory(workspace, "run", "drone-router", "--seed", SEED, *sets)
            (run,) = set((workspace / "runs").iterdir()) - known
            known.add(run)
            words = [part for name, text in sample.words.items() for part in (f"--{name}", text)]
            factory(workspace, "decide", run.name, sample.decision, *words)
        factory(workspace, "validate", "--strict")
        shutil.rmtree(SAMPLES / "runs", ignore_errors=True)
        for run in sorted(known):
            shutil.copytree(run, SAMPLES / "runs" / run.name, ignore=LEFT_OUT)


if __name__ == "__main__":
    main()
