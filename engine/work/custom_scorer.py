"""The child in which a target's ``scorer.py`` runs: pairs in, what it returns out.

The parent is ``engine.custom_scorer``. The first line of stdin is ``{"file": PATH}``; the answer is
``{"kind": "ready"}``, or ``{"kind": "refused", "text": …}`` and the end. Then each line is
``{"id", "expected", "actual"}``, answered by ``{"kind": "value", "id", "value"}`` or, where it
raised, ``{"kind": "raised", "id", "text"}``. What ``scorer.py`` prints goes to stderr. The
child ends with its parent, also from within an endless loop of ``scorer.py``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

NAME = "score"
_MAX_TEXT = 300


class Unusable(Exception):
    """A ``scorer.py`` that cannot be used; the text says why."""


def load(file: Path) -> Callable[[str, str], Any]:
    """The function ``score`` of the file; Unusable where there is none."""
    spec = importlib.util.spec_from_file_location("scorer", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise Unusable(f"{file.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["scorer"] = module
    sys.path.insert(0, str(file.parent))  # what lies beside it may be imported
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise Unusable(f"{file.name} cannot be imported ({said(error)})") from error
    found = getattr(module, NAME, None)
    if not callable(found):
        raise Unusable(f"{file.name} has no function score(expected, actual)")
    return found  # type: ignore[no-any-return]


def said(error: BaseException) -> str:
    """An exception in a line."""
    first = (str(error).strip().splitlines() or [""])[0][:_MAX_TEXT]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def plain(value: Any) -> Any:
    """A value as JSON has it: a number of another library (NumPy's) becomes a float or a bool."""
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    return repr(value)[:_MAX_TEXT]


def main() -> NoReturn:
    """Serve until stdin ends."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    lines: queue.Queue[str] = queue.Queue()
    stdin = os.fdopen(os.dup(sys.stdin.fileno()), "r", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())  # an input() must not eat a pair

    def read() -> None:
        for line in stdin:
            lines.put(line)
        os._exit(0)

    def send(kind: str, **values: Any) -> None:
        out.write(json.dumps({"kind": kind, **values}) + "\n")
        out.flush()

    threading.Thread(target=read, daemon=True, name="stdin").start()
    try:
        score = load(Path(json.loads(lines.get())["file"]))
    except Unusable as error:
        send("refused", text=str(error))
        os._exit(3)
    send("ready")
    while True:
        pair = json.loads(lines.get())
        try:
            value = plain(score(pair["expected"], pair["actual"]))
            text = json.dumps(value)
        except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
            send("raised", id=pair["id"], text=said(error))
        else:
            send("value", id=pair["id"], value=json.loads(text))


if __name__ == "__main__":
    main()
