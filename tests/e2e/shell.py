"""The installed command in a workspace of its own, with the demo's target and few steps."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from engine.samples import samples_dir

QUICK = (
    "factory.base.steps=40",
    "factory.base.rows=800",
    "factory.data.rows=200",
    "factory.data.valid_rows=32",
    "factory.train.iters=30",
    "factory.train.eval_every=10",
    "factory.train.save_every=10",
)


@dataclass(frozen=True)
class Shell:
    """The installed command in a workspace."""

    workspace: Path

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tui", *arguments],
            cwd=self.workspace,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
            env={**os.environ, "COLUMNS": "120"},
        )


def quick_sets(*more: str) -> list[str]:
    """The overrides of QUICK and these as arguments of ``run``."""
    return [part for one in (*QUICK, *more) for part in ("--set", one)]


def set_in(forge: Path, *settings: str) -> None:
    """Write settings, as ``--set`` takes them and whole numbers all, into a forge.yaml."""
    yaml = YAML()
    document = yaml.load(forge.read_text("utf-8"))
    for setting in settings:
        path, _, value = setting.partition("=")
        *places, name = path.split(".")
        place = document
        for one in places:
            place = place[one]
        place[name] = int(value)
    with forge.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


def new_shell(workspace: Path) -> Shell:
    """A workspace that holds only the demo's target."""
    (workspace / "runs").mkdir()
    (workspace / "targets").mkdir()
    (workspace / "targets/drone-router").symlink_to(samples_dir() / "targets/drone-router")
    return Shell(workspace)
