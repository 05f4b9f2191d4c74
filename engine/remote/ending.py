"""Why a connection ended, in words: from the child's exit code and what it printed. Pure."""

from __future__ import annotations

import re

from engine.remote.address import Address

_OF_SSH = 255
"""ssh's own failures; any other code is that of the command over there."""
_NOT_FOUND = (126, 127)
"""The shell's codes for a program that is not there or cannot be run."""
_BESIDE = re.compile(r"\*\*|@@|debug\d:|Warning: |Pseudo-terminal|Connection to .* closed")
"""Beginnings of lines of ssh that are no reason: advice, warnings, frames."""
_REASON = re.compile(
    r"^ssh|^kex_|^[Cc]onnection |^[Tt]imeout|[Pp]ermission denied|verification failed"
    r"|[Cc]ould not resolve|[Nn]o route|refused|unreachable|timed out|[Bb]ad "
)
_MOST = 300


def why(code: int | None, said: bytes, address: Address) -> str | None:
    """What ended a child that had this exit code and printed this on stderr; None where neither
    says so, as for one that was ended from here."""
    lines = [one.strip() for one in said.decode("utf-8", "replace").splitlines()]
    lines = [_shown(one) for one in lines if one and not _BESIDE.match(one)]
    if code in _NOT_FOUND:
        return "there is no factory-tui on its PATH; name it: FACTORY_THERE=/path/of/factory-tui"
    if code is None or code <= 0 or not lines:
        return None
    if code != _OF_SSH:
        return f"what runs over there ended with code {code}: {lines[-1]}"[:_MOST]
    reasons = [one for one in lines if address.place in one or _REASON.search(one)]
    reason = (reasons or lines)[-1][:_MOST]
    if "verification failed" in reason:
        reason = f"{reason.rstrip('.')}; connect once by hand: ssh {address.place}"
    return reason


def _shown(line: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in line)
