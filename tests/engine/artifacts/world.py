"""A workspace with a run that was shipped for its lane, its package, an earlier run that was
rejected, and a public artifact with which nothing is wrong."""

from __future__ import annotations

from pathlib import Path

from engine.artifacts.checking import Checked, check_entry
from engine.artifacts.registry import entry_of
from engine.checks.public.entry import Entry
from engine.workspace import Workspace
from tests.engine import folders

DATA = Path(__file__).resolve().parents[2] / "data" / "artifacts"
REJECTED = "2026-11-19-router"
PACKAGE = ("model_card.md", "eval_report.json", "prompt.md", "report.md", "specialist.lock.json")


def make_world(folder: Path) -> None:
    run = folders.make_shipped(folder)
    folders.artifact(run, routing_constraint="Sentences that ask for one command.")
    rejected = folders.make_run(folder, run_id=REJECTED, right=(8, 36), phase="decided")
    folders.write_json(rejected / "decision.json", {"decision": "reject", "reason": "No gain."})
    package = folder / "specialists" / "router"
    package.mkdir(parents=True)
    for name in PACKAGE:
        (package / name).write_text("{}\n")
    (folder / "artifacts").mkdir()
    (folder / "artifacts" / "router.yaml").write_text(whole_text(folder), "utf-8")


def whole_text(folder: Path) -> str:
    """The artifact's text; the suite's hash is that of this workspace."""
    config = folders.read_json(folder / "runs" / folders.RUN_ID / "config.json")
    digest = config["eval"]["suites"][folders.PRIMARY]
    return (DATA / "router.yaml").read_text("utf-8").replace("{sha}", digest)


def check_text(workspace: Workspace, text: str | bytes, name: str = "router") -> Checked:
    """A text checked as if it were ``artifacts/<name>.yaml``."""
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    path = workspace.artifacts_dir / f"{name}.yaml"
    return check_entry(workspace, entry_of(Entry(path, f"artifacts/{path.name}"), data))
