"""A target folder: ``forge.yaml`` read, checked, and changed by overrides in memory."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from engine.records.target import Forge, SuiteRef
from engine.yaml_bounds import ODD_VALUES, unbounded

MAX_FORGE_BYTES = 2**20


class TargetError(Exception):
    """A target that cannot be used; a sentence a line, with file and line where known."""


@dataclass(frozen=True)
class Target:
    """A target: its folder and its settings."""

    path: Path
    forge: Forge

    @property
    def name(self) -> str:
        return self.forge.name or self.path.name

    @property
    def primary(self) -> SuiteRef:
        """The suite that decides; the gold set where forge.yaml names no other."""
        return self.forge.factory.suites.primary or SuiteRef(
            name=f"{self.name}-gold", file=self.forge.dataset.gold, scorer=self.forge.eval.scorer
        )

    @property
    def suites(self) -> list[SuiteRef]:
        return [self.primary, *self.forge.factory.suites.regression]

    @property
    def held_out(self) -> list[SuiteRef]:
        """The suites whose examples are in no training row: those of every run, and the sealed."""
        sealed = self.forge.factory.suites.sealed
        return self.suites if sealed is None else [*self.suites, sealed]

    def file(self, relative: str) -> Path:
        """A file of the target; TargetError for one outside of it."""
        path = (self.path / relative).resolve()
        if not path.is_relative_to(self.path.resolve()):
            raise TargetError(f"{self.path.name}/forge.yaml: {relative} is outside the target.")
        return path


def load_target(path: Path, overrides: Iterable[str] = ()) -> Target:
    """Read ``path/forge.yaml`` and apply ``key.path=value`` overrides on top.

    TargetError names every wrong key and value at once.
    """
    file = path / "forge.yaml"
    tree = _read_yaml(file)
    merged = _plain(tree)
    for override in overrides:
        _apply(merged, override)
    problems = list((_misspelt(merged, Forge, None) | _misspelt(tree, Forge, file)).values())
    try:
        forge = Forge.model_validate(merged)
    except ValidationError as error:
        for one in error.errors():
            key = ".".join(str(part) for part in one["loc"])
            problems.append(f"{_place(file, tree, one['loc'])}: {key}: {one['msg']}.")
        raise TargetError("\n".join(problems)) from error
    if problems:
        raise TargetError("\n".join(problems))
    return Target(path.resolve(), forge)


def _read_yaml(file: Path) -> CommentedMap:
    try:
        if file.stat().st_size > MAX_FORGE_BYTES:
            raise TargetError(f"{file}: is over 1 MB; that is no forge.yaml.")
        text = file.read_text("utf-8")
    except FileNotFoundError as error:
        raise TargetError(f"{file}: is missing. A target is a folder with a forge.yaml.") from error
    except UnicodeDecodeError as error:
        raise TargetError(f"{file}: is not UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise TargetError(f"{file}: cannot be read ({error.strerror}).") from error
    if (why := unbounded(text)) is not None:
        raise TargetError(f"{file}: {why}.")
    try:
        tree = YAML(typ="rt").load(io.StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise TargetError(f"{file}, line {line}: {error.problem or 'is not YAML'}.") from error
    except (YAMLError, *ODD_VALUES, RecursionError) as error:
        raise TargetError(f"{file}: is not YAML ({type(error).__name__}).") from error
    if tree is None:
        return CommentedMap()
    if not isinstance(tree, CommentedMap):
        raise TargetError(f"{file}: is not a mapping of sections.")
    return tree


def _plain(value: Any) -> Any:
    """YAML's decorated values as plain ones."""
    if isinstance(value, Mapping):
        # An empty section means its defaults, as in the tools that write these files.
        return {str(key): _plain(one) for key, one in value.items() if one is not None}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, bool):
        return bool(value)
    for plain in (int, float, str):
        if isinstance(value, plain):
            return plain(value)
    return value


def parse_value(text: str) -> Any:
    """The value of an override, read as YAML reads it: 3, 5e-5, true, a word, [a, list]."""
    try:
        if unbounded(text) is not None:
            raise ValueError("too deep, or too much")
        return _plain(YAML(typ="safe", pure=True).load(text)) if text else ""
    except (YAMLError, *ODD_VALUES, RecursionError) as error:
        raise TargetError(
            f"{text!r} is not a value (a number, true, a word, [a, list])."
        ) from error


def _apply(tree: dict[str, Any], override: str) -> None:
    key, separator, value = override.partition("=")
    parts = key.strip().split(".")
    if not separator or not all(parts):
        raise TargetError(f"{override!r} is not key=value, as in training.learning_rate=1e-4.")
    node = tree
    for part in parts[:-1]:
        child = node.setdefault(part, {})
        if not isinstance(child, dict):
            raise TargetError(f"{override!r}: {part} is a value, not a section.")
        node = child
    node[parts[-1]] = parse_value(value.strip())


def _misspelt(
    tree: Mapping[str, Any], model: type[BaseModel], file: Path | None, prefix: str = ""
) -> dict[str, str]:
    """Keys that are none of ours and nearly are, each with its sentence.

    Others are kept: they are settings of other tools.
    """
    problems: dict[str, str] = {}
    known = model.model_fields
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if key in known:
            annotation = known[key].annotation
            if (
                isinstance(value, Mapping)
                and isinstance(annotation, type)
                and issubclass(annotation, BaseModel)
            ):
                problems |= _misspelt(value, annotation, file, f"{name}.")
            continue
        if near := difflib.get_close_matches(str(key), list(known), n=1, cutoff=0.75):
            line = _line(tree, key)
            where = "--set" if file is None else f"{file}, line {line}"
            problems[name] = f"{where}: no setting {name}; did you mean {prefix}{near[0]}?"
    return problems


def _line(tree: Any, key: int | str) -> int | None:
    """The line, counted from 1, that a key of a YAML mapping stands on."""
    if isinstance(tree, CommentedMap) and key in (tree.lc.data or {}):
        return int(tree.lc.key(key)[0]) + 1
    return None


def _place(file: Path, tree: Any, location: tuple[int | str, ...]) -> str:
    """The file and the line of the innermost key of ``location`` that stands in it."""
    found = None
    for part in location:
        line = _line(tree, part)
        if line is None:
            break
        found, tree = line, tree[part]
    return f"{file}, line {found}" if found else str(file)
