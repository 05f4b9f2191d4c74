"""A teacher: asked for something of a shape, until it comes or the tries are over.

The prompt asks for JSON in words, since many local models know no tool calls and no JSON mode, and
the reply is read forgivingly (``reading``). What does not fit is shown to the model with the
reason, and it is asked again.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from engine.records.teaching import Turn
from engine.secrecy import Hider, key_names
from engine.serving.endpoint import EndpointError, address_of, key_of
from engine.teaching.budget import Budget
from engine.teaching.calls import Calls, Heard
from engine.teaching.errors import TeachingError
from engine.teaching.keys import environment
from engine.teaching.ledger import Ledger
from engine.teaching.naming import TeacherSpec, spec_for
from engine.teaching.reading import Check, Fit, by_schema, fit_many, fit_one, read_reply
from engine.teaching.templates import fill
from engine.teaching.wire import Reply, Wire
from engine.workspace import Workspace

T = TypeVar("T")
V = TypeVar("V")
N = TypeVar("N", int, float)

TRIES = 3
"""How often a teacher is asked for one thing: once, and again with what was wrong."""

_SHOWN_AGAIN = 6000
"""So many characters of a reply of no use are shown to the model that wrote it."""


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What a teacher said, and what it took. ``tries``: how often it was asked, 1 at best.

    Tokens and cost are of all tries; None where a server did not count, or the price is not known
    (``notes`` say so). ``left_out`` has a sentence for each thing that was not used; ``calls`` name
    the lines of the ledger.
    """

    value: T
    replies: tuple[str, ...]
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    tries: int
    calls: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def holding(
        self, value: V, *, left_out: Iterable[str] = (), notes: Iterable[str] = ()
    ) -> Told[V]:
        """The same telling with what its value was made into, and what was said of that."""
        return Told(
            value=value,
            replies=self.replies,
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            cost_usd=self.cost_usd,
            tries=self.tries,
            calls=self.calls,
            left_out=(*self.left_out, *left_out),
            notes=(*self.notes, *notes),
        )


class Teacher:
    """One model that teaches. Use it in one event loop, and ``close`` it there."""

    def __init__(self, calls: Calls, wire: Wire) -> None:
        self._calls = calls
        self._wire = wire
        self._hide = calls.ledger.hide

    @property
    def spec(self) -> TeacherSpec:
        return self._calls.spec

    @property
    def budget(self) -> Budget:
        return self._calls.budget

    async def close(self) -> None:
        """Let its connections go."""
        await self._wire.close()

    async def ask(
        self,
        prompt: str,
        schema: type[T] | Check[T],
        *,
        purpose: str = "ask",
        max_tokens: int | None = None,
        temperature: float | None = None,
        tries: int = TRIES,
    ) -> Told[T]:
        """One object of a shape. TeachingError where none came (``unusable``, with the replies),
        or none could come."""
        check = _check(schema)
        fit, heard = await self._ask(
            prompt,
            lambda text: fit_one(read_reply(text), check),
            purpose,
            max_tokens,
            temperature,
            tries,
        )
        return self._told(fit.values[0], fit, heard)

    async def ask_rows(
        self,
        prompt: str,
        schema: type[T] | Check[T],
        *,
        purpose: str = "rows",
        max_tokens: int | None = None,
        temperature: float | None = None,
        tries: int = TRIES,
    ) -> Told[list[T]]:
        """Every row of a shape, at least one: a part of what was asked for is kept."""
        check = _check(schema)
        fit, heard = await self._ask(
            prompt,
            lambda text: fit_many(read_reply(text), check),
            purpose,
            max_tokens,
            temperature,
            tries,
        )
        return self._told(list(fit.values), fit, heard)

    async def _ask(
        self,
        prompt: str,
        judge: Callable[[str], Fit[T]],
        purpose: str,
        max_tokens: int | None,
        temperature: float | None,
        tries: int,
    ) -> tuple[Fit[T], list[Heard]]:
        turns = [Turn(role="user", content=self._hide(prompt))]
        limit = max_tokens or self.spec.max_tokens
        warmth = self.spec.temperature if temperature is None else temperature
        heard: list[Heard] = []
        why = ""
        for _ in range(max(1, tries)):
            one = await self._calls.send(turns, purpose, limit, warmth)
            heard.append(one)
            fit = judge(one.reply.text)
            if fit.values:
                return fit, heard
            why = self._what_was_wrong(one.reply, fit.why, limit)
            turns = [
                turns[0],
                Turn(role="assistant", content=_shortened(one.reply.text)),
                Turn(role="user", content=fill("again", {"why": why})),
            ]
        times = "once" if len(heard) == 1 else f"{len(heard)} times"
        raise TeachingError(
            f"The teacher {self.spec.name} was asked {times} and gave nothing that can be used. "
            f"{why}",
            "unusable",
            replies=tuple(one.reply.text for one in heard),
        )

    def _what_was_wrong(self, reply: Reply, why: str, limit: int) -> str:
        why = self._hide(why) if reply.text.strip() else "The reply was empty."
        if reply.finish_reason == "length":
            why += f" It was ended by the limit of {limit:,} tokens: be shorter."
        elif reply.finish_reason == "content_filter":
            why += " A filter of the server ended it."
        elif reply.error:
            why += f" {reply.error}"
        return why

    def _told(self, value: V, fit: Fit[T], heard: Sequence[Heard]) -> Told[V]:
        last = heard[-1].reply
        left_out = [self._hide(one) for one in fit.left_out]
        if last.finish_reason == "length":
            left_out.append("The limit of tokens ended the reply.")
        elif last.error:
            left_out.append(last.error)
        notes = []
        tokens_in = known_sum(one.reply.tokens_in for one in heard)
        tokens_out = known_sum(one.reply.tokens_out for one in heard)
        if tokens_in is None or tokens_out is None:
            notes.append("The server did not count all tokens; the budget counts an estimate.")
        if self._calls.price is None:
            notes.append(f"The price of {self.spec.name} is not known and not counted.")
        return Told(
            value=value,
            replies=tuple(one.reply.text for one in heard),
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cost_usd=known_sum(one.cost for one in heard),
            tries=len(heard),
            calls=tuple(one.call for one in heard),
            left_out=tuple(left_out),
            notes=tuple(notes),
        )


@contextlib.asynccontextmanager
async def teacher_for(
    name: str,
    ledger: Path,
    *,
    workspace: Workspace | None = None,
    target: Path | None = None,
    budget: Budget | None = None,
) -> AsyncIterator[Teacher]:
    """The teacher called ``name`` (``naming`` says how), whose calls are kept in ``ledger``.

    Its key is from the environment or the ``.env`` of ``target``. TeachingError (``name``, ``key``,
    ``extra``) says what to do where it cannot be asked. Nothing is sent yet.
    """
    spec = spec_for(name, workspace)
    env = environment(target)
    try:
        key = key_of(spec.endpoint, address_of(spec.endpoint), env)
    except EndpointError as error:
        hint = " Or put it into the target's .env." if target is not None else ""
        raise TeachingError(f"{error}{hint}", "key") from error
    hide = Hider(env, key, named=key_names(workspace.path if workspace else None))
    wire = Wire(spec, key, hide)
    teacher = Teacher(Calls(spec, wire, Ledger(ledger, hide), budget or Budget()), wire)
    try:
        yield teacher
    finally:
        await teacher.close()


def known_sum(values: Iterable[N | None]) -> N | None:
    """The sum; None where one of them is not known, since then the whole is not."""
    total = None
    for value in values:
        if value is None:
            return None
        total = value if total is None else total + value
    return total


def _check(schema: type[T] | Check[T]) -> Check[T]:
    return by_schema(schema) if isinstance(schema, type) else schema


def _shortened(text: str) -> str:
    """A reply as it is shown again: its head and its tail. Never empty: no API takes that."""
    text = text.strip()
    if len(text) <= _SHOWN_AGAIN:
        return text or "(nothing)"
    half = _SHOWN_AGAIN // 2
    return f"{text[:half]}\n[…]\n{text[-half:]}"
