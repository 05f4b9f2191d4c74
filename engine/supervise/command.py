"""From a stage of the plan to what is really executed: arguments, directory, environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import engine
from engine.private import umask_of_the_user
from engine.records.plan import Plan, Stage, StageKind
from engine.workspace import Workspace

HIDDEN = "***"
"""Stands in records and events where a secret stood in a command."""

_SECRET_NAME = re.compile(r"(?:^|[-_])(?:api[-_]?key|secret|password|passwd|credentials?)$", re.I)
_TOKEN_NAME = re.compile(r"(?:^|[-_])(?:hf|hub|access|auth|api|bearer|session)?[-_]?token$", re.I)
_KEY_NAME = re.compile(r"(?:^|[-_])(?:secret|access|private|service)[-_](?:\w*[-_])?key$", re.I)
_SHORT = 6
"""Values shorter than this are not taken for secrets: they would hide half of the command."""

_COLOUR_FORCERS = ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE")


@dataclass(frozen=True)
class Command:
    """What is started for a stage."""

    argv: list[str]
    cwd: Path
    env: dict[str, str]
    places: Mapping[str, str] = field(default_factory=dict)
    """Placeholder to what it stands for on this machine."""
    umask: int = -1
    """-1: what it writes is as private as what this process writes."""

    @property
    def shown(self) -> list[str]:
        """The arguments for events and records: no secrets, and placeholders for this machine's
        own paths, since a run's folder is read on other machines and may be published."""
        return [unfill(item, self.places) for item in redact(self.argv, self.env)]

    @property
    def shown_cwd(self) -> str:
        return unfill(str(self.cwd), self.places)


def command_for(plan: Plan, stage: Stage, run: Path, *, resuming: bool) -> Command:
    """Fill in a stage's placeholders. A relative ``cwd`` is relative to the run folder."""
    workspace = Workspace.of_run(run).path
    target = (workspace / plan.target_dir).resolve()
    places = {
        "{python}": sys.executable,
        "{run}": str(run),
        "{workspace}": str(workspace),
        "{target}": str(target),
    }
    env = child_environment(os.environ)
    if stage.withholds_secrets:
        env = {name: value for name, value in env.items() if not _is_secret(name)}
    if stage.kind is not StageKind.COMMAND:
        # A worker of ours must be found, installed or not, wherever it is started.
        home = str(Path(engine.__file__).resolve().parent.parent)
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [home, env.get("PYTHONPATH", "")]))
    env |= {name: fill(value, places) for name, value in stage.env.items()}
    env |= {"FACTORY_RUN": str(run), "FACTORY_STAGE": stage.name}
    env.pop("FACTORY_RESUME", None)
    if resuming:
        env["FACTORY_RESUME"] = "1"
    argv = [fill(item, places) for item in stage.argv]
    # A program of the person's own writes where it likes, with the rights that it has elsewhere.
    umask = umask_of_the_user() if stage.kind is StageKind.COMMAND else -1
    return Command(argv, run / fill(stage.cwd, places), env, places, umask)


def fill(text: str, places: Mapping[str, str]) -> str:
    """``text`` with its placeholders filled in; other braces (JSON, shell) stay as they are."""
    return re.sub(
        "|".join(re.escape(name) for name in places), lambda match: places[match[0]], text
    )


def unfill(text: str, places: Mapping[str, str]) -> str:
    """``text`` with this machine's paths turned back into placeholders, longest first."""
    for name, place in sorted(places.items(), key=lambda item: -len(item[1])):
        text = text.replace(place, name)
    return text


def child_environment(base: Mapping[str, str]) -> dict[str, str]:
    """``base`` for a child that prints into a pipe.

    Wide enough that tables are not wrapped, unbuffered so that lines come when they are printed,
    UTF-8 because a box-drawing character must not crash a training, and no forced colours. Commands
    that came with this program are found after all others.
    """
    env = {name: value for name, value in base.items() if name not in _COLOUR_FORCERS}
    # mlx_lm.lora and its like lie beside the interpreter, which an installed tool has off the path.
    beside = str(Path(sys.executable).parent)
    return env | {
        "PATH": os.pathsep.join(filter(None, [base.get("PATH", os.defpath), beside])),
        "COLUMNS": "200",
        "LINES": "50",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8",
        "TERM": "dumb",
    }


def redact(argv: list[str], env: Mapping[str, str]) -> list[str]:
    """``argv`` without secrets: values of secret-looking options and environment variables."""
    secrets = [value for name, value in env.items() if len(value) >= _SHORT and _is_secret(name)]
    shown: list[str] = []
    hide_next = False
    for item in argv:
        name, equals, _ = item.partition("=")
        option = name.startswith("-") and _is_secret(name.lstrip("-"))
        if hide_next and not item.startswith("-"):
            item = HIDDEN
        elif option and equals:
            item = f"{name}={HIDDEN}"
        hide_next = option and not equals
        for secret in secrets:
            item = item.replace(secret, HIDDEN)
        shown.append(item)
    return shown


def _is_secret(name: str) -> bool:
    return any(one.search(name) for one in (_SECRET_NAME, _TOKEN_NAME, _KEY_NAME))
