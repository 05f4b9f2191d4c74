"""Asks a teacher for training rows: checked one by one, no question twice, a part is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.judge.leakage import prompt_key, prompt_text
from engine.judge.scorers import CUSTOM
from engine.judge.suite_rows import BadRow, Reading, read_example
from engine.teaching.errors import TeachingError
from engine.teaching.reading import Check, Misfit
from engine.teaching.tasks import NOTHING, Brief, lines_of
from engine.teaching.teacher import Teacher, Told
from engine.teaching.templates import fill

BATCH = 20
"""Rows that one call asks for: a reply that is cut off loses little."""

ROUNDS = 3
"""How often what is still missing is asked for."""

SHOWN_EXAMPLES = 12
SHOWN_WRITTEN = 40
WARMTH = 0.8
"""Temperature where the server's own is unknown: mlx_lm.server's is 0, and a list of the same."""

MAX_ROWS = 10_000

LONGEST_CATEGORY = 60
WORDS_OF_CATEGORY = 4


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of a teacher. ``asked`` is how many were wanted; ``left_out`` says what was not kept,
    ``calls`` name the lines of the ledger, ``call_of`` the call that each row is from."""

    rows: list[dict[str, Any]]
    asked: int
    call_of: list[str]
    calls: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


async def generate_rows(
    teacher: Teacher,
    brief: Brief,
    n: int,
    *,
    examples: Sequence[Mapping[str, Any]] = (),
    focus: str = "",
    known: Sequence[str] = (),
    batch: int = BATCH,
) -> Written:
    """Up to ``n`` chat rows ``{"messages": […], "category"?}``, without a system turn.

    The answer of each is one that the target's scorer can score. ``known`` are the keys of rows
    that are there already (``prompt_key``): they are not counted again. TeachingError where no row
    came at all, or a gold row stands among the examples; whatever ends it later is in ``left_out``.
    """
    brief.check_writable()
    if not 1 <= n <= MAX_ROWS:
        raise TeachingError(
            f"A teacher is asked for 1 to {MAX_ROWS:,} rows, not for {n:,}.", "task"
        )
    brief.gold.refuse("examples", examples)
    texts, notes = brief.texts(focus=("The focus", focus))
    values = {
        **texts,
        "examples": lines_of(examples[:SHOWN_EXAMPLES]),
        "form": brief.form,
    }
    written = Written([], n, [], notes=notes)
    seen = set(known)
    for _ in range(ROUNDS):
        missing = n - len(written.rows)
        sizes = [min(batch, missing - start) for start in range(0, missing, batch)]
        asked = [_batch(teacher, brief, values, written.rows, size) for size in sizes]
        replies = await asyncio.gather(*asked, return_exceptions=True)
        before = len(written.rows)
        failed = [_keep(written, reply, seen) for reply in replies]
        first = next((error for error in failed if error is not None), None)
        if first is not None and not written.rows:
            raise first
        if len(written.rows) in (n, before) or first is not None:
            break
    return written


async def _batch(
    teacher: Teacher,
    brief: Brief,
    values: Mapping[str, str],
    written: Sequence[Mapping[str, Any]],
    size: int,
) -> Told[list[dict[str, Any]]]:
    # What it wrote by itself that is gold is not said back to it either.
    shown_rows = [row for row in written[-SHOWN_WRITTEN:] if not brief.gold.holds(row)]
    done = [prompt_text(row) or "" for row in shown_rows]
    shown = "\n".join(json.dumps(text, ensure_ascii=False) for text in done) or NOTHING
    prompt = fill("generate", {**values, "written": shown, "n": str(size)})
    warmth = WARMTH if teacher.spec.temperature is None and not teacher.spec.official else None
    return await teacher.ask_rows(
        prompt, chat_row(brief.scorer), purpose="generate", temperature=warmth
    )


def _keep(
    written: Written, reply: Told[list[dict[str, Any]]] | BaseException, seen: set[str]
) -> TeachingError | None:
    """Add what is new of a reply; the error where there is none."""
    if isinstance(reply, TeachingError):
        written.left_out.append(str(reply))
        return reply
    if isinstance(reply, BaseException):
        raise reply
    written.calls.extend(reply.calls)
    written.left_out.extend(reply.left_out)
    written.notes.extend(one for one in reply.notes if one not in written.notes)
    again = 0
    for row in reply.value:
        key = prompt_key(row)
        if key is None or key in seen or len(written.rows) >= written.asked:
            again += key in seen
            continue
        seen.add(key)
        written.rows.append(row)
        written.call_of.append(reply.calls[-1])
    if again:
        written.left_out.append(f"{again} rows ask what another row asks.")
    return None


def chat_row(scorer: str) -> Check[dict[str, Any]]:
    """A check that makes a chat row of what a teacher wrote, in any of the forms of a suite's row.

    Its answer is one that ``scorer`` can score; a system turn is dropped, for the target has its
    own. An answer that came as an object is that object's JSON text.
    """
    # What a custom scorer wants is known to itself alone.
    reading = Reading("exact" if scorer == CUSTOM else scorer, None, _no_database)

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Misfit("it is no object")
        try:
            line = json.dumps(value, ensure_ascii=False).encode()
            example = read_example(line, 1, reading)
        except BadRow as error:
            raise Misfit(str(error)) from error
        turns = [
            {"role": turn["role"], "content": turn["content"]}
            for turn in example.messages
            if turn["role"] in ("user", "assistant")
        ]
        roles = [turn["role"] for turn in turns]
        if roles != ["user", "assistant"] * (len(turns) // 2) + ["user"]:
            raise Misfit("its turns are not the user's and the assistant's by turns")
        row: dict[str, Any] = {
            "messages": [*turns, {"role": "assistant", "content": example.expected}]
        }
        if example.slice and _is_name(example.slice):
            row["category"] = example.slice
        return row

    return check


def _is_name(category: str) -> bool:
    """Whether it is the short name that was asked for: a sentence may be anything, a question of
    the gold set as well."""
    few = len(category) <= LONGEST_CATEGORY and len(category.split()) <= WORDS_OF_CATEGORY
    return few and category.isprintable()


def _no_database(name: str) -> Any:
    raise BadRow(f"names a database ({name[:40]}), which a teacher cannot make")
