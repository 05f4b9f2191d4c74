"""What was set in a run, as flat names and values, and which of them differ between runs. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Value = str | int | float | bool | None
Settings = Mapping[str, Value]
"""Setting name to value. A name that is not there was not recorded; None was set to nothing."""

MAX_SETTINGS = 2_000
"""Settings kept of one run; a config with more is no config."""

MAX_VALUE = 400
"""Characters kept of one value."""

BARE = 3
"""A run that records no more settings than this tells nothing about them."""

_MAX_DEPTH = 6


class Missing:
    """The value of a setting that a run does not record; None is one that was set to nothing."""

    def __repr__(self) -> str:
        return "not recorded"


MISSING = Missing()


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting that differs: a value for each run, in the order of the runs."""

    name: str
    values: tuple[Value | Missing, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What was varied against another run."""

    name: str
    before: Value | Missing
    after: Value | Missing


def settings_of(config: Mapping[str, Any], dataset: Mapping[str, Any]) -> dict[str, Value]:
    """The settings in ``config.json`` and ``dataset.json``, by the words of the field.

    What names the run (its id, its command line, its dates) is no setting. Hyperparameters stand
    under their own names, what the data was made of under ``data.``, suites under ``suite.``.
    """
    found: dict[str, Value] = {}
    for name in ("target", "seed"):
        _put(found, name, config, name)
    base, candidate = _dict(config.get("base_model")), _dict(config.get("candidate"))
    for name in ("id", "revision", "precision"):
        _put(found, f"base.{name}", base, name)
    for name in ("method", "adapter_format"):
        _put(found, name, candidate, name)
    for name, value in _dict(config.get("hyperparameters")).items():
        if not (name == "seed" and value == config.get("seed")):
            _flatten(str(name), value, found)
    _data(found, dataset)
    evaluation = _dict(config.get("eval"))
    for name in ("primary", "regression", "direction"):
        _put(found, f"eval.{name}", evaluation, name)
    for name, value in _dict(evaluation.get("threshold")).items():
        _flatten(f"gate.{name}", value, found)
    for name, value in _dict(evaluation.get("suites")).items():
        _flatten(f"suite.{name}", value, found)
    return found


def differing(runs: Sequence[Settings]) -> list[SettingRow]:
    """The settings whose value is not the same in all runs, in the order they are first met.

    A setting that some runs do not record counts as different there: nobody knows that it is equal.
    Runs that record next to nothing are left out of that, or every setting would count.
    """
    names = dict.fromkeys(name for settings in runs for name in settings)
    telling = [index for index, one in enumerate(runs) if len(one) > BARE]
    if len(telling) < 2:
        telling = list(range(len(runs)))
    rows = (SettingRow(name, tuple(one.get(name, MISSING) for one in runs)) for name in names)
    return [
        row
        for row in rows
        if not all(_same(row.values[telling[0]], row.values[index]) for index in telling[1:])
    ]


def changes(before: Settings, after: Settings) -> tuple[Change, ...]:
    """What is set otherwise in ``after``; a setting that only one of the two records included."""
    return tuple(Change(row.name, *row.values) for row in differing((before, after)))


def told_first(found: Iterable[Change]) -> list[Change]:
    """The changes that a person made; what data was made of and its hashes follow from them.

    Where nothing else changed, those are told, counts before hashes.
    """
    ranked = sorted(found, key=lambda change: _rank(change.name))
    made = [change for change in ranked if _rank(change.name) < 2]
    return made or ranked


def _rank(name: str) -> int:
    if name.startswith("data/") or name.endswith((".from", ".revision")):
        return 3
    if name.startswith("data."):
        return 2
    return 1 if name.startswith(("suite.", "eval.", "gate.")) else 0


def value_text(value: Value | Missing) -> str:
    """A value as people write it: hashes by their first seven signs, "not recorded" for none."""
    if isinstance(value, Missing):
        return "not recorded"
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, str) and len(value) >= 32 and all(c in "0123456789abcdef" for c in value):
        return value[:7]
    return str(value)


def _float_text(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    text = f"{value:.6g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    return text


def _same(one: Value | Missing, other: Value | Missing) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other


def _data(found: dict[str, Value], dataset: Mapping[str, Any]) -> None:
    """Rows by their kind of source, and the hashes of what was trained on."""
    sources = dataset.get("sources")
    for source in _first(sources if isinstance(sources, list) else ()):
        kind = str(source.get("kind") or "source")
        for name, key in (("rows", "rows"), ("from", "sha256")):
            label, number = f"data.{kind}.{name}", 2
            while label in found:
                label, number = f"data.{kind}-{number}.{name}", number + 1
            _put(found, label, source, key)
    for name, value in _dict(dataset.get("counts")).items():
        if name != "dropped_rows" and not name.startswith("duplicate"):
            _flatten(f"data.{name}", value, found)
    for name, value in _dict(dataset.get("processing")).items():
        _flatten(f"data.{name}", value, found)
    for name, value in _dict(dataset.get("files")).items():
        _flatten(str(name), value, found)


def _first(sources: Iterable[object]) -> Iterable[dict[str, Any]]:
    for number, source in enumerate(sources):
        if number >= 64:
            return
        if isinstance(source, dict):
            yield source


def _put(found: dict[str, Value], name: str, record: Mapping[str, Any], key: str) -> None:
    if key in record:
        _flatten(name, record[key], found)


def _flatten(name: str, value: object, found: dict[str, Value], depth: int = 0) -> None:
    """A value under its name; objects as one setting for each of their keys."""
    if len(found) >= MAX_SETTINGS:
        return
    name = name[:120]
    if isinstance(value, dict) and value and depth < _MAX_DEPTH:
        for key, inner in value.items():
            _flatten(f"{name}.{key}", inner, found, depth + 1)
    elif value is None or isinstance(value, bool | int | float):
        found[name] = value
    elif isinstance(value, str):
        found[name] = value[:MAX_VALUE]
    elif isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        found[name] = ", ".join(str(one) for one in value)[:MAX_VALUE]
    else:
        found[name] = json.dumps(value, sort_keys=True, default=str)[:MAX_VALUE]


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
