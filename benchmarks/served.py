"""A server of a model as a child on this machine, asked for completions by many at once."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

READY_S = 180.0
ANSWER_S = 300.0
TRIES = 50
NAME = "default_model"


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Served:
    """``command`` with ``--host`` and ``--port``, ready once it has answered with one token.

    Its output goes to ``log``. RuntimeError with the end of the log where it does not become ready.
    """

    def __init__(self, command: Sequence[str], env: dict[str, str], folder: Path) -> None:
        home = folder / "hf"
        (home / "hub").mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.log = folder / f"{Path(command[0]).name}-{self.port}.log"
        with self.log.open("wb") as out:
            self.child = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port)],
                env={**env, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=folder,
            )
        try:
            self._wait(" a")
        except BaseException:
            self.close()
            raise

    def _wait(self, prompt: str) -> None:
        until = time.monotonic() + READY_S
        while self.child.poll() is None and time.monotonic() < until:
            try:
                self.complete(prompt, 1)
                return
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                time.sleep(0.3)
        said = self.log.read_text("utf-8", "replace")[-600:]
        raise RuntimeError(f"The server did not become ready. The end of its log:\n{said}")

    def complete(self, prompt: str, limit: int) -> str:
        """The greedy answer to one prompt."""
        body = {"model": NAME, "prompt": prompt, "max_tokens": limit, "temperature": 0.0}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_S)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/completions", json.dumps(body), headers)
            reply = connection.getresponse()
            data = reply.read()
        finally:
            connection.close()
        if reply.status != 200:
            raise ValueError(f"The server answered {reply.status}: {data[:200]!r}")
        return str(json.loads(data)["choices"][0]["text"])

    def answers(self, prompts: Sequence[str], limit: int, clients: int) -> list[str]:
        """The answers in the order of the prompts, ``clients`` of them asked for at a time."""
        with ThreadPoolExecutor(clients) as pool:
            return list(pool.map(lambda prompt: self._patiently(prompt, limit), prompts))

    def _patiently(self, prompt: str, limit: int) -> str:
        """Asked again where the server's short queue of connections was full: no answer is lost."""
        for _ in range(TRIES):
            try:
                return self.complete(prompt, limit)
            except ConnectionError:
                time.sleep(0.02)
        return self.complete(prompt, limit)

    def close(self) -> None:
        """End the child, by force where it does not end by itself."""
        self.child.terminate()
        try:
            self.child.wait(5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
