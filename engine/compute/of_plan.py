"""The group of a plan: whether its hosts can take part, and what a person should know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.compute.checking import wrong_with
from engine.compute.hosts import Host, parse, said
from engine.records.plan import Plan, Stage


def hosts_of_stages(stages: Sequence[Stage]) -> list[Host]:
    """The hosts of the first stage that runs on several; [] where none does."""
    for stage in stages:
        group: Any = stage.spec.get("compute")
        if isinstance(group, dict) and group.get("hosts"):
            return parse(group["hosts"])
    return []


def hosts_that_cannot(plan: Plan) -> list[str]:
    """A sentence for each other host that is not reachable or has other versions. Asks them over
    ssh, and none where all ranks are here; their models are looked at when the training starts, as
    the base may be made by then."""
    hosts = hosts_of_stages(plan.stages)
    return wrong_with(hosts) if any(not one.here for one in hosts) else []


def note(stages: Sequence[Stage]) -> str | None:
    """What leaves this machine for others; None where nothing does."""
    hosts = hosts_of_stages(stages)
    others = list(dict.fromkeys(one.ssh for one in hosts if not one.here))
    if not others:
        return None
    gets = "gets" if len(others) == 1 else "get"
    return (
        f"{len(hosts)} ranks train together: {said(hosts)}. They are started by ssh, and "
        f"{', '.join(others)} {gets} the training rows and the adapter over the network, which is "
        "not encrypted."
    )
