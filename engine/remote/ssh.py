"""The child that reaches another machine: ssh, with what it is told fixed here.

The command for the other end is a constant; the workspace's path travels as data on its stdin. It
asks nothing (keys and agents must suffice), believes no unknown machine, forwards nothing, and
shares no connection, so that ending the child ends the line. A ``SendEnv`` of the user's settings
cannot be taken back by an option, so the child has no variables to send but a few.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Set

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
    *("ForwardX11=no", "PermitLocalCommand=no", "Compression=yes"),
    *("StrictHostKeyChecking=yes", "RemoteCommand=none"),
)
_KEPT = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR"),
        *("SSH_AUTH_SOCK", "SSH_SK_PROVIDER", "KRB5CCNAME", "XDG_RUNTIME_DIR"),
        "XDG_CONFIG_HOME",
        *("ALL_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy", "https_proxy", "no_proxy"),
    }
)
"""The variables that ssh, its agents and its ProxyCommand may need."""
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
    # A machine is named without a workspace, so no variable is named as a key. The agent's socket
    # is kept whatever its name looks like.
    safe = {**without_secrets(os.environ, named=()), **_only(os.environ, {"SSH_AUTH_SOCK"})}
    return subprocess.Popen(
        arguments(address),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=_only(safe, _KEPT),
        start_new_session=True,
        umask=umask_of_the_user(),
    )


def _only(env: Mapping[str, str], names: Set[str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name in names}
