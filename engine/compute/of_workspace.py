"""The hosts that somebody names, or a workspace, looked at for doctor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.compute.checking import HostFinding, examine
from engine.compute.hosts import HostsError, parse
from engine.compute.wanted import hosts_of_workspace


def examine_hosts(workspace: Path | None, named: str | None) -> Iterator[HostFinding]:
    """A finding for each host of ``named`` (names with commas between), else of the workspace;
    nothing where neither names any."""
    try:
        if named is not None:
            names = [one.strip() for one in named.split(",") if one.strip()]
            hosts = parse(names if len(names) > 1 else ["localhost", *names])
        else:
            hosts = hosts_of_workspace(workspace) if workspace is not None else []
    except HostsError as error:
        yield HostFinding(
            "hosts", "wrong", str(error), "factory-tui doctor --hosts localhost,mac-b"
        )
        return
    if hosts:
        yield from examine(hosts)
