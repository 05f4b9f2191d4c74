"""The commands can be run as they are written: a list of words, without a shell."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator

from engine.checks.finding import Finding, error, warning
from engine.checks.protocol.around import Around, commands_of, words
from engine.globs import why_outside
from engine.records.protocol import Protocol

PYTHON = "{python}"
"""Stands for the Python that runs the control room."""

_INSTEAD = {
    "&&": "Write two setup commands, or a script that holds both.",
    ";": "Write two setup commands, or a script that holds both.",
    "|": "Put the pipe into a script of the repository and run that.",
    ">": "Leave it out: the output is kept in the log of the try.",
    ">>": "Leave it out: the output is kept in the log of the try.",
    ">&": "Leave it out: output and errors are kept in the log of the try.",
    "<": "Have the program open the file itself, or put it into a script.",
    "&": "Leave it out: the command is waited for, and stopped with all its children.",
}


def rules(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    execution = protocol.execution
    for pointer, command in commands_of(protocol):
        cwd = execution.cwd if pointer == "/execution/command" else "."
        yield from _command(file, pointer, command, cwd, protocol, around)
    if why := why_outside(execution.cwd):
        yield error(
            "protocol-cwd",
            file,
            "/execution/cwd",
            f"The working directory {execution.cwd!r} {why}.",
            'Name a directory of the repository; "." is its root.',
        )
    elif around.files is not None and not _is_directory(execution.cwd, around.files):
        yield error(
            "protocol-cwd",
            file,
            "/execution/cwd",
            f"The repository has no directory {execution.cwd}.",
            'Name a directory of the repository; "." is its root.',
        )
    for index, name in enumerate(protocol.environment.package_managers):
        if name not in around.programs:
            yield warning(
                "protocol-package-manager",
                file,
                f"/environment/packageManagers/{index}",
                f"The package manager {name} is not on this machine.",
                f"Install {name}, or see that everything is there without it.",
            )


def _command(
    file: str, pointer: str, command: str, cwd: str, protocol: Protocol, around: Around
) -> Iterator[Finding]:
    found = words(command)
    if not found:
        what = "holds no word" if found is not None else "has a quote that is not closed"
        yield error(
            "protocol-command-words",
            file,
            pointer,
            f"The command {command!r} {what}.",
            "Write it as one line: a program and its arguments.",
        )
        return
    operators = _operators(command)
    for sign in operators:
        yield error(
            "protocol-command-shell",
            file,
            pointer,
            f"The command {command!r} needs a shell for {sign!r}; commands are run as lists of "
            "words, without one.",
            _INSTEAD.get(sign, "Put it into a script of the repository and run that."),
        )
    if re.fullmatch(r"[A-Za-z_]\w*=.*", found[0], re.DOTALL):
        yield error(
            "protocol-command-shell",
            file,
            pointer,
            f"The command {command!r} begins with a setting of a variable, which a shell would "
            "read; there is none.",
            f"Write: env {command}",
        )
    elif not operators:
        yield from _program(file, pointer, found[0], cwd, protocol, around)
    if any(word.startswith("~/") or "$" in word or "`" in word for word in found):
        yield warning(
            "protocol-command-expanded",
            file,
            pointer,
            f"The command {command!r} counts on a shell to fill in ~, $ or `…`; they are handed "
            "on as they stand.",
            "Write what is meant, or put it into a script of the repository.",
        )


def _program(
    file: str, pointer: str, program: str, cwd: str, protocol: Protocol, around: Around
) -> Iterator[Finding]:
    if program == PYTHON or program in around.programs:
        return
    if "/" not in program or program.startswith("/"):
        yield error(
            "protocol-command-missing",
            file,
            pointer,
            f"The program {program} is not on this machine.",
            f"Install {program}, or write a command that is here; "
            f"{PYTHON} stands for the Python of the control room.",
        )
        return
    path = posixpath.normpath(posixpath.join(cwd, program))
    if around.files is None or path in around.files:
        return
    said = f"The repository has no file {path}."
    if pointer == "/execution/command" and protocol.environment.setup_commands:
        yield warning(
            "protocol-command-missing", file, pointer, said, "See that a setup command makes it."
        )
    else:
        yield error(
            "protocol-command-missing", file, pointer, said, "Name a file of the repository."
        )


def _operators(command: str) -> list[str]:
    """The signs outside quotes that only a shell understands, each once."""
    reader = shlex.shlex(command, posix=False, punctuation_chars=True)
    reader.whitespace_split = True
    reader.commenters = ""
    try:
        return list(dict.fromkeys(one for one in reader if set(one) <= set("();<>|&")))
    except ValueError:
        # A backslash before a quote reads differently here; the words themselves were fine.
        return []


def _is_directory(path: str, files: frozenset[str]) -> bool:
    plain = posixpath.normpath(path)
    return plain == "." or any(one.startswith(f"{plain}/") for one in files)
