"""Every prompt of a suite put to an endpoint, and what came back of each.

A question that failed is asked again where that may help (too many requests, an error of the
server, a broken connection), a few times and after growing waits. What every question would meet
(a key that is wrong, a model that is not there) ends it at once.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from engine.judge.suites import Example
from engine.serving.chat import Answer, Ask, Chat, Message
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Timeouts

POLL_S = 0.1
"""How often whoever waits for answers is asked whether it still wants them."""

LONGEST_WAIT_S = 60.0
"""However long a server wants to be left alone, a question waits no longer than this."""

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


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one question. ``answer`` is None exactly where ``trouble`` says why.

    ``latency_ms`` is the wall time of the attempt that was answered, ``attempts`` counts from 1.
    """

    index: int
    answer: Answer | None
    trouble: str | None
    attempts: int

    @property
    def latency_ms(self) -> float | None:
        return None if self.answer is None else 1000 * self.answer.seconds


class Refused(Exception):
    """Every further question would fail the same way; the text is a sentence."""


@dataclass
class _Round:
    """What the threads that ask share."""

    endpoint: Endpoint
    examples: Sequence[Example]
    how: Ask
    timeouts: Timeouts
    patience: Patience
    todo: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    done: queue.SimpleQueue[Reply | Refused] = field(default_factory=queue.SimpleQueue)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: set[Chat] = field(default_factory=set)

    def work(self) -> None:
        while not self.over.is_set():
            try:
                index = self.todo.get_nowait()
            except queue.Empty:
                return
            try:
                self.done.put(self._ask(index))
            except Refused as error:
                self.done.put(error)
                return

    def _ask(self, index: int) -> Reply:
        attempt = 1
        while True:
            try:
                return Reply(index, self._once(self.examples[index]), None, attempt)
            except EndpointError as error:
                if _is_fatal(error):
                    raise Refused(str(error)) from error
                wait = _wait_before_another(error, attempt, self.patience)
                if wait is None or self.over.wait(wait):
                    return Reply(index, None, str(error), attempt)
            attempt += 1

    def _once(self, example: Example) -> Answer:
        chat = Chat(self.endpoint, example.messages, _with_tools(self.how, example), self.timeouts)
        with self.lock:
            self.running.add(chat)
        if self.over.is_set():
            chat.cancel()
        try:
            return chat.answer()
        finally:
            with self.lock:
                self.running.discard(chat)

    def end(self) -> None:
        self.over.set()
        with self.lock:
            for chat in self.running:
                chat.cancel()


def ask_each(
    endpoint: Endpoint,
    examples: Sequence[Example],
    how: Ask,
    *,
    concurrency: int = 1,
    timeouts: Timeouts | None = None,
    patience: Patience | None = None,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Reply]:
    """Put each example to the endpoint, with its tools; gives each reply as it comes.

    ``concurrency`` questions are under way at a time, 1 or more; with one, replies come in order.
    ``check`` is called several times a second in the caller's thread and ends it by raising.
    Refused when no further question can be answered either. Whatever ends it, also a caller that
    stops listening, gives up the questions that are under way.
    """
    asked = _Round(endpoint, examples, how, timeouts or Timeouts(), patience or Patience())
    for index in range(len(examples)):
        asked.todo.put(index)
    threads = [
        threading.Thread(target=asked.work, daemon=True, name=f"ask {number}")
        for number in range(min(max(1, concurrency), len(examples)))
    ]
    for thread in threads:
        thread.start()
    try:
        left = len(examples)
        while left:
            check()
            try:
                reply = asked.done.get(timeout=POLL_S)
            except queue.Empty:
                continue
            if isinstance(reply, Refused):
                raise reply
            left -= 1
            yield reply
    finally:
        asked.end()
        for thread in threads:
            with contextlib.suppress(RuntimeError):
                thread.join(2.0)


def messages_of(text: str, system: str | None = None) -> tuple[Message, ...]:
    """A chat of one question."""
    first: tuple[Message, ...] = ({"role": "system", "content": system},) if system else ()
    return (*first, {"role": "user", "content": text})


def _with_tools(how: Ask, example: Example) -> Ask:
    if not example.tools:
        return how
    return replace(how, extra={**how.extra, "tools": list(example.tools)})


def _is_fatal(error: EndpointError) -> bool:
    return error.code in _FATAL_CODES or error.status in _FATAL_STATUS


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
