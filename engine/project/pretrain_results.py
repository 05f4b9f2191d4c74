"""The last stage of a pretraining run: says in ``output/`` what was read and what came of it.

Started as ``python -m engine.project.pretrain_results RUN TARGET [--set-base]``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from engine.comparing.course import course_of
from engine.folder import RunFolder, write_bytes_atomic, write_json_atomic
from engine.forge_edit import EditError, with_values
from engine.live.history import folded
from engine.plans.stages import ADAPTER_FILES
from engine.project.output import OUTPUT
from engine.project.pretraining import MERGED
from engine.records.base import utc_now
from engine.records.run import Dataset, RunConfig
from engine.records.status import RunStatus
from engine.target import Target, load_target

FILE = "pretrain_results.json"


def main(arguments: list[str]) -> int:
    """Write the file, keep the adapter beside it, and name the new base where that was asked."""
    run, target = RunFolder(Path(arguments[0])), load_target(Path(arguments[1]))
    adapter = _keep_adapter(run, target)
    write_json_atomic(target.path / OUTPUT / FILE, results(run, target, adapter))
    print(f"{OUTPUT}/{FILE} is written; the new base is {MERGED}.")
    if "--set-base" in arguments[2:]:
        try:
            set_base(target)
        except (EditError, OSError) as error:
            print(f"forge.yaml cannot be changed: {error}. Set model.base to {MERGED} yourself.")
            return 1
        print(f"model.base is {MERGED} now.")
    return 0


def results(run: RunFolder, target: Target, adapter: str | None) -> dict[str, Any]:
    """What ``pretrain_results.json`` holds; None is not recorded."""
    config, dataset = run.read("config.json", RunConfig), run.read("dataset.json", Dataset)
    settings = config.hyperparameters
    loss, minutes = _loss(run), _minutes(run.status())
    return {
        "timestamp": utc_now().isoformat(timespec="seconds").replace("+00:00", "Z"),
        "model": target.forge.model.base,
        "corpus_dir": target.forge.pretrain.corpus_dir,
        "corpus_files": len(dataset.sources),
        "corpus_chunks": dataset.counts.train_rows + dataset.counts.heldout_rows,
        "epochs": settings.get("epochs"),
        "learning_rate": settings.get("learning_rate"),
        "final_loss": None if loss is None else round(loss, 4),
        "elapsed_min": minutes,
        "adapter_path": adapter,
        "merged_path": MERGED,
        "run": run.run_id,
    }


def set_base(target: Target) -> None:
    """Name the fused model as the target's base. EditError; OSError."""
    file = target.path / "forge.yaml"
    text = file.read_text("utf-8")
    write_bytes_atomic(file, with_values(text, {"model.base": MERGED}).encode())


def _keep_adapter(run: RunFolder, target: Target) -> str:
    name = target.forge.pretrain.output_adapter
    place = target.file(name)
    place.mkdir(parents=True, exist_ok=True)
    for file in ADAPTER_FILES:
        shutil.copyfile(run.path / file, place / Path(file).name)
    return name


def _loss(run: RunFolder) -> float | None:
    """The last training loss that was reported."""
    return course_of(folded(run.path / "events.jsonl")).loss


def _minutes(status: RunStatus | None) -> float | None:
    """From the start of the training to now, in minutes."""
    train = status.stages.get("train") if status else None
    if train is None or train.started is None:
        return None
    return round((utc_now() - train.started).total_seconds() / 60, 3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
