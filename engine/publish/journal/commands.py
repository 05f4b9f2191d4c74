"""The commands of a run as they were recorded, without secrets."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.publish.markdown import clip, visible
from engine.secrecy import Hider
from engine.supervise.command import redact

LONGEST = 2_000

_ASSIGNED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.DOTALL)


def commands_of(contents: RunContents) -> list[str]:
    """Each command in one line, in the order in which they ran; the plan's where nothing was
    noted, else those that the records name."""
    found = list(_noted(contents)) or list(_planned(contents)) or list(_named(contents))
    config = contents.config
    began = config.candidate.training_command if config else None
    whole = [*([_without_secrets(began)] if began else []), *found]
    return [clip(visible(one), LONGEST) for one in dict.fromkeys(whole)]


def _noted(contents: RunContents) -> Iterator[str]:
    provenance = contents.provenance
    for stage, attempts in provenance.commands.items() if provenance else ():
        for one in attempts:
            yield f"{_joined(one.argv)}  # {stage}"


def _planned(contents: RunContents) -> Iterator[str]:
    for stage in contents.plan.stages if contents.plan else ():
        yield f"{_joined(stage.argv)}  # {stage.name}, as planned"


def _named(contents: RunContents) -> Iterator[str]:
    for record in contents.evals.values():
        yield _without_secrets(record.command)


def _without_secrets(command: str) -> str:
    """A command that somebody's program noted; one that is no shell command stays as it is."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    hidden = _hidden(words)
    return command if hidden == words else " ".join(map(_quoted, hidden))


def _hidden(words: list[str]) -> list[str]:
    # A variable before a command is hidden as an option of its name would be.
    dashed = [f"--{word}" if _ASSIGNED.fullmatch(word) else word for word in words]
    # It ran in another environment, so this one's variables and names say nothing of it.
    shown = redact(dashed, Hider({}, named=()))
    return [
        new[2:] if old is not new and new.startswith("--") and not old.startswith("--") else new
        for old, new in zip(words, shown, strict=True)
    ]


def _joined(words: list[str]) -> str:
    return " ".join(map(_quoted, _hidden(words)))


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w{}./:=,+@%*-]+", word) else shlex.quote(word)
