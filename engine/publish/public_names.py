"""What names of models say outside of this machine: a path says something of it and nothing of the
model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

_BASES = ("model", "base_model_name_or_path")
"""Keys of an adapter's config that name the base, often by a path of this machine."""


def is_path(value: object) -> bool:
    """Whether a name is a place on some disk, or a placeholder for one."""
    return isinstance(value, str) and (value.startswith(("/", "~", ".", "{")) or "\\" in value)


def public_name(name: str) -> str:
    """A model's name without the directories that it lies in."""
    return (PurePath(name.replace("\\", "/")).name or name) if is_path(name) else name


def public_config(values: Mapping[str, Any], base: str) -> dict[str, Any]:
    """An adapter's config with ``base`` wherever it names its base by a path."""
    return {**values, **{key: base for key in _BASES if is_path(values.get(key))}}
