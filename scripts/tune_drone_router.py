"""Runs the recipe of drone-router on given seeds and prints a table: the README's figures.

    python scripts/tune_drone_router.py --seeds 10 11 12 13 14
    python scripts/tune_drone_router.py --seeds 0 1 2 --set factory.data.replay_share=0

The real workers run one after the other in a workspace of their own, as a supervisor would start
them, but without one. ``--gold-seed N`` replaces the suites by ones that another seed draws from
the gold side of the grammar: settings are tuned on those, and never on the suites of the target.

Columns: scores in percent, breadth drop in percentage points, p of the exact paired McNemar test
between baseline and candidate on the primary suite, and seconds of wall clock and of processor
for each stage.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.folder import RunFolder, read_json  # noqa: E402
from engine.judge.stats import mcnemar  # noqa: E402
from engine.plans import planning  # noqa: E402
from engine.records.plan import Plan, Stage  # noqa: E402
from engine.work.generators import load_generator  # noqa: E402
from engine.workspace import Workspace  # noqa: E402

TARGET = ROOT / "sample_runs" / "targets" / "drone-router"
SUITE_ROWS = 180
SKIPPED = ("report",)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--gold-seed", type=int, help="tune on other suites than the target's")
    parser.add_argument("--workspace", type=Path, help="keep the runs here (default: thrown away)")
    parser.add_argument("--json", action="store_true", help="one JSON object a seed")
    options = parser.parse_args()
    keep = options.workspace is not None
    place = options.workspace or Path(tempfile.mkdtemp(prefix="tune-drone-router-"))
    try:
        workspace = _workspace(place, options.gold_seed)
        if not options.json:
            print(HEAD)
        for seed in options.seeds:
            result = run_seed(workspace, seed, options.overrides)
            print(json.dumps(result) if options.json else line(result), flush=True)
    finally:
        if not keep:
            shutil.rmtree(place, ignore_errors=True)
    return 0


def _workspace(place: Path, gold_seed: int | None) -> Workspace:
    target = place / "targets" / TARGET.name
    target.parent.mkdir(parents=True, exist_ok=True)
    (place / "runs").mkdir(exist_ok=True)
    shutil.copytree(TARGET, target, dirs_exist_ok=True)
    if gold_seed is not None:
        generator = load_generator(target / "generator.py")
        suites = {
            "gold": generator.call("generate", SUITE_ROWS, None, gold_seed, gold=True),
            "breadth": generator.call("breadth", SUITE_ROWS, gold_seed, gold=True),
        }
        for name, rows in suites.items():
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (target / "dataset" / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return Workspace(place.resolve())


def run_seed(workspace: Workspace, seed: int, overrides: Iterable[str]) -> dict[str, Any]:
    """One run of the whole plan; its scores, p value, and seconds a stage."""
    drafted = planning.draft(
        workspace, workspace.targets_dir / TARGET.name, list(overrides), seed=seed
    )
    folder = planning.create(workspace, drafted)
    stages = folder.read("plan.json", Plan).stages
    seconds = {
        stage.name: _run_stage(workspace, folder, stage)
        for stage in stages
        if stage.name not in SKIPPED
    }
    scores = {
        name: read_json(folder.file(f"eval-{name}.json"))["score"]
        for name in ("baseline", "candidate", "regression-baseline", "regression-candidate")
    }
    before = _correct(folder, "rows-baseline.jsonl")
    after = _correct(folder, "rows-candidate.jsonl")
    fixed = sum(after[id_] and not before[id_] for id_ in before)
    broken = sum(before[id_] and not after[id_] for id_ in before)
    return {
        "seed": seed,
        "n": len(before),
        **scores,
        "breadth_drop_pp": 100 * (scores["regression-baseline"] - scores["regression-candidate"]),
        "fixed": fixed,
        "broken": broken,
        "p": mcnemar(fixed, broken),
        "wall_s": {name: wall for name, (wall, _) in seconds.items()},
        "cpu_s": {name: cpu for name, (_, cpu) in seconds.items()},
    }


def _run_stage(workspace: Workspace, folder: RunFolder, stage: Stage) -> tuple[float, float]:
    """Seconds of wall clock and of processor that the stage took; exits where it fails."""
    argv = [part.replace("{python}", sys.executable) for part in stage.argv]
    environment = {
        **os.environ,
        **stage.env,
        "FACTORY_RUN": str(folder.path),
        "FACTORY_STAGE": stage.name,
        "PYTHONPATH": str(ROOT),
        "TRANSFORMERS_VERBOSITY": "error",
    }
    begin, cpu = time.perf_counter(), _children_cpu()
    done = subprocess.run(
        argv, cwd=workspace.path, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"stage {stage.name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return time.perf_counter() - begin, _children_cpu() - cpu


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _correct(folder: RunFolder, name: str) -> dict[str, bool]:
    lines = folder.file(name).read_text("utf-8").splitlines()
    return {row["id"]: row["correct"] for row in map(json.loads, lines)}


HEAD = (
    "seed  router before after   breadth before after  drop pp  fixed broken        p"
    "   wall s   cpu s  (by stage: wall)"
)


def line(result: dict[str, Any]) -> str:
    stages = "  ".join(f"{name} {wall:.1f}" for name, wall in result["wall_s"].items())
    return (
        f"{result['seed']:>4}  {100 * result['baseline']:>13.1f} {100 * result['candidate']:>5.1f}"
        f"  {100 * result['regression-baseline']:>15.1f}"
        f" {100 * result['regression-candidate']:>5.1f}  {result['breadth_drop_pp']:>7.1f}"
        f"  {result['fixed']:>5} {result['broken']:>6}  {result['p']:>8.2g}"
        f"  {sum(result['wall_s'].values()):>7.1f} {sum(result['cpu_s'].values()):>7.1f}"
        f"  ({stages})"
    )


if __name__ == "__main__":
    sys.exit(main())
