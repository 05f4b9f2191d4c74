"""MLX's own launcher: its host file, its command, and what it needs around it."""

from __future__ import annotations

import os
import random
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.compute.hosts import HERE, USUAL_PORT, Host, HostsError

HOST_FILE = "hosts.json"
PROGRAM = "mlx.launch"
BACKEND_VARIABLE = "FACTORY_BACKEND"
"""Set for every rank of a group; a training without it trains alone."""

_FREE_PORTS = range(20_000, 32_000)
"""Below what systems give to outgoing connections."""

_STUFFING_HERE = 1 << 17
_STUFFING_SSH = 1 << 23
"""More than a rank's pipe holds, in bytes; over ssh its window is in between, too."""


def program() -> str:
    """The launcher's path. HostsError where MLX came without it."""
    beside = Path(sys.executable).with_name(PROGRAM)
    found = str(beside) if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise HostsError(
            f"{PROGRAM} is not installed beside {sys.executable}; it comes with MLX: "
            "pip install -U mlx"
        )
    if shutil.which("ps") is None:
        raise HostsError(f"{PROGRAM} needs ps, which is not installed: apt-get install procps")
    return found


def host_file(hosts: Sequence[Host], backend: str) -> dict[str, Any]:
    """The host file as the launcher reads it, every host with an address.

    HostsError for a name that has none.
    """
    others = [one for one in hosts if not one.here]
    addresses = {one.ssh: _addresses(one) for one in others}
    if others:
        addresses[HERE] = [_own_address(addresses[others[0].ssh][0])]
    else:
        addresses[HERE] = [HERE]
    return {
        "backend": backend,
        "envs": [],
        "hosts": [
            {
                "ssh": one.ssh,
                "ips": list(one.ips) or addresses[one.ssh],
                "rdma": list(one.rdma),
            }
            for one in hosts
        ],
    }


def _addresses(host: Host) -> list[str]:
    if host.ips:
        return list(host.ips)
    name = host.ssh.rpartition("@")[2]
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise HostsError(
            f"{host.ssh}: {name} has no address that is known here. Where it is only a name in "
            f"~/.ssh/config, give its address: {{ssh: {host.ssh}, ips: [10.0.0.2]}}."
        ) from error
    return [str(found[0][4][0])]


def _own_address(other: str) -> str:
    """The address of this machine on the way to another; nothing is sent."""
    family = socket.AF_INET6 if ":" in other else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((other, 9))
        except OSError as error:
            raise HostsError(f"there is no way from here to {other} ({error.strerror}).") from error
        return str(probe.getsockname()[0])


def starting_port(hosts: Sequence[Host], wanted: int | None) -> int:
    """The port of rank 0. On one machine alone it is chosen from those that are free; over
    several it has to be open in their firewalls, and is always the same."""
    if wanted is not None:
        return wanted
    if not all(one.here for one in hosts):
        return USUAL_PORT
    chance = random.Random()
    for _ in range(200):
        first = chance.randrange(_FREE_PORTS.start, _FREE_PORTS.stop - len(hosts))
        if all(_is_free(first + rank) for rank in range(len(hosts))):
            return first
    raise HostsError("no free ports were found on this machine.")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((HERE, port))
        except OSError:
            return False
    return True


def command(
    host_file: Path, backend: str, port: int, env: Mapping[str, str], argv: Sequence[str]
) -> list[str]:
    """The launcher's command line; every rank runs ``argv`` with ``env`` on top of its own."""
    found = [program(), "--hostfile", str(host_file), "--backend", backend]
    if backend in ("ring", "jaccl", "jaccl-ring"):
        found += ["--starting-port", str(port)]
    if backend == "nccl":
        found += ["--nccl-port", str(port)]
    # With "=": a value may begin with a dash.
    found += [f"--env={name}={value}" for name, value in env.items()]
    return [*found, "--", *argv]


def stuffing(hosts: Sequence[Host]) -> bytes:
    """What to write into the launcher's stdin, and then hold it open.

    It asks all the time whether a rank would take more input, with a whole core, for as long as
    one would. No rank reads any, so what is written fills their pipes and ends the asking
    (measured with two ranks: 0.9 cores before, 0.01 after). Closed stdin makes it spin as well.
    """
    over_ssh = any(not one.here for one in hosts)
    return b"\n" * (_STUFFING_SSH if over_ssh else _STUFFING_HERE)


def launcher_env(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of the launcher: without what belongs to the worker that starts it."""
    left_out = ("FACTORY_EVENTS_FD", "MLX_RANK", "MLX_HOSTFILE", "MLX_WORLD_SIZE")
    return {name: value for name, value in base.items() if name not in left_out} | {
        "PATH": base.get("PATH", os.defpath)
    }
