"""How large a model fits a memory, to be asked or to be trained: rules of thumb, said as such.

Bytes a parameter follow from MLX's formats: weights packed in groups of 64 carry two numbers of 16
bits a group, so 4 bits are 4.5 and 8 bits are 8.5. What is left beside the weights is for the
cache of keys and values, activations, gradients and the adapter's optimizer; how much a run really
needs is what a benchmark of the model says (``factory-tui bench``).
"""

from __future__ import annotations

BYTES = {"4-bit": 4.5 / 8, "8-bit": 8.5 / 8, "bf16": 2.0}
"""Bytes a parameter by format."""

ASKED = 0.8
"""Share of the memory that weights may take where a model is only asked."""

TRAINED = 0.5
"""Share that frozen weights may take under LoRA, with short rows and small batches."""


def largest(room: float, form: str, share: float) -> float:
    """The most parameters of a format whose weights take at most ``share`` of ``room`` bytes."""
    return room * share / BYTES[form]


def fits(room: float) -> str:
    """In words, for ``room`` bytes that model, cache and activations share."""
    asked = ", ".join(f"{form} {_count(largest(room, form, ASKED))}" for form in BYTES)
    trained = ", ".join(
        f"{form} {_count(largest(room, form, TRAINED))}" for form in ("4-bit", "bf16")
    )
    return f"the largest model that fits, about: to ask {asked}; to train with LoRA {trained}"


def _count(parameters: float) -> str:
    """1.6e9 as "1.6 B": rounded down, for it has to fit."""
    billions = parameters / 1e9
    if billions >= 10:
        return f"{int(billions)} B"
    return f"{int(billions * 10) / 10:.1f} B" if billions >= 0.1 else f"{int(billions * 1e3)} M"
