"""The finished runs of the sample workspace, made anew: trained, judged, decided. 4 minutes.

    python scripts/make_samples.py

Real runs of the demo's target on this machine, kept without weights and training rows. They are the
three honest verdicts: a gain within the noise (park), one that forgot (reject), one that ships.
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
    """A run, what it was to show, and the words of its decision. Each follows the one before."""

    sets: tuple[str, ...]
    hypothesis: str
    decision: str
    words: dict[str, str]


SAMPLES_TO_MAKE = (
    Sample(
        ("training.learning_rate=5e-5", "factory.train.iters=120"),
        "A short training at a small learning rate is enough for nine commands.",
        "park",
        {
            "reason": "The gain is within the noise: nothing to ship, and nothing to learn from.",
            "failure-reason": "120 small steps at a learning rate of 5e-5 do not move this model.",
            "confidence": "inferred",
            "lesson": "A few more right answers of 180 are no win.",
            "next-action": "Raise the learning rate to 2e-3.",
        },
    ),
    Sample(
        ("factory.data.replay_share=0",),
        "A learning rate of 2e-3 learns the router; all rows are spent on it.",
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
        "Four rows of old skills among ten keep breadth, and the router is still learned.",
        "ship",
        {
            "reason": "It routes, and keeps the old skills within the bound that was set before.",
            "next-action": "Collect gold rows whose phrasing is not the grammar's.",
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
        known: list[Path] = []
        for sample in SAMPLES_TO_MAKE:
            sets = [part for one in sample.sets for part in ("--set", one)]
            after = ["--parent", known[-1].name] if known else []
            words = ["--hypothesis", sample.hypothesis, *after, *sets]
            factory(workspace, "run", "drone-router", "--seed", SEED, *words)
            (run,) = set((workspace / "runs").iterdir()) - set(known)
            known.append(run)
            words = [part for name, text in sample.words.items() for part in (f"--{name}", text)]
            factory(workspace, "decide", run.name, sample.decision, *words)
        factory(workspace, "validate", "--strict")
        shutil.rmtree(SAMPLES / "runs", ignore_errors=True)
        for run in known:
            shutil.copytree(run, SAMPLES / "runs" / run.name, ignore=LEFT_OUT)


if __name__ == "__main__":
    main()
