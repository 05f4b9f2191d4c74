"""Which hosts train together: names from settings, checked, this machine first.

A host is a name that ``ssh`` takes, or this machine (localhost, 127.0.0.1, or what it is called).
A name that stands twice is two ranks. Nothing here asks another machine.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args

import psutil

HERE = "127.0.0.1"
"""What MLX's launcher takes for this machine: no ssh is used for it."""

Backend = Literal["ring", "jaccl", "jaccl-ring", "mpi", "nccl"]
BACKENDS: tuple[str, ...] = get_args(Backend)
USUAL_PORT = 32323
"""Where a group over several machines listens: rank n on this port + n."""

MAX_RANKS = 64
# A name that began with '-' would be an option of ssh.
_NAME = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}@)?[A-Za-z0-9_][A-Za-z0-9_.:%-]{0,252}")


class HostsError(Exception):
    """The hosts of a training cannot be used; the text says which and what to do."""


@dataclass(frozen=True)
class Host:
    """One rank's machine. ``ips`` are its addresses for the ring, looked up where there are none;
    ``rdma`` its devices to each host, in order, for JACCL."""

    ssh: str
    ips: tuple[str, ...] = ()
    rdma: tuple[Any, ...] = field(default=())

    @property
    def here(self) -> bool:
        return self.ssh == HERE


def parse(wanted: Sequence[Any]) -> list[Host]:
    """The hosts that settings name, this machine first. HostsError for what cannot be one.

    Items are names, or mappings as in MLX's own host files: ``ssh``, ``ips``, ``rdma``.
    """
    hosts = [_host(one) for one in wanted]
    if len(hosts) > MAX_RANKS:
        raise HostsError(f"{len(hosts)} hosts are named; {MAX_RANKS} are the most.")
    if len(hosts) > 1 and not any(one.here for one in hosts):
        raise HostsError(
            f"this machine is not among {', '.join(one.ssh for one in hosts)}. The run's folder is "
            "here, so rank 0 is: add localhost, or start the run on one of them."
        )
    if len(hosts) == 1 and not hosts[0].here:
        raise HostsError(
            f"the only host is {hosts[0].ssh}. A run computes where its folder is: add localhost, "
            f"or start it on {hosts[0].ssh}."
        )
    # A sort keeps the order of the others; MLX's devices are listed in the order of the file.
    if any(one.rdma for one in hosts) and not hosts[0].here:
        raise HostsError("this machine has to be the first host where rdma devices are listed.")
    return sorted(hosts, key=lambda one: not one.here)


def _host(wanted: Any) -> Host:
    name: Any = wanted
    ips: Any = ()
    rdma: Any = ()
    if isinstance(wanted, dict):
        if unknown := sorted(set(wanted) - {"ssh", "ips", "rdma"}):
            raise HostsError(f"a host has ssh, ips and rdma, and no {', '.join(unknown)}.")
        name, ips, rdma = wanted.get("ssh"), wanted.get("ips") or (), wanted.get("rdma") or ()
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise HostsError(
            f"{name!r} is no name of a host; it is one that ssh takes, as mac-b.local or "
            "me@10.0.0.2 or localhost."
        )
    if not isinstance(ips, list | tuple) or not all(_is_address(one) for one in ips):
        raise HostsError(f"{name}: ips is a list of addresses such as 10.0.0.2, not {ips!r}.")
    if not isinstance(rdma, list | tuple):
        raise HostsError(f"{name}: rdma is a list of devices, not {rdma!r}.")
    return Host(HERE if is_here(name) else name, tuple(ips), tuple(rdma))


def _is_address(text: Any) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except (OSError, TypeError):
            continue
        return True
    return False


def is_here(name: str) -> bool:
    """Whether a host's name is one of this machine; nothing is looked up on the network."""
    plain = name.casefold().rstrip(".")
    return plain in ("localhost", "::1") or plain.startswith("127.") or plain in _own_names()


@lru_cache(maxsize=1)
def _own_names() -> frozenset[str]:
    name = socket.gethostname().casefold().rstrip(".")
    found = {name, name.removesuffix(".local"), f"{name.removesuffix('.local')}.local"}
    for addresses in psutil.net_if_addrs().values():
        found |= {one.address.partition("%")[0].casefold() for one in addresses}
    return frozenset(found)


def said(hosts: Sequence[Host]) -> str:
    """The hosts in words: "this machine (2 ranks), mac-b"."""
    names: dict[str, int] = {}
    for one in hosts:
        names[one.ssh] = names.get(one.ssh, 0) + 1
    return ", ".join(
        ("this machine" if name == HERE else name) + (f" ({count} ranks)" if count > 1 else "")
        for name, count in names.items()
    )
