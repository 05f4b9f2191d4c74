"""A workspace in which every text that comes from elsewhere tries to reach the terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from engine.samples import samples_dir

OBEYED = (
    "\x1b]52;c;ZXZpbA==\x07"  # writes the clipboard
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\"  # a link that says something else
    "\x1b]0;title\x07\x1b]9;call\x07\x1b[2J\x1b[31m\x1bP+q\x1b\\"  # title, call, clear, colour, DCS
    "\x9b2J\x9d0;x\x9c\x90q\x9c"  # the same as single signs of the other control set
    "\u202e\u2066\u2028\u200f\u061c\x7f\x08\r\U000e0041"  # direction, line ends, rubbing out, tags
)
MARKUP = "[bold red]x[/] [@click=app.quit]y[/] <script>z</script>"
HOSTILE = OBEYED + MARKUP

FORBIDDEN = {char for char in OBEYED if not char.isprintable()}
"""What must not be in anything that is printed."""

FREE = {
    "owner_goal", "target", "reason", "lesson", "next_action", "text", "message", "fix", "notes",
    "hypothesis", "training_command", "stage", "suite", "name", "got", "expected", "prompt",
    "content", "primary", "regression", "code", "waiting_for", "failure_reason", "category",
    "routing_constraint", "chip", "last_error", "scorer",
}  # fmt: skip
"""Keys whose values may be any text, so that the record stays one."""


def poisoned(value: Any, everything: bool, key: str = "") -> Any:
    """``value`` with hostile text in its strings: in those that are free, or in all of them."""
    if isinstance(value, dict):
        return {name: poisoned(one, everything, name) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, everything, key) for one in value]
    if isinstance(value, str) and (everything or key in FREE):
        return value + HOSTILE
    return value


def poison(run: Path, *, everything: bool) -> None:
    """Hostile text in every record, event, row and log of a run."""
    for file in run.iterdir():
        if file.suffix == ".json":
            file.write_text(json.dumps(poisoned(json.loads(file.read_text()), everything)))
        elif file.suffix == ".jsonl":
            lines = [json.loads(line) for line in file.read_text().splitlines()]
            whole = (json.dumps(poisoned(one, everything)) + "\n" for one in lines)
            file.write_text("".join(whole))
        elif file.suffix == ".md" or file.name == "train.log":
            file.write_text(file.read_text("utf-8", "replace") + f"\n# {HOSTILE}\n", newline="")


def hostile_workspace(place: Path) -> Path:
    """Three runs, a target, a page and a loop; the third run has only names that are hostile."""
    shutil.copytree(samples_dir(), place, ignore=shutil.ignore_patterns(".factory", "recipes"))
    runs = sorted((place / "runs").iterdir())
    poison(runs[0], everything=False)
    poison(runs[1], everything=True)
    runs[2].rename(runs[2].with_name(f"2026-01-02-x{OBEYED.replace('/', '')}"))
    forge = place / "targets" / "drone-router" / "forge.yaml"
    evil = forge.parent.with_name("evil" + "\x1b]0;x\x07\x9b2J\u202e")
    shutil.copytree(forge.parent, evil)
    (evil / "forge.yaml").write_text(f"model: {{base: {json.dumps(HOSTILE)}}}\n{HOSTILE}: 1\n")
    page = next((place / "artifacts").glob("*.yaml"))
    words = json.dumps(HOSTILE)
    page.with_name("evil.yaml").write_text(f"id: evil\ntitle: {words}\nstate: {words}\n")
    loop = place / "loops" / "2026-01-01-evil"
    loop.mkdir(parents=True)
    told = {"loop_id": HOSTILE, "kind": HOSTILE, "target": HOSTILE, "phase": HOSTILE}
    for name in ("loop.json", "loop-status.json"):
        (loop / name).write_text(json.dumps(told))
    (place / "factory.toml").write_text(
        f"[endpoints.x]\nurl = {words.replace(chr(92) + '/', '/')}\n"
    )
    return place
