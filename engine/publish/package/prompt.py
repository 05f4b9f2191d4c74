"""``prompt.md``: how the specialist is asked, so that it reads what it was trained on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.helper import ask
from engine.publish.markdown import escape, visible
from engine.publish.numbers import NOT_RECORDED
from engine.records.package import LockedBase, LockedPrompt

HELPER = "engine.work.specialist"
RENDER_S = 120.0

_FENCE = re.compile(r"`{3,}")


@dataclass(frozen=True, slots=True)
class Rendered:
    """A question as the model reads it: ``text``, and how many tokens that is."""

    text: str
    tokens: int


def rendered(model: Path, prompt: LockedPrompt, *, named: Iterable[str]) -> Rendered:
    """The base model's chat template applied to a question, in a child that gets no keys, ``named``
    ones neither. HelperError."""
    request = {
        "model": str(model),
        "messages": prompt.messages,
        "max_new_tokens": prompt.max_new_tokens,
        "answer": False,
    }
    found = ask(HELPER, request, timeout_s=RENDER_S, named=named)
    return Rendered(str(found["rendered"]), int(found["tokens"]))


def prompt_page(prompt: LockedPrompt, base: LockedBase, shown: Rendered | None, why: str) -> str:
    """The text of ``prompt.md``; ``why`` says why nothing could be rendered."""
    return "\n".join(_lines(prompt, base, shown, why)) + "\n"


def _lines(
    prompt: LockedPrompt, base: LockedBase, shown: Rendered | None, why: str
) -> Iterator[str]:
    system = [one["content"] for one in prompt.messages if one["role"] == "system"]
    yield from ("# How it is asked", "", "## System prompt", "")
    if system:
        yield from ("It was trained and judged with this one; without it, expect less.", "")
        yield from fenced(str(system[0]))
    else:
        yield "None: it was judged without a system prompt."
    yield from ("", "## How a prompt is rendered", "")
    digest = base.chat_template_sha256 or NOT_RECORDED
    yield (
        f"The chat template of {escape(base.id)} (sha256 {digest}) is applied to the messages, and "
        "the sign that the assistant speaks next is added. Greedy, at most "
        f"{prompt.max_new_tokens} new tokens."
    )
    yield from ("", "## Example", "", f"Its words: {escape(prompt.origin)}.", "", "Messages:", "")
    yield from fenced(json.dumps(prompt.messages, indent=2, ensure_ascii=False), "json")
    yield ""
    if shown is None:
        yield f"Rendered: {NOT_RECORDED}. {escape(why)}"
    else:
        yield from (f"Rendered, {shown.tokens} tokens:", "", *fenced(shown.text))


def fenced(text: str, language: str = "") -> list[str]:
    """A text as a block of code that nothing in it can end."""
    longest = max((len(one) for one in _FENCE.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return [f"{fence}{language}", *(visible(line) for line in text.split("\n")), fence]
