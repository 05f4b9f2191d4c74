"""What an OpenAI-compatible server sends, one JSON object at a time, as plain values. Pure.

Understood as the API reference has it ("The chat completion chunk object") and as mlx-lm, vLLM,
llama.cpp and Ollama write it; whatever has another shape is refused in words, never guessed at.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


class BadChunk(Exception):
    """It is no part of a completion; the text says what it is."""


class ServerSaid(Exception):
    """The server reported an error inside the stream; the text is its own."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asked for. ``arguments`` is JSON text as it came, perhaps cut off."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server counted, in tokens; None is what it did not say."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Of the prompt's tokens, those that the server still knew from before."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One part of an answer, or (not streamed) all of it."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str | None = None
    usage: Usage | None = None
    calls: tuple[tuple[int, str, str], ...] = ()
    """Parts of tool calls: the call's number, what its name and its arguments grow by."""


@dataclass(slots=True)
class Calls:
    """Tool calls as they grow."""

    _known: dict[int, list[str]] = field(default_factory=dict)

    def add(self, chunk: Chunk) -> None:
        for number, name, arguments in chunk.calls:
            known = self._known.setdefault(number, ["", ""])
            known[0] += name
            known[1] += arguments

    def all(self) -> tuple[ToolCall, ...]:
        return tuple(ToolCall(*self._known[number]) for number in sorted(self._known))


def read_chunk(text: str) -> Chunk:
    """One object of a server. BadChunk for what is none, ServerSaid for an error that it reports.

    A missing or null text is an empty one. Only the first choice is read: we ask for one.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadChunk("something that is not JSON") from error
    if not isinstance(value, dict):
        raise BadChunk("JSON that is no object")
    if (trouble := value.get("error")) is not None:
        raise ServerSaid(error_text(trouble))
    choices = value.get("choices", [])
    if not isinstance(choices, list):
        raise BadChunk("an object whose choices are no list")
    usage = _usage(value.get("usage"))
    if not choices:
        if usage is None and "choices" not in value:
            raise BadChunk("an object without choices")
        return Chunk(usage=usage)
    first = choices[0]
    if not isinstance(first, dict):
        raise BadChunk("a choice that is no object")
    part = first.get("delta", first.get("message"))
    part = {} if part is None else part
    if not isinstance(part, dict):
        raise BadChunk("a delta that is no object")
    reason = first.get("finish_reason")
    return Chunk(
        text=_text(part, "content") or _text(first, "text"),
        reasoning=_text(part, "reasoning") or _text(part, "reasoning_content"),
        finish_reason=reason if isinstance(reason, str) else None,
        usage=usage,
        calls=_calls(part.get("tool_calls")),
    )


def error_text(trouble: Any) -> str:
    """The sentence in a server's ``error``: a text, or an object with a message."""
    if isinstance(trouble, dict):
        trouble = trouble.get("message", trouble)
    return trouble if isinstance(trouble, str) else json.dumps(trouble, default=str)


def _text(part: dict[str, Any], key: str) -> str:
    value = part.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadChunk(f"a {key} that is no text")
    return value


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    details = value.get("prompt_tokens_details")
    return Usage(
        prompt_tokens=_count(value.get("prompt_tokens")),
        completion_tokens=_count(value.get("completion_tokens")),
        cached_tokens=_count(details.get("cached_tokens")) if isinstance(details, dict) else None,
    )


def _count(value: Any) -> int | None:
    """A number of tokens; True is none, nor is what no answer can have."""
    return value if type(value) is int and 0 <= value < 2**40 else None


def _calls(value: Any) -> tuple[tuple[int, str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise BadChunk("tool calls that are no list")
    calls = []
    for place, one in enumerate(value):
        function = one.get("function") if isinstance(one, dict) else None
        if not isinstance(function, dict):
            raise BadChunk("a tool call without a function")
        number = one.get("index", place)
        number = number if type(number) is int and 0 <= number < 1000 else place
        arguments = function.get("arguments")
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments)  # Ollama gives an object
        calls.append((number, _text(function, "name"), arguments or ""))
    return tuple(calls)
