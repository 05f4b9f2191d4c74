"""From settings to the group that a training runs as: forge.yaml first, then factory.toml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.compute.hosts import Backend, Host, HostsError, parse
from engine.records.target import ComputeSection
from engine.settings_file import SettingsError, load_table


class ComputeTable(BaseModel):
    """``[compute]`` of factory.toml: what targets train on that say nothing themselves."""

    model_config = ConfigDict(extra="forbid")

    hosts: list[str | dict[str, Any]] = Field(default_factory=list)
    backend: Backend = "ring"
    port: int | None = Field(default=None, ge=1024, le=65000)


def hosts_of_workspace(workspace: Path) -> list[Host]:
    """The hosts that a workspace names, [] for none. HostsError where they cannot be used."""
    table = _table(workspace)
    try:
        return parse(table.hosts) if table.hosts else []
    except HostsError as error:
        raise HostsError(f"factory.toml: compute.hosts: {error}") from error


def group_spec(workspace: Path, compute: ComputeSection) -> dict[str, Any] | None:
    """What a train stage is told of its group; None where one process trains.

    HostsError, with the file that says so, where the hosts cannot be used.
    """
    table = _table(workspace)
    own = compute.hosts is not None
    where = "compute.hosts" if own else "factory.toml: compute.hosts"
    try:
        hosts = parse(compute.hosts if compute.hosts is not None else table.hosts)
    except HostsError as error:
        raise HostsError(f"{where}: {error}") from error
    if len(hosts) < 2:
        return None
    port = compute.port if compute.port is not None else table.port
    return {
        "hosts": [_as_spec(one) for one in hosts],
        "backend": compute.backend or table.backend,
        **({} if port is None else {"port": port}),
    }


def _as_spec(host: Host) -> dict[str, Any]:
    found: dict[str, Any] = {"ssh": host.ssh}
    if host.ips:
        found["ips"] = list(host.ips)
    if host.rdma:
        found["rdma"] = list(host.rdma)
    return found


def _table(workspace: Path) -> ComputeTable:
    try:
        return load_table(workspace, "compute", ComputeTable)
    except SettingsError as error:
        raise HostsError(str(error)) from error
