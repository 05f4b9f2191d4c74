"""A small HTTP server whose answers are bytes that a test wrote, well or badly behaved."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """What a client sent, and the connection to answer on."""

    line: str
    headers: dict[str, str]
    body: Any
    connection: socket.socket
    gone: threading.Event
    """Set when the test is over: an answer that waits waits for this."""

    def send(self, data: bytes | str) -> None:
        self.connection.sendall(data.encode() if isinstance(data, str) else data)

    def head(self, status: str = "200 OK", kind: str = "text/event-stream", *more: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close", *more]
        self.send("\r\n".join(lines) + "\r\n\r\n")

    def event(self, value: Any) -> None:
        self.send(f"data: {value if isinstance(value, str) else json.dumps(value)}\n\n")

    def piece(self, text: str) -> None:
        self.event({"choices": [{"index": 0, "delta": {"content": text}}]})

    def finish(self, reason: str = "stop", tokens: int | None = None) -> None:
        self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        if tokens is not None:
            self.event({"choices": [], "usage": {"prompt_tokens": 4, "completion_tokens": tokens}})
        self.event("[DONE]")


Answer = Callable[[Request], None]


@dataclass
class Fake:
    """Listens on a port of its own; ``requests`` are those that came."""

    answer: Answer
    requests: list[Request] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as file:
            line = file.readline().decode().strip()
            if not line:  # whoever connected has gone without a word
                return
            headers = {}
            while text := file.readline().decode().strip():
                name, _, value = text.partition(":")
                headers[name.lower()] = value.strip()
            size = int(headers.get("content-length", 0))
            if len(data := file.read(size)) < size:  # who asked has gone in the middle of it
                return
            body = json.loads(data or b"null")
            request = Request(line, headers, body, connection, self.gone)
            self.requests.append(request)
            self.answer(request)

    def close(self) -> None:
        self.gone.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
