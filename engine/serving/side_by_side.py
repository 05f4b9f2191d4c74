"""One prompt to several endpoints at once, as plain updates in the order in which they come.

For a screen that draws base and candidate beside each other. Models that share an accelerator slow
each other down: the rates here are of *this* moment, and ``engine.serving.latency`` measures what
counts as evidence, one request at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

from engine.serving.chat import Answer, Ask, Chat, Message, Piece
from engine.serving.endpoint import Endpoint, EndpointError
from engine.serving.exchange import Timeouts


@dataclass(frozen=True, slots=True)
class Failed:
    """One side gave no whole answer: a sentence, its kind (EndpointError), the text so far."""

    text: str
    code: str
    partial: str = ""


@dataclass(frozen=True, slots=True)
class Update:
    """What came from one side: text, its whole answer, or why there is none."""

    side: str
    what: Piece | Answer | Failed

    @property
    def last(self) -> bool:
        """Whether this side has ended."""
        return not isinstance(self.what, Piece)


async def side_by_side(
    sides: Mapping[str, Endpoint],
    messages: Sequence[Message],
    ask: Ask | None = None,
    timeouts: Timeouts | None = None,
) -> AsyncGenerator[Update, None]:
    """Ask all sides concurrently; ends when each has given its ``last`` update.

    Raises nothing for a side that fails: the others go on. Closing the generator (or cancelling the
    task that iterates it) cancels what still runs::

        async with contextlib.aclosing(side_by_side(sides, messages)) as updates:
            async for update in updates: ...
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Update] = asyncio.Queue()
    chats: list[Chat] = []
    threads: list[threading.Thread] = []

    def put(update: Update) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody looks any more
            loop.call_soon_threadsafe(queue.put_nowait, update)

    def listen(side: str, chat: Chat) -> None:
        try:
            for what in chat:
                put(Update(side, what))
        except EndpointError as error:
            put(Update(side, Failed(str(error), error.code, chat.partial)))
        except Exception as error:  # noqa: BLE001 - a side that ended without a word would hang all
            text = f"Reading the answer failed: {type(error).__name__}."
            put(Update(side, Failed(text, "garbage", chat.partial)))

    for side, endpoint in sides.items():
        try:
            chat = Chat(endpoint, messages, ask, timeouts)
        except EndpointError as error:
            queue.put_nowait(Update(side, Failed(str(error), error.code)))
            continue
        chats.append(chat)
        threads.append(
            threading.Thread(target=listen, args=(side, chat), daemon=True, name=f"ask {side}")
        )
    try:
        for thread in threads:
            thread.start()
        left = len(sides)
        while left:
            update = await queue.get()
            left -= update.last
            yield update
    finally:
        for chat in chats:
            chat.cancel()
