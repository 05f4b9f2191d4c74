"""The form of a new campaign as values: its fields, and what is typed as the engine takes it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from engine.loops.research.making import Wish
from tui.views.setting import Setting

PROTOCOL, REPO, PROPOSER, AGENT = "protocol", "repo", "proposer", "agent"


def campaign_fields() -> list[Setting]:
    """What is asked for a campaign, in its order."""

    def of(key: str, label: str, kind: str, unit: str, range: str, help: str, **more: object) -> (
        Setting
    ):  # fmt: skip
        return Setting(key, label, "research", kind, unit, range, help, **more)  # type: ignore[arg-type]

    return [
        of(PROTOCOL, "protocol", "text", "", "", "The experiment protocol, a JSON file."),
        of(REPO, "repository", "text", "", "",
           "The repository whose recipe is searched. Empty: the folder of the protocol. The "
           "campaign works in a worktree of its own; your checkout stays as it is.",
           default="the folder of the protocol"),
        of("tries", "tries", "whole", "at most", "1 or more", "So many tries at most.",
           low=1, default="20"),
        of("seeds", "seeds", "whole", "a try", "1 or more",
           "So many measurements of a try before it can be kept; clear losers get fewer. The "
           "baseline has two more: it gives the noise.", low=1, default="3"),
        of("confidence", "confidence", "number", "", "0.51 to 0.999",
           "How probable it must be that a try is better before it is kept.",
           low=0.51, high=0.999, default="0.95"),
        of("hours", "hours", "number", "of work", "more than 0",
           "It ends after so many hours of work. Empty: no limit.", low=0, above=True),
        of(PROPOSER, "who proposes", "text", "", "",
           "settings: the built-in sampler changes constants. person: you edit files here. "
           "command: a coding agent. Else a teacher's name.", default="settings"),
        of(AGENT, "command", "text", "", "",
           "Of a proposer that is a command: its words. It is told the rules on stdin."),
        of("goal", "goal", "text", "", "",
           "What you want of it, in a sentence, for whoever proposes. Empty: the protocol's."),
        of("tokens", "tokens of teachers", "whole", "at most", "1 or more",
           "Teachers may use so many tokens in all. Empty: no limit.", low=1),
        of("usd", "dollars of teachers", "number", "at most", "0 or more",
           "Teachers may cost so much in all, where prices are known. Empty: no limit.", low=0),
        of("seed", "seed", "whole", "", "0 or more", "Of the first measurement, and of what "
           "is proposed.", low=0, default="0"),
    ]  # fmt: skip


def wish_of(typed: Mapping[str, str]) -> Wish:
    """What was typed as the engine takes it; ValueError with a sentence where it cannot be."""

    def whole(key: str) -> int | None:
        return int(typed[key]) if typed.get(key) else None

    def real(key: str) -> float | None:
        return float(typed[key]) if typed.get(key) else None

    try:
        argv = tuple(shlex.split(typed.get(AGENT, "")))
    except ValueError as error:
        raise ValueError("In the command a quotation mark is not closed.") from error
    usual = Wish()
    who = typed.get(PROPOSER) or ("command" if argv else usual.proposer)
    return Wish(
        tries=whole("tries") or usual.tries,
        seeds=whole("seeds") or usual.seeds,
        confidence=real("confidence") or usual.confidence,
        hours=real("hours"),
        proposer=who,
        argv=argv,
        goal=typed.get("goal") or None,
        tokens=whole("tokens"),
        usd=real("usd"),
        seed=whole("seed") or 0,
    )


def path_of(text: str, workspace: Path) -> Path:
    """A path as it was typed: ``~`` is the user's home, else it counts from the workspace."""
    return workspace / Path(text).expanduser()
