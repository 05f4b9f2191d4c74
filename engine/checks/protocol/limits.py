"""Times, policies and systems: what holds here, and what will differ."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding, error, warning
from engine.checks.protocol.around import Around
from engine.records.protocol import Protocol

OOM_POLICIES = ("reduce_batch", "crash")
CRASH_STATUSES = ("crash", "discard")

_SYSTEMS = {
    "darwin": ("darwin", "mac", "apple", "osx"),
    "linux": ("linux", "ubuntu", "debian"),
    "windows": ("windows", "win32", "win64"),
}
_NAMES = {"darwin": "a Mac", "linux": "Linux", "windows": "Windows"}


def rules(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    execution = protocol.execution
    budget = execution.stop_condition.training_seconds_budget
    if execution.hard_timeout_seconds <= budget:
        yield error(
            "protocol-timeout",
            file,
            "/execution/hardTimeoutSeconds",
            f"The hard limit of {execution.hard_timeout_seconds:g} s is not above the training "
            f"budget of {budget:g} s: every try would be stopped before it ends.",
            f"Leave time to start and to evaluate: {2 * budget:g} s, say.",
        )
    yield from _policies(file, protocol)
    yield from _network(file, protocol)
    yield from _system(file, protocol, around)


def _policies(file: str, protocol: Protocol) -> Iterator[Finding]:
    safety = protocol.safety
    for key, value, known in (
        ("oomPolicy", safety.oom_policy, OOM_POLICIES),
        ("crashStatus", safety.crash_status, CRASH_STATUSES),
    ):
        if value not in known:
            yield warning(
                "protocol-policy",
                file,
                f"/safety/{key}",
                f"{value!r} is no {key} that is known here; it is treated as crash.",
                f"Write {' or '.join(known)}.",
            )


def _network(file: str, protocol: Protocol) -> Iterator[Finding]:
    policy = protocol.environment.constraints.network_policy
    if policy != "full":
        yield warning(
            "protocol-network",
            file,
            "/environment/constraints/networkPolicy",
            f"The network policy {policy!r} is not enforced here: what is run can reach the "
            "network as you can.",
            "Run the campaign where there is no network if that matters.",
        )


def _system(file: str, protocol: Protocol, around: Around) -> Iterator[Finding]:
    hints = protocol.environment.os_hints
    meant = {
        system
        for hint in hints
        for system, names in _SYSTEMS.items()
        if any(name in hint.lower() for name in names)
    }
    if not meant or around.system in meant:
        return
    here = _NAMES.get(around.system, around.system)
    written = " or ".join(_NAMES[one] for one in sorted(meant))
    differs = "Speed, memory and how many steps fit into the budget will differ"
    if "darwin" in meant:
        differs += (
            ": MLX runs on the processor and not on Metal, and memory is not that of a Mac's "
            "graphics processor"
        )
    yield warning(
        "protocol-system",
        file,
        "/environment/osHints",
        f"The protocol is for {written}; this is {here} on {around.machine}. {differs}.",
        "Compare only with a baseline of this machine. Batch sizes and memory limits may need "
        "other values.",
    )
