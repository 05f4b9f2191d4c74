"""Teachers for the wheel: a double that the workspace's factory.toml names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.loops.folder import LoopFolder
from engine.workspace import Workspace
from tests.engine.teaching.double import KEY, Double, Say

KEY_NAME = "A_TEACHERS_KEY"


def name_teacher(workspace: Workspace, double: Double, name: str = "wise", **table: Any) -> None:
    """Write the double into factory.toml, with a key from the environment and a price."""
    values = {
        "api": "anthropic",
        "url": double.root,
        "model": "tiny",
        "key": KEY_NAME,
        "input_usd": 1000.0,
        "output_usd": 2000.0,
        **table,
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    file = workspace.path / "factory.toml"
    file.write_text(f"{file.read_text()}\n[teachers.{name}]\n" + "\n".join(lines) + "\n")


def plan(hypothesis: str = "Softer.", **more: Any) -> Say:
    """A planner's answer."""
    return Say(json.dumps({"hypothesis": hypothesis, **more}))


def rows(questions: Sequence[str], answer: str = "yes", category: str = "small") -> Say:
    """A writer's answer."""
    found = [
        {
            "messages": [
                {"role": "user", "content": question},
                {"role": "assistant", "content": answer},
            ],
            "category": category,
        }
        for question in questions
    ]
    return Say(json.dumps(found))


def asked_for(request: Any) -> str:
    """Whether a request wants a plan or rows."""
    prompt = str(request.body["messages"][0]["content"])
    return "plan" if "You plan the next experiment" in prompt else "rows"


def by_purpose(plans: Sequence[Any], writes: Sequence[Any]) -> Any:
    """A step of a double that answers plans and rows each with a script of their own; the last of
    each goes on."""
    given = {"plan": 0, "rows": 0}
    scripts: Mapping[str, Sequence[Any]] = {"plan": plans, "rows": writes}

    def step(request: Any) -> Any:
        kind = asked_for(request)
        script = scripts[kind]
        found = script[min(given[kind], len(script) - 1)]
        given[kind] += 1
        return found(request) if callable(found) else found

    return step


def events(folder: LoopFolder) -> list[dict[str, Any]]:
    text = (folder.path / "events.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def said(folder: LoopFolder, code: str | None = None) -> str:
    """All messages of a loop, or those of a code, as one text."""
    return "\n".join(
        str(one["text"])
        for one in events(folder)
        if one["kind"] == "message" and code in (None, one["code"])
    )


def found_in(directory: Path, secret: str) -> list[Path]:
    """The files below a directory that hold a text."""
    needle = secret.encode()
    return [path for path in directory.rglob("*") if path.is_file() and needle in path.read_bytes()]


__all__ = [
    "KEY",
    "KEY_NAME",
    "Double",
    "Say",
    "by_purpose",
    "events",
    "found_in",
    "name_teacher",
    "plan",
    "rows",
    "said",
]
