"""What is typed in New run, as values: what is wrong with it, and the overrides it makes. Pure."""

from __future__ import annotations

import difflib
import itertools
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

from engine.records.target import Forge
from tui.views.setting import HYPOTHESIS, MORE, NOT_IN_FORGE, SEED, SEEDS, Setting
from tui.views.settings_table import BY_KEY, SETTINGS

_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")


def own_values(forge: Forge, train: Mapping[str, Any] | None = None) -> dict[str, str]:
    """What each field would be without a word typed, as one would type it; "" for nothing.

    ``train`` is the training stage's spec, which has values that forge.yaml leaves open.
    """
    own = {}
    for setting in SETTINGS:
        text = "" if setting.key in NOT_IN_FORGE else value_text(forge, setting.key)
        prefix, _, rest = setting.key.partition("factory.train.")
        if not text and train is not None and not prefix and rest:
            text = _inside(train, rest)
        own[setting.key] = text or setting.default
    own[SEED] = as_typed(forge.training.seed)
    return own


def value_text(forge: Forge, key: str) -> str:
    """The target's own value for a key, as one would type it; "" where it has none."""
    return _inside(forge, key)


def _inside(value: Any, key: str) -> str:
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
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return "" if value is None else str(value)


# --- what is wrong with a value ----------------------------------------------------


def wrong_with(setting: Setting, text: str) -> str | None:
    """Why a typed value cannot be, in words for beside its field; None where it can."""
    text = text.strip()
    if not text:
        return None
    if setting.options:
        return None if text in setting.options else f"one of {', '.join(setting.options)}"
    if setting.kind == "whole":
        return _out_of_range(setting, int(text)) if _WHOLE.fullmatch(text) else "a whole number"
    if setting.kind == "number":
        if not _NUMBER.fullmatch(text):
            return "a number, such as 0.5 or 2e-4"
        return _out_of_range(setting, float(text))
    if setting.key == MORE:
        return _wrong_words(text)
    return None


def _out_of_range(setting: Setting, value: float) -> str | None:
    low, high = setting.low, setting.high
    fits = math.isfinite(value)
    if low is not None:
        fits = fits and (value > low if setting.above else value >= low)
    if high is not None:
        fits = fits and (value < high if setting.below else value <= high)
    return None if fits else setting.range.split(", often")[0]


def _wrong_words(text: str) -> str | None:
    try:
        words = shlex.split(text)
    except ValueError:
        return "a quotation mark is not closed"
    for word in words:
        key, equals, _ = word.partition("=")
        if not equals or not key.strip():
            return f"{word} is not key=value"
        if key in BY_KEY:
            return f"{key} has a field of its own: {BY_KEY[key].label}"
    return None


class FormError(ValueError):
    """Something typed that cannot be an override; the text says what."""


# --- what is asked for ----------------------------------------------------------------


def is_changed(setting: Setting, text: str, own: str) -> bool:
    """Whether a field says something else than an empty one would."""
    text = text.strip()
    return bool(text) and (setting.derived or not _same(setting, text, own))


def _same(setting: Setting, text: str, own: str) -> bool:
    if text == own:
        return True
    if setting.kind == "list":
        return _words(text) == _words(own)
    if setting.kind in ("whole", "number") and _NUMBER.fullmatch(text) and _NUMBER.fullmatch(own):
        return float(text) == float(own)
    return False


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[,\s]+", text.strip().strip("[]")) if word]


def overrides_of(typed: Mapping[str, str], own: Mapping[str, str]) -> list[str]:
    """``key=value`` for what was typed and differs from the target's own value.

    An emptied field means the target's value. FormError names the first field that is wrong.
    """
    overrides = []
    for setting in SETTINGS:
        text = typed.get(setting.key, "").strip()
        if problem := wrong_with(setting, text):
            raise FormError(f"{setting.key}: “{text}” must be {problem}.")
        if setting.key in NOT_IN_FORGE or not is_changed(setting, text, own.get(setting.key, "")):
            continue
        if setting.kind == "list":
            text = f"[{', '.join(_words(text))}]"
        overrides.append(f"{setting.key}={text}")
    return overrides + shlex.split(typed.get(MORE, ""))


def seed_of(typed: Mapping[str, str]) -> int | None:
    """The seed that was typed; None where nothing was. FormError for what is no seed."""
    return _count(typed, SEED)


def seeds_of(typed: Mapping[str, str]) -> int:
    """How many runs are asked for. FormError for what is no such number."""
    return _count(typed, SEEDS) or 1


def _count(typed: Mapping[str, str], key: str) -> int | None:
    text = typed.get(key, "").strip()
    if problem := wrong_with(BY_KEY[key], text):
        raise FormError(f"{key}: “{text}” must be {problem}.")
    return int(text) if text else None


def hypothesis_of(typed: Mapping[str, str]) -> str | None:
    """What the run is to show; None where nothing was typed."""
    return typed.get(HYPOTHESIS, "").strip() or None


def typed_from(command: str | None) -> dict[str, str]:
    """The fields that a run was started with, from its command line (config.json's
    ``training_command``); {} for a command that is none of ours.

    Overrides without a field of their own go to "more settings". The hypothesis is not taken
    over: another run is to show something else.
    """
    try:
        words = shlex.split(command or "")
    except ValueError:
        return {}
    if words[:2] != ["factory-tui", "run"]:
        return {}
    typed: dict[str, str] = {}
    more = []
    for option, value in itertools.pairwise(words):
        if option == "--seed":
            typed[SEED] = value
        elif option in ("--set", "-s"):
            key, _, text = value.partition("=")
            if key in BY_KEY and key not in NOT_IN_FORGE:
                typed[key] = as_list(text) if BY_KEY[key].kind == "list" else text
            else:
                more.append(shlex.quote(value))
    if more:
        typed[MORE] = " ".join(more)
    return typed


def as_list(text: str) -> str:
    """A list of an override, as its field shows it: without brackets."""
    return ", ".join(_words(text))


def field_of(problem: str) -> str | None:
    """Which field a sentence of the engine is about, where it names one."""
    for setting in SETTINGS:
        if re.search(rf"(^|[\s'\"]){re.escape(setting.key)}[:=]", problem):
            return setting.key
    # A stage names its settings as its spec does, without their place in forge.yaml.
    if found := re.search(r"\bstage [\w.-]+ \([^)]*\): ([\w.]+):", problem):
        for setting in SETTINGS:
            if setting.key.endswith(f".{found[1]}"):
                return setting.key
    return None


def complaints(problems: Iterable[str]) -> dict[str | None, str]:
    """What the engine says is wrong, by the key of its field; without the place, which is there."""
    return {
        key: (problem.partition(f"{key}: ")[2] or problem).removeprefix("Input should be ")
        for problem in problems
        if (key := field_of(problem)) is not None
    }


def matching(settings: Iterable[Setting], pattern: str) -> set[str]:
    """Keys of the settings that a filter finds: every word in label, key, group, unit or help.

    A word that finds nothing at all also finds the labels that it nearly is.
    """
    words = pattern.casefold().split()
    texts = {
        one.key: f"{one.label} {one.key} {one.group} {one.unit} {one.help}".casefold()
        for one in settings
    }
    found = {key for key, text in texts.items() if all(word in text for word in words)}
    if found or not words:
        return found
    labels = {BY_KEY[key].label.casefold(): key for key in texts if key in BY_KEY}
    near = difflib.get_close_matches(pattern.casefold(), list(labels), n=3, cutoff=0.6)
    return {labels[label] for label in near}
