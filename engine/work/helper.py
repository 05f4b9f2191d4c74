"""Small programs that answer one question in a child: request in, lines of JSON out.

A helper is no stage: it has no run folder and writes no file. The parent (``engine.helper``)
sends one JSON object as the first line of stdin and keeps stdin open for as long as it lives;
when that ends, so does the helper. Each line of stdout is one JSON object with a ``kind``:
``progress`` and whatever else the helper says, then ``done``, or ``error`` with a sentence.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn

from engine.work.runtime import Refusal, is_out_of_memory

Send = Callable[..., None]
"""Sends one object: ``send("progress", done=1, total=3)``."""


def serve(answer: Callable[[dict[str, Any], Send], dict[str, Any]]) -> NoReturn:
    """Read the request, answer it, and end the process: 0 when done, 3 for an error."""
    out = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no answer of ours
    lock = threading.Lock()

    def send(kind: str, **values: Any) -> None:
        line = json.dumps({"kind": kind, **values}, allow_nan=False)
        with lock:
            try:
                out.write(line + "\n")
                out.flush()
            except OSError:
                os._exit(4)  # nobody listens any more

    code = 3
    try:
        request = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with_parent, daemon=True, name="parent").start()
        done = answer(request, send)
        send("done", **done)
        code = 0
    except Refusal as error:
        send("error", text=str(error))
    except Exception as error:  # noqa: BLE001 - the outermost frame: every end is a sentence
        first = (str(error).strip().splitlines() or ["no reason given"])[0][:300]
        memory = is_out_of_memory(error)
        text = "Memory ran out" if memory else f"It crashed: {type(error).__name__}"
        send("error", text=f"{text}: {first}.", code="oom" if memory else "crash")
    os._exit(code)


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(4)
