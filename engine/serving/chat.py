"""One question to an endpoint, its answer as it streams in, and what was measured on the way.

What is measured, and from where:

- ``first_s``: from before the connection was made to the first text (or reasoning, or tool call);
- ``seconds``: from the same moment to the piece that said why the answer ended;
- ``tokens_per_s``: ``(n - 1) / (end - first)``, the tokens after the first over the time after the
  first, so that the prompt's processing is not in it. ``n`` is what the server counted: pieces of
  a stream are not tokens, so without a count there is no rate. None, too, for an answer that came
  in one piece or of one token. A server counts the token that ends an answer; its text is empty.

A value that was not measured is None.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.serving.chunks import BadChunk, Calls, Chunk, ServerSaid, ToolCall, Usage, read_chunk
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Exchange, Timeouts
from engine.serving.sse import EventReader, StreamTooLarge

MAX_ANSWER_BYTES = 16 * 2**20
"""An answer that is larger, with all that is wrapped around it, is given up."""

Message = dict[str, Any]
"""A turn as the API has it: ``role``, ``content``, and what else it knows."""

Kind = Literal["answer", "reasoning"]


@dataclass(frozen=True, slots=True)
class Ask:
    """How to answer. ``extra`` goes into the request as it is (``seed``, ``top_p``, ``tools``).

    A None in it leaves a field out, for an endpoint that does not take it: ``{"max_tokens": None,
    "max_completion_tokens": 64}``.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text, ``at_s`` seconds after the question set out."""

    text: str
    at_s: float
    kind: Kind = "answer"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Times in seconds; None was not measured (see above)."""

    text: str
    seconds: float
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    first_s: float | None = None
    tokens_per_s: float | None = None
    usage: Usage = field(default_factory=Usage)

    @property
    def cut_by_limit(self) -> bool:
        """Whether the limit of tokens ended it."""
        return self.finish_reason == "length"


class Chat:
    """A question on its way. Iterate it once, in one thread; ``cancel`` it from any.

    Iterating gives a ``Piece`` for each piece of text, then the ``Answer``. EndpointError says what
    went wrong, in a sentence; ``partial`` has the text that had come by then.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        messages: Sequence[Message],
        ask: Ask | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        """EndpointError for an address or a key that cannot be used; connects to nothing yet."""
        ask = ask or Ask()
        self._exchange = Exchange(endpoint, timeouts or Timeouts())
        body: dict[str, Any] = {
            "model": endpoint.model,
            "messages": list(messages),
            "max_tokens": ask.max_tokens,
            "temperature": ask.temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
            **({"stop": list(ask.stop)} if ask.stop else {}),
            **ask.extra,
        }
        self._body = {name: value for name, value in body.items() if value is not None}
        self._texts: dict[Kind, list[str]] = {"answer": [], "reasoning": []}
        self._calls = Calls()
        self._usage = Usage()
        self._reason: str | None = None
        self._first: float | None = None
        self._last = 0.0
        self._pieces = 0

    @property
    def partial(self) -> str:
        """The text so far."""
        return "".join(self._texts["answer"])

    def cancel(self) -> None:
        """Give the question up; the server is told by the end of the connection."""
        self._exchange.cancel()

    def __iter__(self) -> Iterator[Piece | Answer]:
        try:
            kind = self._exchange.open("/chat/completions", self._body)
            if kind == "application/json":
                yield from self._whole()
            elif kind == "text/event-stream":
                yield from self._streamed()
            else:
                what = self._exchange.hide(kind) or "something without a type"
                raise self._garbage(f"{what}, not an answer")
        finally:
            self._exchange.close()

    def answer(self) -> Answer:
        """The whole answer at once."""
        for update in self:
            if isinstance(update, Answer):
                return update
        raise AssertionError("a chat ends with its answer or an error")

    # --- reading ------------------------------------------------------------------

    def _streamed(self) -> Iterator[Piece | Answer]:
        reader, size, done = EventReader(), 0, False
        for data in self._exchange.read():
            size += len(data)
            if size > MAX_ANSWER_BYTES:
                raise self._too_much()
            try:
                events = reader.feed(data)
            except StreamTooLarge as error:
                raise self._too_much() from error
            now = time.monotonic()
            for event in events:
                if event.strip() == "[DONE]":
                    done = True
                    break
                yield from self._take(self._chunk(event), now)
            if done:
                break
        if not done and self._reason is None:
            raise EndpointError(
                f"{self._exchange.endpoint.shown} broke off in the middle of its answer.",
                "cut-off",
            )
        yield self._finished(streamed=True)

    def _whole(self) -> Iterator[Piece | Answer]:
        """An answer that came at once, from a server that does not stream."""
        data = bytearray()
        for piece in self._exchange.read():
            data += piece
            if len(data) > MAX_ANSWER_BYTES:
                raise self._too_much()
        chunk = self._chunk(data.decode("utf-8", "replace"))
        yield from self._take(chunk, time.monotonic())
        yield self._finished(streamed=False)

    def _chunk(self, text: str) -> Chunk:
        try:
            return read_chunk(text)
        except BadChunk as error:
            raise self._garbage(str(error)) from error
        except ServerSaid as error:
            said = self._exchange.hide(str(error)).rstrip(".")
            raise EndpointError(
                f"{self._exchange.endpoint.shown} gave up: {said or 'it does not say why'}.",
                "refused",
            ) from error

    def _take(self, chunk: Chunk, now: float) -> Iterator[Piece]:
        at = now - self._exchange.began
        if chunk.usage is not None:
            self._usage = chunk.usage
        self._calls.add(chunk)
        if chunk.text or chunk.reasoning or chunk.calls:
            self._pieces += 1
            if self._first is None:
                self._first = at
                self._exchange.arrived()
        if self._reason is None:
            self._last = at  # what comes after the end of the answer (its usage) is not timed
            self._reason = chunk.finish_reason
        kinds: tuple[tuple[Kind, str], ...] = (
            ("reasoning", chunk.reasoning),
            ("answer", chunk.text),
        )
        for kind, text in kinds:
            if text:
                self._texts[kind].append(text)
                yield Piece(text, at, kind)

    def _finished(self, *, streamed: bool) -> Answer:
        first = self._first if streamed else None
        return Answer(
            text=self.partial,
            seconds=self._last,
            reasoning="".join(self._texts["reasoning"]),
            tool_calls=self._calls.all(),
            finish_reason=self._reason,
            first_s=first,
            tokens_per_s=_rate(self._usage.completion_tokens, first, self._last, self._pieces),
            usage=self._usage,
        )

    def _garbage(self, what: str) -> EndpointError:
        return EndpointError(f"{self._exchange.endpoint.shown} sent {what}.", "garbage")

    def _too_much(self) -> EndpointError:
        return EndpointError(
            f"{self._exchange.endpoint.shown} sent more than an answer can be; it was given up.",
            "too-much",
        )


def _rate(tokens: int | None, first: float | None, last: float, pieces: int) -> float | None:
    if tokens is None or first is None or tokens < 2 or pieces < 2 or last <= first:
        return None
    return (tokens - 1) / (last - first)
