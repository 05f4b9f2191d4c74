"""What teachers may cost: tokens, money, calls. A call that could pass a limit is not made.

Before a call the most that it can take is reserved (an estimate of the prompt, and all the tokens
it may answer with); after it what it took is counted. So many calls at once cannot pass the limit
together. Any thread may ask.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from engine.records.loop import Spent
from engine.teaching.errors import TeachingError


@dataclass(frozen=True, slots=True)
class Caps:
    """None is no limit. Money in US dollars; a call whose price is not known counts as none."""

    tokens: int | None = None
    usd: float | None = None
    calls: int | None = None


@dataclass(frozen=True, slots=True)
class Reserved:
    """What a call may take. ``usd`` None: its price is not known."""

    tokens: int
    usd: float | None


class Budget:
    """``spent`` is what earlier sittings took (``ledger.spent_in``)."""

    def __init__(self, caps: Caps | None = None, spent: Spent | None = None) -> None:
        self.caps = caps or Caps()
        self._spent = spent.model_copy() if spent is not None else Spent()
        self._held: list[Reserved] = []
        self._lock = threading.Lock()

    @property
    def spent(self) -> Spent:
        """What is counted so far, without calls that are on their way."""
        with self._lock:
            return self._spent.model_copy()

    def reserve(self, tokens: int, usd: float | None) -> Reserved:
        """Room for one call; TeachingError (``budget``) says which limit it could pass."""
        wanted = Reserved(tokens, usd)
        with self._lock:
            held = self._held
            self._check("calls", self._spent.calls + len(held), 1, self.caps.calls)
            taken = self._spent.tokens + sum(one.tokens for one in held)
            self._check("tokens", taken, tokens, self.caps.tokens)
            money = self._spent.usd + sum(one.usd or 0.0 for one in held)
            self._check("dollars", money, usd or 0.0, self.caps.usd)
            held.append(wanted)
        return wanted

    def settle(self, reserved: Reserved, tokens: int, usd: float) -> None:
        """The call has ended and took this much."""
        with self._lock:
            self._held.remove(reserved)
            self._spent.calls += 1
            self._spent.tokens += tokens
            self._spent.usd += usd

    def release(self, reserved: Reserved) -> None:
        """The call was not made."""
        with self._lock:
            self._held.remove(reserved)

    @staticmethod
    def _check(what: str, taken: float, more: float, cap: float | None) -> None:
        if cap is None or taken + more <= cap:
            return

        def shown(number: float) -> str:
            return f"${number:.2f}" if what == "dollars" else f"{number:,.0f} {what}"

        raise TeachingError(
            f"The budget for teachers is {shown(cap)}. {shown(taken)} are spent or on their way, "
            f"and the next call could take {shown(more)}. It was not made.",
            "budget",
        )
