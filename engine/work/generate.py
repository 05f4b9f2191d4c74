"""Asks a target's generator for rows: code of the target runs in a child, and nowhere else.

A helper child (see ``engine.work.helper``). Request::

    {"generator": FILE, "function": "generate" | "breadth", "n": 100, "focus": [...] | null,
     "seed": 0}

Answer: ``{"rows": [chat rows]}``. ``focus`` is handed over only where it is given; a generator that
does not know a name of it is asked again without, and ``note`` says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.work import helper
from engine.work.generators import load_generator
from engine.work.helper import Send
from engine.work.runtime import Refusal


def answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """The rows; a Refusal of the generator's comes through as the helper's error."""
    generator = load_generator(Path(request["generator"]))
    count, seed = int(request["n"]), int(request["seed"])
    if request["function"] == "breadth":
        return {"rows": generator.call("breadth", count, seed)}
    focus = request.get("focus") or None
    note = None
    try:
        rows = generator.call("generate", count, focus, seed)
    except Refusal as error:
        if focus is None:
            raise
        note = f"It does not know the focus {', '.join(map(str, focus))} ({error})"
        rows = generator.call("generate", count, None, seed)
    return {"rows": rows, "note": note}


if __name__ == "__main__":
    helper.serve(answer)
