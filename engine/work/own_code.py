"""Models that bring a program of their own: it is never run, and nobody is asked about it.

``config.json`` may name one for mlx-lm (``model_file``), and ``auto_map`` may name one for
transformers, also for the tokenizer. What is loaded here is of an architecture that mlx-lm has.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.work.runtime import Refusal

TOKENIZER: dict[str, Any] = {"trust_remote_code": False}
"""What a tokenizer is loaded with. Left out, transformers would ask on stdin."""


def refuse_own_code(path: Path, name: str) -> None:
    """Refusal where a model directory names a program of its own for mlx-lm. Not every version of
    mlx-lm asks before it runs one."""
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return  # whoever loads it says what is wrong with it
    if isinstance(config, dict) and config.get("model_file") is not None:
        raise Refusal(
            f"{name} brings a program of its own (model_file in config.json), and such a program "
            "is not run here. Take a model of an architecture that mlx-lm has."
        )
