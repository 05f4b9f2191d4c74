"""Questions put to an endpoint, patiently, and every prompt of a suite put to one.

A question that failed is asked again where that may help (too many requests, an error of the
server, a broken connection), a few times and after growing waits. What every question would meet
(a key that is wrong, a model that is not there) ends it at once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace

from engine.judge.suites import Example
from engine.secrecy import HIDDEN
from engine.serving.chat import Answer, Ask, Chat, Message
from engine.serving.chunks import ToolCall
from engine.serving.endpoint import Endpoint, EndpointError, address_of, key_of
from engine.serving.exchange import Timeouts

POLL_S = 0.1
"""How often whoever waits for answers is asked whether it still wants them."""

LONGEST_WAIT_S = 60.0
"""However long a server wants to be left alone, a question waits no longer than this."""

SHORTEST_KEY = 12
"""A shorter one is no secret ("none", "EMPTY", for servers that ask for any), and may well stand in
an answer, which must not change."""

_FATAL_CODES = frozenset({"url", "key"})
_FATAL_STATUS = frozenset({401, 402, 403, 404, 405})
_PASSING_STATUS = frozenset({408, 425, 429})
_PASSING_CODES = frozenset({"connect", "cut-off", "garbage"})


@dataclass(frozen=True, slots=True)
class Patience:
    """``waits_s`` are the seconds before the second, third, … attempt; one that took too long is
    asked ``slow_attempts`` times in all, since each costs the whole time limit."""

    waits_s: tuple[float, ...] = (1.0, 3.0, 9.0)
    slow_attempts: int = 2


class Refused(Exception):
    """Every further question would fail the same way; the text is a sentence."""


class Asker:
    """Asks one endpoint, from any number of threads. ``end`` gives up what is under way."""

    def __init__(
        self,
        endpoint: Endpoint,
        timeouts: Timeouts | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._timeouts = timeouts or Timeouts()
        self._patience = patience or Patience()
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._running: set[Chat] = set()

    def ask(self, messages: Sequence[Message], how: Ask) -> Answer:
        """The answer to one question; blocks.

        EndpointError of the last attempt where none was answered; Refused where no question is.
        """
        attempt = 1
        while True:
            try:
                return self._once(messages, how)
            except EndpointError as error:
                if error.code in _FATAL_CODES or error.status in _FATAL_STATUS:
                    raise Refused(str(error)) from error
                wait = _wait_before_another(error, attempt, self._patience)
                if wait is None or self._over.wait(wait):
                    raise
            attempt += 1

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def end(self) -> None:
        """Give up every question; later ones are cancelled as well. More than once is fine."""
        with self._lock:
            self._over.set()
            for chat in self._running:
                chat.cancel()

    def _once(self, messages: Sequence[Message], how: Ask) -> Answer:
        chat = Chat(self.endpoint, messages, how, self._timeouts)
        key = key_of(self.endpoint, address_of(self.endpoint))
        with self._lock:
            self._running.add(chat)
            if self._over.is_set():
                chat.cancel()
        try:
            return _without_key(chat.answer(), key)
        finally:
            with self._lock:
                self._running.discard(chat)


def _without_key(answer: Answer, key: str | None) -> Answer:
    """An answer goes into rows and records: a key that a server says back does not."""
    if key is None or len(key) < SHORTEST_KEY:
        return answer
    return replace(
        answer,
        text=answer.text.replace(key, HIDDEN),
        reasoning=answer.reasoning.replace(key, HIDDEN),
        tool_calls=tuple(
            ToolCall(call.name.replace(key, HIDDEN), call.arguments.replace(key, HIDDEN))
            for call in answer.tool_calls
        ),
    )


def _wait_before_another(error: EndpointError, attempt: int, patience: Patience) -> float | None:
    """Seconds until the next attempt, None where there is none."""
    if attempt > len(patience.waits_s):
        return None
    if error.code == "timeout":
        passing = attempt < patience.slow_attempts
    elif error.status is not None:
        passing = error.status in _PASSING_STATUS or error.status >= 500
    else:
        passing = error.code in _PASSING_CODES
    if not passing:
        return None
    wait = patience.waits_s[attempt - 1]
    if error.retry_after_s is not None:
        wait = max(wait, min(error.retry_after_s, LONGEST_WAIT_S))
    return wait


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of the question of one example: an answer, or a sentence why there is none."""

    index: int
    answer: Answer | str


def ask_each(
    asker: Asker,
    examples: Sequence[Example],
    how: Ask,
    *,
    concurrency: int = 1,
    check: Callable[[], None] = lambda: None,
) -> Generator[Reply]:
    """Put each example to the endpoint, with its tools; gives each reply as it comes.

    ``concurrency`` questions are under way at a time, 1 or more; with one, replies come in order.
    ``check`` is called several times a second in the caller's thread and ends it by raising.
    Refused when no further question can be answered either. Whatever ends it, also a caller that
    stops listening, gives up the questions that are under way.
    """
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[Reply | Refused] = queue.SimpleQueue()
    for index in range(len(examples)):
        todo.put(index)

    def work() -> None:
        while not asker.over:
            try:
                index = todo.get_nowait()
            except queue.Empty:
                return
            try:
                example = examples[index]
                answer = asker.ask(example.messages, _with_tools(how, example))
                done.put(Reply(index, answer))
            except EndpointError as error:
                done.put(Reply(index, str(error)))
            except Refused as error:
                done.put(error)
                return

    threads = [
        threading.Thread(target=work, daemon=True, name=f"ask {number}")
        for number in range(min(max(1, concurrency), len(examples)))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in examples:
            while True:
                check()
                try:
                    reply = done.get(timeout=POLL_S)
                except queue.Empty:
                    continue
                break
            if isinstance(reply, Refused):
                raise reply
            yield reply
    finally:
        asker.end()
        for thread in threads:
            thread.join(2.0)


def _with_tools(how: Ask, example: Example) -> Ask:
    if not example.tools:
        return how
    return replace(how, extra={**how.extra, "tools": list(example.tools)})
