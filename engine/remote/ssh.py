"""The child that reaches another machine: ssh, with what it is told fixed here.

The command for the other end is a constant; the workspace's path travels as data on its stdin. It
asks nothing (keys and agents must suffice), forwards nothing, and shares no connection, so that
ending the child ends the line.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess

from engine.private import umask_of_the_user
from engine.remote.address import Address
from engine.secrecy import without_secrets

PROGRAM = "FACTORY_SSH"
"""Names another program than ``ssh``; it is given the same arguments."""
THERE = "FACTORY_THERE"
"""The path of ``factory-tui`` over there, where a login shell does not find it."""

_OPTIONS = (
    *("BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3"),
    *("ControlMaster=no", "ControlPath=none", "ClearAllForwardings=yes", "ForwardAgent=no"),
    *("ForwardX11=no", "PermitLocalCommand=no", "Compression=yes", "SendEnv=-*"),
)
_PLACES = '"$HOME/.local/bin:/opt/homebrew/bin:/usr/local/bin"'
COMMAND = "far-end"


def arguments(address: Address) -> list[str]:
    """The command line, no word of which the address could turn into an option."""
    options = [part for one in _OPTIONS for part in ("-o", one)]
    port = ["-p", str(address.port)] if address.port else []
    program = os.environ.get(PROGRAM) or "ssh"
    return [program, "-T", *options, *port, "--", address.place, _command()]


def _command() -> str:
    there = os.environ.get(THERE) or "factory-tui"
    if not re.fullmatch(r"[\w./~+-]+", there):
        raise OSError(f"{THERE} is no path of a program: {there[:80]!r}")
    script = f'PATH="$PATH":{_PLACES}; exec {there} {COMMAND}'
    return f"exec sh -lc {shlex.quote(script)}"


def start(address: Address) -> subprocess.Popen[bytes]:
    """The child, with three pipes, in a group of its own. OSError where there is no ssh."""
    keep = {name: value for name in ("SSH_AUTH_SOCK",) if (value := os.environ.get(name))}
    return subprocess.Popen(
        arguments(address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A machine is named without a workspace, and ssh hands no variable on (SendEnv above).
        env={**without_secrets(os.environ, named=()), **keep},
        start_new_session=True,
        umask=umask_of_the_user(),
    )
