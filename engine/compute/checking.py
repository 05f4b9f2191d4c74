"""Whether hosts can train together: reachable, the same versions, the same model.

Other hosts are asked over ``ssh``, which is found on PATH, without a question that would wait for
an answer. Training rows need no check: rank 0 sends them.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine.compute.host_probe import PACKAGES, describe, model_digest
from engine.compute.hosts import HERE, Host, HostsError
from engine.compute.launcher import program

CONNECT_S = 5
ANSWER_S = 120.0
"""How long a host may take to answer: a large model's hash takes some seconds a gigabyte."""

_OPTIONS = ("-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_S}", "-T")


class Unreachable(Exception):
    """A host did not answer as it should. The text says how, ``fix`` what to do."""

    def __init__(self, text: str, fix: str) -> None:
        super().__init__(text)
        self.fix = fix


@dataclass(frozen=True)
class HostFinding:
    """One thing that was looked at on one host; ``fix`` is what to type where it is wrong."""

    what: str
    state: Literal["ok", "note", "wrong"]
    text: str
    fix: str | None = None


@dataclass(frozen=True)
class Model:
    """A model that every host needs: ``name`` is a hub id, or the path that it has on all hosts;
    ``path`` is where it lies here; ``revision`` the one of a hub's model that is wanted."""

    name: str
    path: Path
    revision: str | None = None

    @property
    def asked(self) -> list[str]:
        """As the probe takes it."""
        return [self.name, *([self.revision] if self.revision else [])]


def examine(hosts: Sequence[Host], model: Model | None = None) -> list[HostFinding]:
    """A finding for each host, in order, this machine first. All are asked at once."""
    names = list(dict.fromkeys(one.ssh for one in hosts))
    try:
        program()
    except HostsError as error:
        return [HostFinding("launcher", "wrong", str(error), str(error).rpartition(": ")[2])]
    mine = describe(None)
    if model is not None and any(name != HERE for name in names):
        mine["model_sha256"] = model_digest(model.path)
    with ThreadPoolExecutor(max_workers=min(16, len(names) or 1)) as pool:
        return list(pool.map(lambda name: _look_at(name, mine, model), names))


def wrong_with(hosts: Sequence[Host], model: Model | None = None) -> list[str]:
    """A sentence, with what to do, for every host that cannot take part."""
    return [
        f"{one.what}: {one.text}" + (f" To do: {one.fix}" if one.fix else "")
        for one in examine(hosts, model)
        if one.state == "wrong"
    ]


def _look_at(name: str, mine: dict[str, Any], model: Model | None) -> HostFinding:
    if name == HERE:
        return HostFinding("this machine", "ok", _versions(mine))
    try:
        theirs = ask(name, [] if model is None else model.asked)
    except Unreachable as error:
        return HostFinding(name, "wrong", str(error), error.fix)
    if finding := _other_versions(name, mine, theirs):
        return finding
    if model is not None and (finding := _other_model(name, mine, theirs, model)):
        return finding
    text = f"answers by ssh · {_versions(theirs)}"
    return HostFinding(name, "ok", text + (" · same model" if model else ""))


def ask(name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What a host says of itself. Unreachable says why it does not."""
    probe = shlex.join([sys.executable, "-P", "-m", "engine.compute.host_probe", *arguments])
    try:
        done = subprocess.run(
            ["ssh", *_OPTIONS, "--", name, probe],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise Unreachable("ssh is not installed here.", "apt-get install openssh-client") from error
    except subprocess.TimeoutExpired as error:
        raise Unreachable(f"did not answer within {ANSWER_S:.0f} s.", f"ssh {name} true") from error
    if done.returncode == 0:
        return _answer(name, done.stdout)
    raise _refused(name, done.returncode, done.stderr.strip())


def _answer(name: str, text: str) -> dict[str, Any]:
    """The last line is ours; a shell may greet before it."""
    try:
        found = json.loads((text.strip().splitlines() or [""])[-1])
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unreachable(
            f"answered with something else than what was asked: {text.strip()[:120]!r}.",
            f"ssh {name} true   (it should print nothing)",
        )
    return found


def _refused(name: str, code: int, said: str) -> Unreachable:
    last = (said.splitlines() or ["it said nothing"])[-1][:200]
    if code == 255:
        if "permission denied" in said.lower():
            return Unreachable(
                f"lets nobody in without a password ({last}).", f"ssh-copy-id {name}"
            )
        if "host key" in said.lower():
            return Unreachable(
                f"is not known to ssh here ({last}).", f"ssh {name}   (once, to see its key)"
            )
        return Unreachable(f"cannot be reached ({last}).", f"ssh {name} true")
    if code == 127 or "No such file" in said:
        return Unreachable(
            f"has no Python at {sys.executable}, where it is here.",
            f"Install factory-tui on {name} at the same path as here.",
        )
    if "No module named" in said:
        return Unreachable(
            f"has no factory-tui in its {sys.executable}.",
            f"ssh {name} {sys.executable} -m pip install factory-tui",
        )
    return Unreachable(f"could not say what it has: exit code {code}, {last}.", f"ssh {name} true")


def _other_versions(name: str, mine: dict[str, Any], theirs: dict[str, Any]) -> HostFinding | None:
    others = [one for one in ("python", *PACKAGES) if theirs.get(one) != mine[one]]
    if not others:
        return None
    text = "has " + ", ".join(
        f"{one} {theirs.get(one) or 'not at all'} (here {mine[one]})" for one in others
    )
    pins = " ".join(f"{one}=={mine[one]}" for one in others if one != "python")
    fix = f"ssh {name} {sys.executable} -m pip install {pins}"
    if "python" in others:
        fix = f"Install Python {mine['python']} there at {sys.executable}."
    return HostFinding(name, "wrong", f"{text}.", fix)


def _other_model(
    name: str, mine: dict[str, Any], theirs: dict[str, Any], model: Model
) -> HostFinding | None:
    there, here = theirs.get("model_sha256"), mine["model_sha256"]
    if there == here:
        return None
    how = (
        f"has no model {model.name}."
        if there is None
        else f"has another model {model.name}: its hash is {str(there)[:12]}, here {here[:12]}."
    )
    if Path(model.name).is_absolute():
        parent = shlex.quote(str(model.path.parent))
        folder = shlex.quote(f"{model.name}/")
        fix = f"ssh {name} mkdir -p {parent} && rsync -a {folder} {name}:{folder}"
    else:
        fix = f"ssh {name} hf download {model.name}"
        fix += f" --revision {model.revision}" if model.revision else ""
    return HostFinding(name, "wrong", how, fix)


def _versions(found: dict[str, Any]) -> str:
    return " · ".join(f"{one} {found[one]}" for one in ("python", *PACKAGES))
