"""A teacher that is none: Anthropic's and OpenAI's protocol on 127.0.0.1, scripted replies.

It checks what it is asked as the real ones do, so that a request they would refuse fails here too.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.engine.serving.fake import Fake, Request

KEY = "sk-test-4f9a1c7e22b84d0e"
MODEL = "claude-sonnet-4-6"


@dataclass(frozen=True)
class Say:
    """A text. ``tokens`` None: the server does not count. ``wait_s`` before the first piece."""

    text: str
    stop: str = "stop"
    tokens: tuple[int, int] | None = (11, 7)
    wait_s: float = 0.0
    drop: bool = False
    """End the connection after the text, in the middle of the protocol."""
    reasoning: str = ""
    drip_s: float = 0.0
    """Between two pieces."""


@dataclass(frozen=True)
class Refuse:
    status: int
    message: str = "no"
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Raw:
    """These bytes, whatever they are."""

    data: bytes


@dataclass(frozen=True)
class Drop:
    """The connection is reset before a word."""


@dataclass(frozen=True)
class Silence:
    """It takes the question and never answers."""


Step = Say | Refuse | Raw | Drop | Silence | Callable[[Request], Any]

_STATUS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
           429: "Too Many Requests", 500: "Internal Server Error", 529: "Overloaded"}  # fmt: skip
_STOP = {"stop": "end_turn", "length": "max_tokens"}


@dataclass
class Double:
    """``script`` is what it answers, one step a request; the last one goes on."""

    script: Sequence[Step]
    key: str | None = KEY
    asked: list[Any] = field(default_factory=list)
    """The bodies of the requests that came."""
    most_at_once: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self._fake = Fake(self._answer)
        self.port = self._fake.port
        self.root = f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        return self._fake.requests

    def close(self) -> None:
        self._fake.close()

    def prompts(self) -> list[str]:
        """The first turn of each request."""
        return [_plain(body["messages"][0]["content"]) for body in self.asked]

    def _answer(self, request: Request) -> None:
        with self._lock:
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            step = self.script[min(len(self.asked), len(self.script) - 1)]
            self.asked.append(request.body)
        try:
            path = request.line.split(" ")[1].partition("?")[0]
            anthropic = path == "/v1/messages"
            if not anthropic and path != "/v1/chat/completions":
                self._refuse(request, anthropic, Refuse(404, f"no such path: {request.line}"))
            elif problem := self._problem(request, anthropic):
                self._refuse(request, anthropic, problem)
            else:
                if callable(step):
                    step = step(request)
                self._step(request, anthropic, step)
        finally:
            with self._lock:
                self._now -= 1

    def _problem(self, request: Request, anthropic: bool) -> Refuse | None:
        headers, body = request.headers, request.body
        given = {headers.get("authorization", "").removeprefix("Bearer ")}
        if anthropic:
            given.add(headers.get("x-api-key", ""))  # it takes either
        if self.key is not None and self.key not in given:
            return Refuse(401, "invalid x-api-key")
        if anthropic and not headers.get("anthropic-version"):
            return Refuse(400, "anthropic-version: header is required")
        if anthropic and not isinstance(body.get("max_tokens"), int):
            return Refuse(400, "max_tokens: Field required")
        roles = [turn["role"] for turn in body["messages"]]
        if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"]:
            return Refuse(400, f"messages: roles must alternate, not {roles}")
        if any(not _plain(turn["content"]).strip() for turn in body["messages"]):
            return Refuse(400, "messages: text content blocks must be non-empty")
        return None

    def _step(self, request: Request, anthropic: bool, step: Step) -> None:
        if isinstance(step, Refuse):
            self._refuse(request, anthropic, step)
        elif isinstance(step, Raw):
            request.send(step.data)
        elif isinstance(step, Drop):
            linger = struct.pack("ii", 1, 0)  # a reset, not a polite end
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        elif isinstance(step, Silence):
            request.gone.wait(30)
        elif isinstance(step, Say):
            if step.wait_s:
                time.sleep(step.wait_s)
            if not request.body.get("stream"):
                raise AssertionError("every question is asked as a stream")
            (_say_anthropic if anthropic else _say_openai)(request, step)

    @staticmethod
    def _refuse(request: Request, anthropic: bool, step: Refuse) -> None:
        error = {"type": "api_error", "message": step.message}
        body = {"type": "error", "error": error} if anthropic else {"error": error}
        request.head(f"{step.status} {_STATUS[step.status]}", "application/json", *step.headers)
        request.send(json.dumps(body))


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


def _pieces(text: str) -> list[str]:
    return [text[at : at + 40] for at in range(0, len(text), 40)]


def _say_anthropic(request: Request, step: Say) -> None:
    def event(kind: str, **values: Any) -> None:
        request.send(f"event: {kind}\ndata: {json.dumps({'type': kind, **values})}\n\n")

    told, took = step.tokens or (0, 0)
    request.head()
    message = {
        "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": [],
        "stop_reason": None, "stop_sequence": None,
        "usage": {"input_tokens": told, "output_tokens": 1 if step.tokens else 0},
    }  # fmt: skip
    event("message_start", message=message)
    event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    for piece in _pieces(step.text):
        time.sleep(step.drip_s)
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": piece})
    if step.drop:
        return
    event("content_block_stop", index=0)
    event(
        "message_delta",
        delta={"stop_reason": _STOP.get(step.stop, step.stop), "stop_sequence": None},
        usage={"output_tokens": took},
    )
    event("message_stop")


def _say_openai(request: Request, step: Say) -> None:
    head = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "tiny"}

    def chunk(delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        request.event({**head, "choices": [choice]})

    request.head()
    chunk({"role": "assistant", "content": ""})
    for piece in _pieces(step.reasoning):
        chunk({"reasoning_content": piece})
    for piece in _pieces(step.text):
        time.sleep(step.drip_s)
        chunk({"content": piece})
    if step.drop:
        return
    chunk({}, step.stop)
    if step.tokens is not None and (request.body.get("stream_options") or {}).get("include_usage"):
        told, took = step.tokens
        usage = {"prompt_tokens": told, "completion_tokens": took, "total_tokens": told + took}
        request.event({**head, "choices": [], "usage": usage})
    request.event("[DONE]")
