"""How a fresh supervisor tells whoever launched it that it has begun, or why it cannot.

``FACTORY_READY_FD`` names an inherited pipe; one line of JSON goes through it, then it is closed.
Exact and at once, where looking at files again and again would be neither.
"""

from __future__ import annotations

import json
import os
from collections.abc import MutableMapping

VARIABLE = "FACTORY_READY_FD"


def tell(env: MutableMapping[str, str], error: str) -> None:
    """Tell it once: "" for begun, else the reason. Nothing happens when nobody asked."""
    text = env.pop(VARIABLE, "")
    if not text.isdecimal():
        return
    line = json.dumps({"error": error}).encode() + b"\n"
    try:
        os.write(int(text), line)
        os.close(int(text))
    except OSError:
        return  # whoever launched us has gone: the run goes on without it


def read(data: bytes) -> str | None:
    """What was told: "" for begun, the reason otherwise, None when nothing whole was told."""
    try:
        value = json.loads(data)
        return str(value["error"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
