"""One request to a teacher: room for it in the budget, its lines in the ledger, patience.

A server that is busy, failing or gone is asked again, after as long as it says, else after longer
each time; everyone who asks this teacher waits meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from engine.records.base import utc_now
from engine.records.teaching import CallEnded, CallMade, Turn
from engine.teaching.budget import Budget, Reserved
from engine.teaching.errors import TeachingError
from engine.teaching.ledger import Ledger
from engine.teaching.naming import TeacherSpec
from engine.teaching.prices import price_of
from engine.teaching.wire import Reply, Wire

ATTEMPTS = 5
"""How often one request is sent when the server is busy, failing or gone."""

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 90.0
"""A server that wants to be left alone for longer is not waited for."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A call that was answered. ``cost`` in US dollars; None where it is not known."""

    call: str
    reply: Reply
    cost: float | None


class Calls:
    """Makes the requests of one teacher, as many at once as it takes."""

    def __init__(
        self,
        spec: TeacherSpec,
        wire: Wire,
        ledger: Ledger,
        budget: Budget,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.spec = spec
        self.ledger = ledger
        self.budget = budget
        self.price = price_of(spec)
        self._wire = wire
        self._sleep = sleep
        self._room = asyncio.Semaphore(spec.concurrency)
        self._quiet_until = 0.0

    async def send(
        self, turns: Sequence[Turn], purpose: str, max_tokens: int, temperature: float | None
    ) -> Heard:
        """One request that has an answer, after as many as the server needs."""
        async with self._room:
            for attempt in range(1, ATTEMPTS + 1):
                if (quiet := self._quiet_until - time.monotonic()) > 0:
                    await self._sleep(quiet)
                try:
                    return await self._once(turns, purpose, max_tokens, temperature)
                except TeachingError as error:
                    wait = _wait_s(error, attempt)
                    if wait is None:
                        raise
                    # For everyone: whoever is next would be sent away as well.
                    self._quiet_until = max(self._quiet_until, time.monotonic() + wait)
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self, turns: Sequence[Turn], purpose: str, max_tokens: int, temperature: float | None
    ) -> Heard:
        tokens_in = estimate_tokens(turns)
        most = None if self.price is None else self.price.cost(tokens_in, max_tokens)
        reserved = self.budget.reserve(tokens_in + max_tokens, most)
        try:
            made = self.ledger.asked(
                turns,
                teacher=self.spec.name,
                model=self.spec.model,
                url=self.spec.url,
                purpose=purpose,
                max_tokens=max_tokens,
                temperature=temperature,
                reserved_tokens=reserved.tokens,
                reserved_usd=reserved.usd,
            )
        except BaseException:
            self.budget.release(reserved)
            raise
        began = time.monotonic()
        try:
            reply = await self._wire.send(turns, max_tokens, temperature)
        except BaseException as error:
            self._ended_badly(made, reserved, tokens_in, error, time.monotonic() - began)
            raise
        cost = self._ended_well(made, reserved, tokens_in, reply)
        return Heard(made.call, reply, cost)

    def _ended_well(
        self, made: CallMade, reserved: Reserved, estimate: int, reply: Reply
    ) -> float | None:
        tokens_in = estimate if reply.tokens_in is None else reply.tokens_in
        tokens_out = reply.tokens_out
        if tokens_out is None:
            tokens_out = _tokens_of(reply.text) + _tokens_of(reply.reasoning)
        counted = 0.0 if self.price is None else self.price.cost(tokens_in, tokens_out)
        known = reply.tokens_in is not None and reply.tokens_out is not None
        cost = counted if known and self.price is not None else None
        self.budget.settle(reserved, tokens_in + tokens_out, counted)
        self.ledger.ended(
            CallEnded(
                call=made.call,
                t=utc_now(),
                reply=reply.text,
                reasoning=reply.reasoning or None,
                finish_reason=reply.finish_reason,
                model=reply.model,
                tokens_in=reply.tokens_in,
                tokens_out=reply.tokens_out,
                cost_usd=cost,
                price=None if self.price is None else self.price.source,
                counted_tokens=tokens_in + tokens_out,
                counted_usd=counted,
                seconds=reply.seconds,
                error=reply.error,
                code="cut-off" if reply.error else None,
            )
        )
        return cost

    def _ended_badly(
        self,
        made: CallMade,
        reserved: Reserved,
        estimate: int,
        error: BaseException,
        seconds: float,
    ) -> None:
        """What a call without an answer counts: nothing where the server said no, the prompt where
        it may have read it."""
        code = error.code if isinstance(error, TeachingError) else "cancelled"
        read = 0 if code in ("refused", "rate-limit", "server", "connect") else estimate
        usd = 0.0 if self.price is None else self.price.cost(read, 0)
        self.budget.settle(reserved, read, usd)
        text = str(error) if isinstance(error, TeachingError) else "The question was given up."
        ended = CallEnded(
            call=made.call,
            t=utc_now(),
            counted_tokens=read,
            counted_usd=usd,
            seconds=seconds,
            error=text,
            code=code,
        )
        with contextlib.suppress(TeachingError):  # the first error is the one to tell
            self.ledger.ended(ended)


def estimate_tokens(turns: Sequence[Turn]) -> int:
    """At most so many tokens are in these turns, nearly always: a token has some four bytes of
    English and rarely under three of anything."""
    return sum(_tokens_of(turn.content) + 8 for turn in turns)


def _tokens_of(text: str) -> int:
    return math.ceil(len(text.encode("utf-8", "replace")) / 3)


def _wait_s(error: TeachingError, attempt: int) -> float | None:
    """Seconds before the next attempt; None where none is made."""
    if not error.passes or attempt >= ATTEMPTS:
        return None
    if error.wait_s is not None:
        return error.wait_s if error.wait_s <= LONGEST_WAIT_S else None
    return float(FIRST_WAIT_S * 2 ** (attempt - 1) * random.uniform(0.75, 1.25))
