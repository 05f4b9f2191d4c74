"""What a protocol's rules are told of the world: handed in, so that they look at nothing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from engine.records.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Around:
    """``system`` is ``linux`` or ``darwin``, ``machine`` as ``arm64`` or ``x86_64``; ``programs``
    those of ``asked_of`` that this machine has; ``files`` the repository's files, None where no
    repository was named."""

    system: str
    machine: str
    programs: frozenset[str]
    files: frozenset[str] | None = None


def words(command: str) -> list[str] | None:
    """A command as the list of words that is run; None where a quote is not closed."""
    try:
        return shlex.split(command)
    except ValueError:
        return None


def commands_of(protocol: Protocol) -> Iterable[tuple[str, str]]:
    """(pointer, command) of everything that the protocol would run, in its order."""
    for index, command in enumerate(protocol.environment.setup_commands):
        yield f"/environment/setupCommands/{index}", command
    yield "/execution/command", protocol.execution.command


def asked_of(protocol: Protocol) -> list[str]:
    """The programs that the rules ask about: first words of commands, and package managers."""
    first = [found[0] for _, command in commands_of(protocol) if (found := words(command))]
    return list(dict.fromkeys([*first, *protocol.environment.package_managers]))
