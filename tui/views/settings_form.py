"""The settings that New run asks for, and how what was typed becomes overrides. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.records.target import Forge


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a target: ``key`` is its place in forge.yaml."""

    key: str
    label: str
    unit: str
    range: str
    help: str


SEED = Setting(
    "seed",
    "seed",
    "",
    "any whole number",
    "Data, batches and dropout follow from it. The same seed gives the same run.",
)

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "model.base",
        "base model",
        "",
        "a directory or a hub id",
        "What the run starts from, such as mlx-community/Qwen3-0.6B-4bit or a directory on this "
        "disk. Where the target makes its own base, only its name.",
    ),
    SEED,
    Setting(
        "factory.train.iters",
        "iterations",
        "steps",
        "1 or more",
        "How many batches are trained on. Without it: as many as the epochs of the target take.",
    ),
    Setting(
        "training.batch_size",
        "batch size",
        "rows",
        "1 or more",
        "Rows of one step. More are steadier and take more memory.",
    ),
    Setting(
        "training.gradient_accumulation_steps",
        "accumulation",
        "batches",
        "1 or more",
        "Batches that are summed before the weights move: a larger batch without its memory.",
    ),
    Setting(
        "training.learning_rate",
        "learning rate",
        "",
        "above 0, often 1e-5 to 2e-3",
        "How far one step moves. Too high forgets or becomes NaN; too low learns nothing.",
    ),
    Setting(
        "training.lr_scheduler",
        "schedule",
        "",
        "cosine, linear, constant",
        "How the learning rate falls after the warm-up.",
    ),
    Setting(
        "training.warmup_ratio",
        "warm-up",
        "share",
        "0 to 1",
        "The share of the steps in which the learning rate rises from zero.",
    ),
    Setting(
        "lora.r",
        "LoRA rank",
        "",
        "1 or more, often 8 to 64",
        "The width of the adapter: what it can hold, and how much it weighs.",
    ),
    Setting(
        "lora.alpha",
        "LoRA alpha",
        "",
        "above 0",
        "Its strength: the scale is alpha / rank. A scale of 20 can destroy a small model.",
    ),
    Setting("lora.dropout", "LoRA dropout", "share", "0 to below 1", "Against learning by heart."),
    Setting(
        "factory.data.rows",
        "training rows",
        "rows",
        "1 or more",
        "How many rows the generator makes; without a generator all canonical rows are used.",
    ),
    Setting(
        "factory.data.replay_share",
        "replay share",
        "share",
        "0 to below 1",
        "The share of training rows that keep old skills alive. 0 risks breadth.",
    ),
    Setting(
        "model.max_seq_len",
        "longest row",
        "tokens",
        "1 or more",
        "Longer rows are cut. Memory grows with it.",
    ),
    Setting(
        "factory.gates.primary_min",
        "primary at least",
        "score",
        "0 to 1",
        "The bound that the candidate must reach. Frozen when the run is made.",
    ),
    Setting(
        "factory.gates.breadth_drop_max_pp",
        "breadth drop at most",
        "pp",
        "0 or more",
        "How many percentage points the regression suites may lose. Frozen when the run is made.",
    ),
)

MORE = Setting(
    "more",
    "more settings",
    "",
    "key=value key=value …",
    "Any other key of forge.yaml, as --set takes it: training.weight_decay=0 eval.scorer=exact",
)


def value_text(forge: Forge, key: str) -> str:
    """The target's own value for a key, as one would type it; "" where it has none."""
    value: Any = forge
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
        if value is None:
            return ""
    return as_typed(value)


def as_typed(value: object) -> str:
    """A value as one would type it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return re.sub(r"e([+-])0+", r"e\1", f"{value:g}").replace("e+", "e")
    return "" if value is None else str(value)


class FormError(ValueError):
    """Something typed that cannot be an override; the text says what."""


def seed_of(typed: Mapping[str, str]) -> int | None:
    """The seed that was typed; None where nothing was. FormError for what is no number."""
    text = typed.get("seed", "").strip()
    if not text:
        return None
    if not re.fullmatch(r"[+-]?\d{1,18}", text):
        raise FormError(f"seed: “{text}” is no whole number.")
    return int(text)


def overrides_of(typed: Mapping[str, str], own: Mapping[str, str]) -> list[str]:
    """``key=value`` for what was typed and differs from the target's own value.

    An emptied field means the target's value. FormError where "more settings" cannot be split.
    """
    overrides = []
    for setting in SETTINGS:
        text = typed.get(setting.key, "").strip()
        if setting is not SEED and text and text != own.get(setting.key, ""):
            overrides.append(f"{setting.key}={text}")
    try:
        overrides += shlex.split(typed.get("more", ""))
    except ValueError as error:
        raise FormError("more settings: a quotation mark is not closed.") from error
    return overrides


def field_of(problem: str) -> str | None:
    """Which field a sentence of the engine is about, where it names one."""
    for setting in (*SETTINGS, MORE):
        if re.search(rf"(^|[\s'\"]){re.escape(setting.key)}[:=]", problem):
            return setting.key
    return None
