"""Chat rows of a target's files: read, checked, and compared by their prompts."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from engine.work.runtime import Refusal

Row = dict[str, Any]

SHOWN_ERRORS = 20
"""How many bad rows a Refusal lists."""

_PUNCTUATION = re.compile(r"[.,;:!?\"'`´’‘“”()\[\]{}…_\-–—]+")
"""What does not make another prompt. Signs of arithmetic do: + * / = < > % stay."""


def normalise(text: str) -> str:
    """A prompt but for what a careless copy changes: case, white space, punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_PUNCTUATION.sub(" ", folded).split())


def prompt_of(row: Row) -> str:
    """All that stands before the answer, instructions of the system left out."""
    turns = [turn["content"] for turn in row["messages"][:-1] if turn["role"] != "system"]
    return "\n".join(turns)


class BadRow(ValueError):
    """Why a row cannot be used, without its place."""


def chat_row(raw: Any) -> Row:
    """A row of any documented shape as a chat row that ends with the assistant's answer.

    Shapes: ``{"messages": […]}``, ``{"prompt", "completion"}``, ``{"question", "ideal"}``; an
    answer that is an object or a list becomes its JSON text. BadRow for anything else.
    """
    if not isinstance(raw, dict):
        raise BadRow("is no JSON object")
    if "messages" in raw:
        messages = _turns(raw["messages"])
    else:
        pairs = (("prompt", "completion"), ("question", "ideal"))
        keys = next((pair for pair in pairs if all(key in raw for key in pair)), None)
        if keys is None:
            raise BadRow('has neither "messages" nor "prompt" and "completion"')
        ask, answer = keys
        messages = [
            {"role": "user", "content": _text(raw[ask], ask)},
            {"role": "assistant", "content": _text(raw[answer], answer)},
        ]
    row: Row = {"messages": messages}
    if isinstance(raw.get("category"), str):
        row["category"] = raw["category"]
    return row


def _turns(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list) or not value:
        raise BadRow('"messages" is no list of turns')
    turns = []
    for number, turn in enumerate(value):
        if not isinstance(turn, dict) or not isinstance(turn.get("role"), str):
            raise BadRow(f'messages/{number} has no "role"')
        content = _text(turn.get("content"), f"messages/{number}/content")
        turns.append({"role": turn["role"], "content": content})
    if turns[-1]["role"] != "assistant":
        raise BadRow("does not end with the assistant's answer")
    if all(turn["role"] != "user" for turn in turns):
        raise BadRow("has no user's turn")
    return turns


def _text(value: Any, where: str) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str) or not value.strip():
        raise BadRow(f"{where} is not a text, or is empty")
    return value


def read_jsonl(path: Path, name: str) -> list[Row]:
    """The chat rows of a JSONL file, blank lines skipped; Refusal lists every bad line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Refusal(f"{name} cannot be read ({error.strerror}).") from error
    rows: list[Row] = []
    problems: list[str] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            rows.append(chat_row(json.loads(line.decode("utf-8-sig"))))
        except UnicodeDecodeError as error:
            problems.append(f"{name}:{number}: is not UTF-8 text (byte {error.start})")
        except BadRow as error:
            problems.append(f"{name}:{number}: {error}")
        except json.JSONDecodeError as error:
            problems.append(f"{name}:{number}: is not JSON ({error.msg}, column {error.colno})")
        except (ValueError, RecursionError):
            problems.append(f"{name}:{number}: is JSON that cannot be read")
    refuse(problems, "Correct these lines.")
    return rows


def refuse(problems: list[str], fix: str) -> None:
    """A Refusal that lists the problems and what to do; nothing where there are none."""
    if problems:
        shown = "; ".join(problems[:SHOWN_ERRORS])
        rest = len(problems) - SHOWN_ERRORS
        raise Refusal(f"{shown}{f' … and {rest} more' if rest > 0 else ''}. {fix}")
