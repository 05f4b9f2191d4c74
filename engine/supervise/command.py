"""From a stage of the plan to what is really executed: arguments, directory, environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import engine
from engine.private import umask_of_the_user
from engine.records.plan import Plan, Stage, StageKind
from engine.secrecy import (
    HIDDEN,
    Hider,
    is_secret_option,
    key_names,
    secret_values,
    without_secrets,
)
from engine.teaching.keys import environment
from engine.workspace import Workspace

_NEEDS_NO_KEY = (StageKind.DATA, StageKind.PRETRAIN)
"""Stages that run the target's own generator and fetch nothing."""

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
    secrets: tuple[str, ...] = ()
    """What must be in no file, whoever prints it."""

    @property
    def shown(self) -> list[str]:
        """The arguments for events and records: no secrets, and placeholders for this machine's
        own paths, since a run's folder is read on other machines and may be published."""
        hide = Hider(self.env, *self.secrets, named=())  # the named ones are among the secrets
        return [unfill(item, self.places) for item in redact(self.argv, hide)]

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
    keys = not stage.withholds_secrets and stage.kind not in _NEEDS_NO_KEY
    base = os.environ if keys else without_secrets(os.environ, named=key_names(workspace))
    env = child_environment(base)
    secrets = _secrets_known({**os.environ, **stage.env}, workspace, target)
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
    return Command(argv, run / fill(stage.cwd, places), env, places, umask, secrets)


def _secrets_known(env: Mapping[str, str], workspace: Path, target: Path) -> tuple[str, ...]:
    """What a child may print and must be in no file: it is looked for in all that it says."""
    return tuple(secret_values(environment(target, env), named=key_names(workspace)))


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


def redact(argv: list[str], hide: Callable[[str], str]) -> list[str]:
    """``argv`` without secrets: values of secret-looking options, and what ``hide`` knows."""
    shown: list[str] = []
    hide_next = False
    for item in argv:
        name, equals, _ = item.partition("=")
        option = name.startswith("-") and is_secret_option(name.lstrip("-"))
        if hide_next and not item.startswith("-"):
            item = HIDDEN
        elif option and equals:
            item = f"{name}={HIDDEN}"
        hide_next = option and not equals
        shown.append(hide(item))
    return shown
