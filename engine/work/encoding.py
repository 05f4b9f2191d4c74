"""From a row of training data to token ids, as mlx-lm's datasets make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Encoded = tuple[list[int], int]
"""Token ids of a row and the index of the first one that counts."""


def encode_row(row: dict[str, Any], tokenizer: Any, mask_prompt: bool) -> Encoded:
    """A row as tokens. Whatever the model's chat template raises comes through."""
    if (text := _plain(row)) is not None:
        return _ended(list(tokenizer.encode(text)), tokenizer), 0
    messages, tools = _turns(row)
    tokens = tokenizer.apply_chat_template(messages, tools=tools, return_dict=False)
    if not mask_prompt:
        return tokens, 0
    prompt = tokenizer.apply_chat_template(
        messages[:-1],
        tools=tools,
        add_generation_prompt=_answered(messages),
        return_dict=False,
    )
    return tokens, _common_prefix(tokens, prompt)


def encode_together(
    rows: Sequence[dict[str, Any]], tokenizer: Any, mask_prompt: bool
) -> list[Encoded] | None:
    """As ``encode_row`` for each row; the tokenizer gets all texts at once and shares them among
    the cores. None where that cannot be done: a tokenizer with a way of its own from a conversation
    to tokens, or a row that cannot be taken, which ``encode_row`` then finds.
    """
    inner = getattr(tokenizer, "_tokenizer", None)
    if not rows or not getattr(inner, "is_fast", False):
        return None
    try:
        found = _together(rows, tokenizer, inner, mask_prompt)
        return found if found[0] == encode_row(rows[0], tokenizer, mask_prompt) else None
    except Exception:  # noqa: BLE001 - whatever it is: it comes again from the row that it is of
        return None


def _together(
    rows: Sequence[dict[str, Any]], tokenizer: Any, inner: Any, mask_prompt: bool
) -> list[Encoded]:
    texts = [_plain(row) for row in rows]
    plain = {at: text for at, text in enumerate(texts) if text is not None}
    whole: dict[int, str] = {}
    prompts: dict[int, str] = {}
    for at, row in enumerate(rows):
        if at in plain:
            continue
        messages, tools = _turns(row)
        whole[at] = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
        if mask_prompt:
            prompts[at] = tokenizer.apply_chat_template(
                messages[:-1],
                tools=tools,
                add_generation_prompt=_answered(messages),
                tokenize=False,
            )

    def ids(texts: dict[int, str], special: bool) -> dict[int, list[int]]:
        if not texts:
            return {}
        made = inner(
            list(texts.values()),
            add_special_tokens=special,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        return dict(zip(texts, made, strict=True))

    found = {at: (_ended(tokens, tokenizer), 0) for at, tokens in ids(plain, True).items()}
    before = ids(prompts, False)
    for at, tokens in ids(whole, False).items():
        found[at] = tokens, _common_prefix(tokens, before[at]) if mask_prompt else 0
    return [found[at] for at in range(len(rows))]


def _plain(row: dict[str, Any]) -> str | None:
    """The text of a row that is no conversation."""
    return row["text"] if "text" in row and "messages" not in row else None


def _turns(row: dict[str, Any]) -> tuple[list[dict[str, Any]], Any]:
    """The turns of a conversation, and its tools."""
    if "messages" in row:
        return row["messages"], row.get("tools")
    return [
        {"role": "user", "content": row["prompt"]},
        {"role": "assistant", "content": row["completion"]},
    ], row.get("tools")


def _answered(messages: list[dict[str, Any]]) -> bool:
    """Whether the last turn is the model's: then its prompt ends where an answer begins."""
    return bool(messages[-1].get("role") == "assistant")


def _ended(tokens: list[int], tokenizer: Any) -> list[int]:
    """A text's tokens with the end of a text behind them."""
    if not tokens or tokens[-1] != tokenizer.eos_token_id:
        tokens.append(tokenizer.eos_token_id)
    return tokens


def _common_prefix(tokens: list[int], prompt: list[int]) -> int:
    """How many tokens of the prompt stand at the start of the row.

    That is the whole prompt, unless the template writes a prompt otherwise once its answer
    follows; then the loss begins where they part, as the model never sees the prompt's rest.
    """
    pairs = enumerate(zip(tokens, prompt, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(tokens), len(prompt)))
