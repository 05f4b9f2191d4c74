"""Changes the plan of a run for tests, as if it had been frozen so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.engine.folders import put, sha256, witness


def plan_anew(run: Path, changes: dict[str, Any]) -> None:
    """Set values of ``plan.json`` by JSON pointer, with every hash that was noted of it."""
    for pointer, value in changes.items():
        put(run / "plan.json", pointer, value)
    first, *others = (run / "events.jsonl").read_text("utf-8").splitlines()
    event = json.loads(first) | {"plan_sha256": sha256(run / "plan.json")}
    (run / "events.jsonl").write_text("\n".join([json.dumps(event), *others]) + "\n", "utf-8")
    witness(run)
