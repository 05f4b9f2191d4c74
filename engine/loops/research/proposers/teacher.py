"""A proposal by a teacher: it is shown the rules, the tries and the files, and returns a diff."""

from __future__ import annotations

import time
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from engine.loops.asking import Asking
from engine.loops.research.proposers.checkout import apply_to
from engine.loops.research.proposers.proposed import (
    Proposed,
    ProposerError,
    description_of,
    one_line,
)
from engine.loops.research.worktree import Worktree
from engine.records.base import Record
from engine.records.teaching import SaidOptionalText, SaidText
from engine.teaching.blocking import with_teacher
from engine.teaching.errors import TeachingError
from engine.teaching.reading import Misfit

DIFF_CHARACTERS = 200_000
RATIONALE = 4000


def _lines(value: Any) -> Any:
    """A list of lines is those lines, blank ones too; the last line has an end."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = "\n".join(one.rstrip("\n") for one in value)
    return f"{value}\n" if isinstance(value, str) and not value.endswith("\n") else value


class RecipeChange(Record):
    """What a teacher answers."""

    diff: Annotated[str, BeforeValidator(_lines), Field(pattern=r"\S")]
    """As it came: blanks at its ends are a part of it."""
    description: SaidText = ""
    rationale: SaidOptionalText = None


def by_teacher(asking: Asking, prompt: str, worktree: Worktree, *, limit_s: float) -> Proposed:
    """Ask, and apply the diff that comes to the worktree, which is clean and at the best.

    ProposerError: ``apply`` where it does not fit, ``empty`` where it changes nothing, ``limit``
    where it took too long, and the code of a TeachingError where none came. TreeError where git
    fails.
    """
    until = time.monotonic() + limit_s

    def check() -> None:
        asking.check()
        if time.monotonic() > until:
            raise ProposerError(
                f"{asking.teacher} took over {limit_s:g} s and was not waited for.", "limit"
            )

    try:
        told = with_teacher(
            asking.teacher,
            asking.ledger,
            lambda teacher: teacher.ask(prompt, read_change, purpose="recipe"),
            workspace=asking.workspace,
            budget=asking.budget,
            check=check,
        )
    except TeachingError as error:
        raise ProposerError(str(error), error.code) from error
    changed = apply_to(worktree, told.value.diff)
    tokens = None
    if told.tokens_in is not None and told.tokens_out is not None:
        tokens = told.tokens_in + told.tokens_out
    return Proposed(
        by=asking.teacher,
        description=description_of(told.value.description) or one_line(changed),
        rationale=one_line(told.value.rationale or "", RATIONALE) or None,
        tokens=tokens,
        usd=told.cost_usd,
        notes=(*told.notes, *told.left_out),
    )


def read_change(value: Any) -> RecipeChange:
    """A change out of a JSON value; Misfit where there is no diff in it."""
    if not isinstance(value, dict):
        raise Misfit("a change is one object with a diff")
    try:
        change = RecipeChange.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Misfit(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if len(change.diff) > DIFF_CHARACTERS:
        raise Misfit(f"diff: over {DIFF_CHARACTERS:,} characters; change less")
    return change
