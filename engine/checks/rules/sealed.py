"""The sealed suite: frozen, looked at by no ordinary run, and opened with a word in the log."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.contents import RunContents
from engine.checks.finding import Finding, error


def unchanged(contents: RunContents) -> Iterator[Finding]:
    """The config names the sealed suite that was frozen when the run was created."""
    frozen, config = contents.frozen, contents.config
    if frozen is None or config is None:
        return
    now = config.eval.sealed.sha256 if config.eval.sealed else None
    if now != frozen.sealed:
        yield error(
            "sealed-changed",
            "config.json",
            "/eval/sealed",
            "The sealed suite in the config is not the one that was frozen when the run was "
            "created.",
            "Put the old value back; for another sealed suite, make a new run.",
        )


def unseen(contents: RunContents) -> Iterator[Finding]:
    """Nothing of an ordinary run was measured on its sealed suite."""
    config = contents.config
    sealed = config.eval.sealed if config is not None else None
    for file, record in contents.evals.items() if sealed is not None else ():
        if sealed is not None and record.suite_sha256 == sealed.sha256:
            yield error(
                "sealed-seen",
                file,
                "/suite_sha256",
                f"{file} was measured on the sealed suite {sealed.name}, which only factory-tui "
                "unseal opens.",
                "That suite is sealed no more: name another one in the target's forge.yaml.",
            )


def said(contents: RunContents) -> Iterator[Finding]:
    """A run that opens a sealed suite says so in its event log."""
    config, events = contents.config, contents.events
    if config is None or config.eval.opens is None or events is None:
        return
    if config.eval.suites.get(config.eval.opens) not in events.opened:
        yield error(
            "sealed-unsaid",
            "config.json",
            "/eval/opens",
            f"The run opens the sealed suite {config.eval.opens}, but no event says so.",
            "Restore events.jsonl from a copy; a sealed suite is opened by factory-tui unseal.",
        )
