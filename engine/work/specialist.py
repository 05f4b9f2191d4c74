"""Renders one question as a specialist reads it, and has it answered.

A helper child (see ``engine.work.helper``). Request::

    {"model": DIR, "adapter": DIR | null, "messages": [turns], "max_new_tokens": N, "answer": true}

Answer: ``rendered`` (the chat template applied) and its ``tokens``; where it was to answer also
``text``, ``answer_tokens``, ``cut_off``, ``seconds`` (of the answer alone), ``mlx_peak_mb`` and
``peak_rss_mb`` (units of 2**20 bytes).
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

from engine.work import blas, helper
from engine.work.helper import Send
from engine.work.models import load_whole
from engine.work.own_code import TOKENIZER
from engine.work.runtime import Refusal


def answer(request: dict[str, Any], send: Send) -> dict[str, Any]:
    """Refusal where the model cannot be loaded, or its template does not take the messages."""
    path, messages = Path(request["model"]), list(request["messages"])
    blas.prepare()
    if not request["answer"]:
        return _rendered(_tokenizer(path), messages)[0]
    adapter = Path(request["adapter"]) if request.get("adapter") else None
    model, tokenizer, _ = load_whole(path, path.name, adapter)
    found, tokens = _rendered(tokenizer, messages)
    import mlx.core as mx

    from engine.work.generation import How, one_by_one

    said = next(one_by_one(model, tokenizer, [tokens], How(int(request["max_new_tokens"]))))
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        **found,
        "text": said.text,
        "answer_tokens": said.tokens,
        "cut_off": said.cut_off,
        "seconds": said.latency_ms / 1000,
        "mlx_peak_mb": mx.get_peak_memory() / 2**20,
        # Bytes on macOS, KiB elsewhere.
        "peak_rss_mb": rss / (2**20 if sys.platform == "darwin" else 2**10),
    }


def _tokenizer(path: Path) -> Any:
    from mlx_lm.utils import load_tokenizer

    try:
        return load_tokenizer(path, TOKENIZER)
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise Refusal(f"The model's tokenizer cannot be loaded ({first}).") from error


def _rendered(tokenizer: Any, messages: list[Any]) -> tuple[dict[str, Any], list[int]]:
    try:
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        tokens = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=False
        )
    except Exception as error:  # a template may raise anything: it is input
        raise Refusal(
            f"The model's chat template does not take the prompt ({type(error).__name__}: "
            f"{str(error)[:200]})."
        ) from error
    if not tokens:
        raise Refusal("The model's chat template makes nothing of the prompt.")
    return {"rendered": text, "tokens": len(tokens)}, [int(one) for one in tokens]


if __name__ == "__main__":
    helper.serve(answer)
