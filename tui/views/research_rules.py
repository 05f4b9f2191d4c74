"""The rules of a campaign and whether they were kept, by which try they were broken. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tui.views.entries import Entry, entry, sentence
from tui.views.plain import plain
from tui.views.research_reader import CampaignView
from tui.views.research_tries import Tried

TOLD = 6
"""Tries that are named where a rule was broken."""


def rule_entries(view: CampaignView, width: int) -> list[Entry]:
    """A line a rule with ✔ or ✘, then what was broken and what crashed, counted."""
    protocol = view.protocol
    if protocol is None:
        return sentence("The rules stand in the protocol, which cannot be read.", width, "bad")
    surface, execution = protocol.mutable_surface, protocol.execution
    stop = execution.stop_condition
    found: list[Entry] = []

    def rule(words: str, *rules: str, note: str = "") -> None:
        broken = [one for one in view.tries if any(v.rule in rules for v in one.violations)]
        sign, role = ("✘", "warn") if broken else ("✔", "good")
        found.extend(_hanging(f"{sign} ", words, width, role))
        if broken:
            which = f"broken by {_names(broken)}; none of it stayed" if rules else ""
            found.extend(sentence(f"{which}.", width, "warn", "    "))
        if note:
            found.extend(sentence(note, width, "muted", "    "))

    rule(f"may change: {_listed(surface.allowed_globs)}", "glob")
    rule(f"may not change: {_listed(surface.forbidden_globs) or 'nothing more is named'}")
    rule(f"kinds of change: {_listed(surface.allowed_kinds)}", "kind")
    harness = view.harness or tuple(protocol.immutable_harness.paths)
    hashed = f"{len(view.harness)} hashed at setup" if view.harness else "not hashed yet"
    rule(f"what measures: {_listed(harness) or 'nothing is named'}", "harness", note=hashed)
    if protocol.environment.constraints.no_new_dependencies:
        rule("no new dependencies", "dependency")
    budget = f"trains {stop.training_seconds_budget:g} s"
    if stop.exclude_compilation_from_budget:
        budget += ", compilation not counted"
    rule(f"{budget}; stopped after {execution.hard_timeout_seconds:g} s", "too-quick")
    rule("the metric is printed once", "metric-twice")
    rule("files stay as they are while it runs", "changed-while-running")
    rule("no state is tried twice, none is empty", "repeat", "empty", "apply", "size")
    found += [entry(), *_counted("broken rules", _rules(view.tries), width)]
    found += _counted("crashes", _crashes(view.tries), width)
    memory = protocol.safety.oom_policy
    words = "the batch is halved once, then it is a crash" if memory == "reduce_batch" else memory
    found += sentence(f"out of memory: {plain(words, clip=200)}", width)
    found += sentence(f"network: {plain(protocol.environment.constraints.network_policy)}", width)
    return found


def _rules(tries: Iterable[Tried]) -> Counter[str]:
    return Counter(broke.rule for one in tries for broke in one.violations)


def _crashes(tries: Iterable[Tried]) -> Counter[str]:
    return Counter(one.cause or "not recorded" for one in tries if one.what == "crash")


def _counted(title: str, found: Counter[str], width: int) -> list[Entry]:
    if not found:
        return [entry((f"{title}: none", "good"))]
    parts = ", ".join(f"{plain(name, clip=60)} {count}" for name, count in found.most_common())
    return sentence(f"{title}: {found.total()} ({parts})", width, "warn")


def _names(broken: list[Tried]) -> str:
    names = [one.name for one in broken[:TOLD]]
    more = f" and {len(broken) - TOLD} more" if len(broken) > TOLD else ""
    return ", ".join(names) + more


def _listed(names: Iterable[str]) -> str:
    return ", ".join(plain(one, clip=200) for one in names)


def _hanging(head: str, words: str, width: int, role: str) -> list[Entry]:
    rows = sentence(words, width - len(head), "plain")
    return [
        entry((head if at == 0 else " " * len(head), role), *one.row) for at, one in enumerate(rows)
    ]
