"""Asking a teacher from code that waits: a step of a loop, a command. Not inside an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from engine.teaching.budget import Budget
from engine.teaching.errors import TeachingError
from engine.teaching.teacher import Teacher, teacher_for
from engine.workspace import Workspace

T = TypeVar("T")

POLL_S = 0.2
"""How often ``check`` is called while the teacher is waited for."""


def _go_on() -> None:
    """Nobody wants it to stop."""


def with_teacher(
    name: str,
    ledger: Path,
    work: Callable[[Teacher], Awaitable[T]],
    *,
    workspace: Workspace | None = None,
    target: Path | None = None,
    budget: Budget | None = None,
    check: Callable[[], None] = _go_on,
) -> T:
    """What ``work`` gives, with the teacher that ``teacher_for`` finds; its errors pass through.

    ``check`` is called now and then; when it raises, the questions on their way are given up (and
    stand in the ledger as such), and what it raised passes through.
    """

    async def main() -> T:
        async with teacher_for(
            name, ledger, workspace=workspace, target=target, budget=budget
        ) as teacher:
            task = asyncio.ensure_future(work(teacher))
            try:
                while not task.done():
                    await asyncio.wait({task}, timeout=POLL_S)
                    check()
            except BaseException:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, TeachingError):
                    await task
                raise
            return task.result()

    return asyncio.run(main())
