"""Counts the tokens of data rows with a model's own tokenizer and chat template.

A helper child (see ``engine.work.helper``), asked by ``engine.plans.data_lengths``. Request::

    {"model": DIR, "file": PATH, "system_prompt": text or null, "max_seq_len": N, "seconds": S}

It counts from the beginning for as long as it may, and says ``counted`` as it goes. Rows that
are broken are passed over: ``engine.plans.data_check`` has said so.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from engine.plain_file import open_plain
from engine.work import helper
from engine.work.chats import BadRow, chat_row
from engine.work.helper import Send
from engine.work.own_code import TOKENIZER
from engine.work.runtime import Refusal

SAY_EVERY_S = 0.5
MAX_LINE = 2**22


def answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Rows counted, their tokens on average and of the longest with its line, rows over the limit.

    ``cut`` says that time was over before the end of the file.
    """
    from mlx_lm.utils import load_tokenizer

    from engine.work.encoding import encode_row

    try:
        tokenizer = load_tokenizer(Path(request["model"]), TOKENIZER)
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Refusal(f"The model's tokenizer cannot be loaded ({first}).") from error
    system = request.get("system_prompt")
    limit = int(request["max_seq_len"])
    found = {"rows": 0, "tokens": 0, "longest": 0, "line": 0, "over": 0, "cut": False}
    end = said = time.monotonic()
    end += float(request["seconds"])
    with open_plain(Path(request["file"])) as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            try:
                row = chat_row(json.loads(line))
            except (BadRow, ValueError, RecursionError):
                continue
            if system and row["messages"][0]["role"] != "system":
                row["messages"].insert(0, {"role": "system", "content": system})
            try:
                tokens, _ = encode_row(row, tokenizer, False)
            except Exception as error:  # a template may raise anything: it is input
                raise Refusal(
                    f"line {number}: the model's chat template does not take this row "
                    f"({type(error).__name__}: {str(error)[:200]})."
                ) from error
            found["rows"] += 1
            found["tokens"] += len(tokens)
            found["over"] += len(tokens) > limit
            if len(tokens) > found["longest"]:
                found["longest"], found["line"] = len(tokens), number
            now = time.monotonic()
            if now > end:
                found["cut"] = True
                break
            if now - said > SAY_EVERY_S:
                said = now
                send("counted", **found)
    return found


if __name__ == "__main__":
    helper.serve(answer)
