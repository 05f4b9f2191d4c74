"""The examples of a suite as a model reads them: token ids, by the model's own chat template."""

from __future__ import annotations

from typing import Any

from engine.judge.suites import Example, Suite
from engine.work.runtime import Refusal


def prompts_of(tokenizer: Any, suite: Suite) -> list[list[int]]:
    """The token ids of each example's prompt. Refusal for one that the template does not take."""
    return [_prompt(tokenizer, suite, example) for example in suite.examples]


def _prompt(tokenizer: Any, suite: Suite, example: Example) -> list[int]:
    """Token ids, so that the start token is not added a second time to the template's own."""
    try:
        tokens = tokenizer.apply_chat_template(
            list(example.messages),
            tools=list(example.tools) or None,
            add_generation_prompt=True,
            return_dict=False,
        )
    except Exception as error:  # a template may raise anything: it is input
        raise Refusal(
            f"The model's chat template does not take example {example.id} of suite "
            f"{suite.name} ({type(error).__name__}: {error})."
        ) from error
    if not tokens:
        raise Refusal(
            f"The model's chat template makes nothing of example {example.id} of {suite.name}."
        )
    return [int(token) for token in tokens]
