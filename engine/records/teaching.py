"""What teachers are asked and what they answer: plans, findings about rows, the ledger of calls.

Teachers are models: a number comes as text, nothing comes as null, a text comes as a list. What is
meant without doubt is read; what is not is an error that names the field, and nothing is made up.
"""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from engine.records.base import Record, Sha256, Text, UtcTime

# --- lenient values ----------------------------------------------------------------------


def _text(value: Any) -> Any:
    """Null is no text; a list of texts is its lines; a number is its digits."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "\n".join(one.strip() for one in value if one.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    return value


def _optional_text(value: Any) -> Any:
    return _text(value) or None


_NUMBER = re.compile(
    r"(?:\+\s*)?(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*(?:pp|%|percentage points|points|rows)?\.?",
    re.IGNORECASE,
)


def _number(value: Any) -> Any:
    """``"20"``, ``"+2.5 pp"`` and ``"3%"`` are numbers; ``"2 to 4"`` is not one."""
    if isinstance(value, bool):
        return "true" if value else "false"  # no number, and pydantic says so
    if not isinstance(value, str):
        return value
    text = value.strip().replace("−", "-")
    if not text or text.casefold() in ("null", "none", "n/a"):
        return None
    found = _NUMBER.fullmatch(text)
    if found is None:
        return value
    number = float(found[1])
    return int(number) if math.isfinite(number) and number.is_integer() else number


def _patches(value: Any) -> Any:
    """Null and an empty list change nothing; an object that came as JSON text is that object."""
    if value in (None, [], ""):
        return {}
    if isinstance(value, str):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


SaidText = Annotated[str, BeforeValidator(_text)]
SaidOptionalText = Annotated[str | None, BeforeValidator(_optional_text)]
SaidFloat = Annotated[float | None, BeforeValidator(_number)]
SaidCount = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(_number)]
SaidPatches = Annotated[dict[str, Any], BeforeValidator(_patches)]

# --- answers -----------------------------------------------------------------------------


class ExperimentPlan(Record):
    """What to try next. What the patches may touch is not decided by whoever wrote them."""

    hypothesis: Annotated[Text, BeforeValidator(_text)]
    rationale: SaidOptionalText = None
    config_patches: SaidPatches = Field(default_factory=dict)
    """For this iteration alone: flat names of settings (``training.learning_rate``), or nested."""
    forge_yaml_patches: SaidPatches = Field(default_factory=dict)
    """To stay."""
    background_additions: SaidOptionalText = None
    augment_focus: SaidOptionalText = None
    augment_n: SaidCount = None
    expected_improvement_pp: SaidFloat = None
    """In percentage points of the score."""


Severity = Literal["error", "warning", "info", "ok"]


def _severity(value: Any) -> Any:
    return value.strip().casefold() if isinstance(value, str) else value


class RowReview(Record):
    """What a teacher says of one training row. ``index`` is its place in the list that was asked
    about, from 0. The fix is a suggestion: nobody has followed it yet."""

    index: Annotated[int, BeforeValidator(_number), Field(ge=0)]
    severity: Annotated[Severity, BeforeValidator(_severity)]
    issue: SaidText = ""
    suggested_fix: Any = None
    """A text, or a whole row; None where there is none."""


# --- the ledger --------------------------------------------------------------------------


class Turn(Record):
    role: Literal["user", "assistant"]
    content: str


class CallMade(Record):
    """A line that is written before a request is sent: what a call that nobody heard the end of
    may have cost."""

    kind: Literal["asked"] = "asked"
    call: Text
    t: UtcTime
    teacher: Text
    """The name it was asked for by, as in forge.yaml."""
    model: Text
    url: Text
    purpose: Text
    turns: list[Turn]
    prompt_sha256: Sha256
    """Of the first turn: the prompt."""
    max_tokens: int = Field(ge=1)
    temperature: float | None = None
    reserved_tokens: int = Field(ge=0)
    """The most it can take: an estimate of the prompt, and all of ``max_tokens``."""
    reserved_usd: float | None = None
    """None: the price is not known."""


class CallEnded(Record):
    """The line of the answer, or of what went wrong."""

    kind: Literal["answered"] = "answered"
    call: Text
    t: UtcTime
    reply: str | None = None
    reasoning: str | None = None
    finish_reason: str | None = None
    """``stop``, ``length`` (the limit of tokens ended it), ``broken-off`` (the connection ended),
    ``content_filter``; None is not known."""
    model: str | None = None
    """What the server says it was that answered."""
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    """None: the tokens or the price are not known. Never 0 for that."""
    price: str | None = None
    """Where the price is from."""
    counted_tokens: int = Field(default=0, ge=0)
    """What the budget counts: the server's number, or an estimate where it gave none."""
    counted_usd: float = Field(default=0.0, ge=0)
    seconds: float = Field(ge=0)
    error: str | None = None
    code: str | None = None
