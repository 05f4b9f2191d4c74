"""The commands of a protocol as they are run: their words and their environment.

A run of a campaign is held against these before it is executed: who agreed to the protocol agreed
to them, and to no others.
"""

from __future__ import annotations

import shlex

from engine.records.protocol import Protocol

TEMPORARY = {"TMPDIR": "{run}/tmp"}


def commands_of(protocol: Protocol) -> tuple[str, ...]:
    """What the protocol has run, as it stands there: setup first."""
    return (*protocol.environment.setup_commands, protocol.execution.command)


def setup_argvs(protocol: Protocol) -> list[list[str]]:
    """The words of each setup command, in their order."""
    return [shlex.split(command) for command in protocol.environment.setup_commands]


def measure_argv(protocol: Protocol, seed: int) -> list[str]:
    """The words of the command that is measured."""
    return [word.replace("{seed}", str(seed)) for word in shlex.split(protocol.execution.command)]


def measure_env(seed: int) -> dict[str, str]:
    """What is set for the command that is measured."""
    return {"SEED": str(seed), "FACTORY_SEED": str(seed), **TEMPORARY}
