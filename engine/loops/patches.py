"""What a plan may change, and by how much: an allow-list with bounds. Everything else is refused.

A planner, be it a model or a sampler, proposes patches to a target's settings. It can turn the
knobs of training; it can never touch what it is judged by (target accuracy, scorer, suites, gold,
thresholds, forbidden commands), where things go, or what is executed. Pure.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a transformer block that adapters may be put on, as forge.yaml has them."""


DEEPEST = 8
"""So many sections within each other are looked into; no setting lies as deep."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """A setting that may be changed: a number within ``low`` and ``high``, one of ``choices``, or
    (``many``) a list of them. ``whole`` numbers only where it is set; ``log``: a sampler takes
    ratios, not steps."""

    low: float = -math.inf
    high: float = math.inf
    whole: bool = False
    log: bool = False
    choices: tuple[str, ...] = ()
    many: bool = False


ALLOWED: dict[str, Bounds] = {
    "lora.r": Bounds(1, 256, whole=True, log=True),
    "lora.alpha": Bounds(0.5, 1024, log=True),
    "lora.dropout": Bounds(0, 0.5),
    "lora.target_modules": Bounds(choices=MODULES, many=True),
    "training.epochs_min": Bounds(0.05, 50),
    "training.epochs_max": Bounds(0.05, 50),
    "training.batch_size": Bounds(1, 256, whole=True, log=True),
    "training.gradient_accumulation_steps": Bounds(1, 64, whole=True, log=True),
    "training.learning_rate": Bounds(1e-7, 0.1, log=True),
    "training.warmup_ratio": Bounds(0, 0.5),
    "training.weight_decay": Bounds(0, 0.5),
    "training.lr_scheduler": Bounds(choices=("cosine", "linear", "constant")),
    "factory.data.rows": Bounds(10, 1_000_000, whole=True, log=True),
    "factory.data.replay_share": Bounds(0, 0.9),
    "factory.train.iters": Bounds(1, 1_000_000, whole=True, log=True),
}
"""Every setting that a plan may change."""

LOCKED: dict[str, str] = {
    "eval": "what a model is judged by is not for the planner to set",
    "dataset": "which files are gold and which are trained on is not for the planner to set",
    "factory.suites": "the suites are the ruler, and the ruler is locked",
    "factory.gates": "the bounds were set before, and stay",
    "factory.seeds": "how sure a result must be is not for the planner to set",
    "factory.eval": "how answers are had is a part of the ruler",
    "factory.stages": "what is executed is not for the planner to set",
    "factory.data.generator": "which code makes data is not for the planner to set",
    "factory.base": "another base is another target",
    "model": "another base is another target",
    "promotion": "where an adapter goes is not for the planner to set",
    "flywheel": "how long the loop goes on is not for the planner to set",
    "compute": "where it runs is not for the planner to set",
    "pretrain": "another base is another target",
    "name": "the target's name is its own",
}
"""Why a setting is out of reach, by the beginning of its name."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A patch that was not taken, and why, as a sentence."""

    name: str
    value: Any
    reason: str

    @property
    def sentence(self) -> str:
        return f"{self.name}: {self.reason}."


@dataclass(frozen=True, slots=True)
class Patches:
    """``taken``: setting to value, flat names, each within its bounds; ``refused`` the others."""

    taken: dict[str, Any]
    refused: tuple[Refusal, ...] = ()


def check_patches(
    patches: Mapping[str, Any], allowed: Mapping[str, Bounds] | None = None
) -> Patches:
    """Sort a plan's patches into those that may be applied and those that may not.

    ``patches`` are nested sections or dotted names, with values as a model wrote them: numbers may
    come as texts, ``None`` means "no change". Nothing is clipped: a value out of its bounds is
    refused, since a plan that asked for another value asked for another experiment.
    """
    bounds = ALLOWED if allowed is None else allowed
    taken: dict[str, Any] = {}
    refused: list[Refusal] = []
    for name, value in _flat(patches):
        if value is None:
            continue
        if name not in bounds:
            refused.append(Refusal(name, value, _why_not(name, bounds)))
            continue
        try:
            taken[name] = _within(bounds[name], value)
        except ValueError as error:
            refused.append(Refusal(name, value, str(error)))
    return Patches(taken, tuple(refused))


def narrowed(space: Mapping[str, Any]) -> dict[str, Bounds]:
    """The allow-list that a target's ``factory.plan`` leaves: setting to ``[low, high]`` or to a
    list of choices. ValueError names a setting that no plan may change, and wider bounds."""
    found: dict[str, Bounds] = {}
    for name, given in _flat(space):
        known = ALLOWED.get(name)
        if known is None:
            raise ValueError(f"{name}: {_why_not(name, ALLOWED)}")
        try:
            found[name] = _less(known, given)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return found


def _less(known: Bounds, given: Any) -> Bounds:
    if not isinstance(given, list) or not given:
        raise ValueError("write [low, high], or a list of choices")
    if known.choices:
        return Bounds(choices=tuple(_chosen(known, given)), many=known.many)
    if len(given) != 2:
        raise ValueError("write [low, high]")
    low, high = (_within(known, one) for one in given)
    if low > high:
        raise ValueError(f"{low:g} is more than {high:g}")
    return Bounds(low, high, known.whole, known.log)


def _flat(
    tree: Mapping[str, Any], prefix: str = "", depth: int = DEEPEST
) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and depth > 0:
            yield from _flat(value, f"{name}.", depth - 1)
        else:
            yield name, value


def _why_not(name: str, bounds: Mapping[str, Bounds]) -> str:
    for locked, why in LOCKED.items():
        if name == locked or name.startswith(f"{locked}."):
            return why
    if name in ALLOWED:
        return "this target does not let a plan change it"
    near = difflib.get_close_matches(name, list(bounds), n=1, cutoff=0.7)
    meant = f"; {near[0]} is one" if near else ""
    return f"it is none of the settings that a plan may change{meant}"


def _within(bounds: Bounds, value: Any) -> Any:
    """The value as forge.yaml takes it; ValueError with the reason where it is out of bounds."""
    if bounds.many:
        given = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
        if not isinstance(given, list) or not given:
            raise ValueError(f"{_short(value)} is no list of {', '.join(bounds.choices)}")
        return _chosen(bounds, given)
    if bounds.choices:
        return _chosen(bounds, [value])[0]
    number = _number(value)
    if number is None:
        raise ValueError(f"{_short(value)} is no number")
    if not bounds.low <= number <= bounds.high:
        raise ValueError(f"{number:g} lies outside of {bounds.low:g} to {bounds.high:g}")
    if bounds.whole:
        if number != int(number):
            raise ValueError(f"{number:g} is no whole number")
        return int(number)
    return number


def _chosen(bounds: Bounds, given: list[Any]) -> list[str]:
    wrong = [one for one in given if one not in bounds.choices]
    if wrong:
        raise ValueError(f"{_short(wrong[0])} is none of {', '.join(bounds.choices)}")
    return list(dict.fromkeys(given))


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value.strip())
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _short(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
