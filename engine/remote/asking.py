"""Has one thing done at the machine of a workspace, by the same functions there, and its answer.

A connection of its own for each: what keeps the copy only listens. What was asked for is judged
over there, against what is there; here nothing is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.remote import mirrors
from engine.remote.address import Address
from engine.remote.talk import SILENT_S, Refused, Talk
from engine.remote.wire import LineError

_CHANGES_NOTHING = frozenset({"draft", "offer"})
"""Acts of which it does not matter whether they were done."""


class AskedInVain(Exception):
    """It was not done, or it is not known whether; the text says which, and what to do."""


def ask(root: Path, act: str, what: dict[str, Any]) -> dict[str, Any]:
    """The answer to ``act`` at the machine whose workspace ``root`` is a copy of.

    AskedInVain where it cannot be reached or says no.
    """
    try:
        address = mirrors.address_of(root)
    except (OSError, ValueError, KeyError, TypeError):
        raise AskedInVain(f"{root} does not say what it is a copy of. Open the address.") from None
    return ask_at(address, act, what)


def ask_at(
    address: Address, act: str, what: dict[str, Any], silent_s: float = SILENT_S
) -> dict[str, Any]:
    """The answer to ``act`` at an address; ``silent_s`` without a word is no answer.

    AskedInVain where it cannot be reached or says no.
    """
    reached = False
    try:
        with Talk(address, {"act": act, "with": what}, silent_s) as talk:
            reached = True
            answer, _ = talk.receive()
    except Refused as error:
        raise AskedInVain(str(error)) from None
    except LineError as error:
        if not reached or act in _CHANGES_NOTHING:
            raise AskedInVain(
                f"{address.place} cannot be reached ({error}), so nothing was done. Try again."
            ) from None
        raise AskedInVain(
            f"The line broke before the answer came ({error}). Whether it was done shows in the "
            "run once the line is up again: look before you try again."
        ) from None
    if isinstance(no := answer.get("no"), str):
        raise AskedInVain(no[:4000])
    return answer
