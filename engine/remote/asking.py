"""Has one thing done at the machine of a workspace, by the same functions there, and its answer.

A connection of its own for each: what keeps the copy only listens. What was asked for is judged
over there, against what is there; here nothing is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.remote import mirrors, talk
from engine.remote.address import Address
from engine.remote.talk import Refused, Talk
from engine.remote.wire import LineError

ANSWER_S = 300.0
"""So long an act may take over there, once the machine has greeted. A start plans, hashes data and
waits for the supervisor; a line that is dead ends much sooner, by ssh's own signs of life."""

_CHANGES_NOTHING = frozenset({"draft", "offer"})
"""Acts of which it does not matter whether they were done."""


class AskedInVain(Exception):
    """It was not done; the text says why, and what to do."""


class NotKnown(AskedInVain):
    """It is not known whether it was done; the text says how to find out."""


def ask(root: Path, act: str, what: dict[str, Any]) -> dict[str, Any]:
    """The answer to ``act`` at the machine whose workspace ``root`` is a copy of.

    AskedInVain where it cannot be reached or says no; NotKnown where the answer was lost.
    """
    try:
        address = mirrors.address_of(root)
    except (OSError, ValueError, KeyError, TypeError):
        raise AskedInVain(f"{root} does not say what it is a copy of. Open the address.") from None
    return ask_at(address, act, what)


def ask_at(
    address: Address,
    act: str,
    what: dict[str, Any],
    greeting_s: float | None = None,
    answer_s: float | None = None,
) -> dict[str, Any]:
    """The answer to ``act`` at an address. ``greeting_s`` without a word is no machine,
    ``answer_s`` after that no answer; None is as long as ``talk`` and this module wait.

    AskedInVain where it cannot be reached or says no; NotKnown where the answer was lost.
    """
    asked = False
    try:
        with Talk(address, greeting_s or talk.SILENT_S) as line:
            asked = True
            line.ask({"act": act, "with": what})
            answer, _ = line.receive(answer_s or ANSWER_S)
    except Refused as error:
        raise AskedInVain(str(error)) from None
    except LineError as error:
        if not asked or act in _CHANGES_NOTHING:
            raise AskedInVain(
                f"{address.place} cannot be reached ({error}), so nothing was done. Try again."
            ) from None
        raise not_known(address, f"No answer came ({error})") from None
    if isinstance(no := answer.get("no"), str):
        raise AskedInVain(no[:4000])
    return answer


def not_known(address: Address, why: str) -> NotKnown:
    """What is said of an act that may have been done."""
    return NotKnown(
        f"{why}. It may have been done: the runs over there show it. Look before you try again: "
        f"factory-tui list -w {address}"
    )
