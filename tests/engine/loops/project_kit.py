"""A small target for the commands of a project, and the command line in this process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from engine.cli.app import app

FORGE = """\
# A router.
name: router
eval: {scorer: json_cmd}
flywheel: {datagen_model: "%s", augment_per_failure: 2}
"""

LAND = '{"cmd": "land"}'


def chat(asked: str, answer: str = LAND, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]
    return {"messages": turns, **more}


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def write(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def make_project(folder: Path, teacher: str = "claude-sonnet-4-6", forge: str = FORGE) -> Path:
    """A target's folder: gold, a seed row, two rows by hand; in a workspace of its own."""
    (folder / "runs").mkdir(parents=True)
    target = folder / "targets/router"
    (target / "dataset").mkdir(parents=True)
    (target / "forge.yaml").write_text(forge % teacher if "%s" in forge else forge)
    (target / "BACKGROUND.md").write_text("# Background\n\nDrones land.\n")
    write(target / "dataset/gold.jsonl", [chat("please bring the drone down near the old barn")])
    write(target / "dataset/seed.jsonl", [chat("touch down", category="land")])
    write(
        target / "dataset/canonical.jsonl",
        [chat("land at once", category="land"), chat("go up now", '{"cmd": "climb"}')],
    )
    return target


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*arguments: str | Path) -> Done:
    """A command in this process: exit code, data, narration. Fails on a traceback."""
    done = CliRunner().invoke(app, [str(one) for one in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Done(done.exit_code, done.stdout, done.stderr)
