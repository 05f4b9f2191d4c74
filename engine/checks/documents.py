"""Reads one JSON record of a run folder: its value, its model, and all that is wrong with it."""

from __future__ import annotations

import codecs
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.checks.finding import Finding, error, warning
from engine.folder import MAX_RECORD_BYTES


@dataclass(frozen=True)
class Document:
    """One record as found. ``record`` is None where the file is not there or is wrong."""

    name: str
    exists: bool = False
    text: str | None = None
    sha256: str | None = None
    value: Any = None
    record: BaseModel | None = None
    problems: tuple[Finding, ...] = ()
    marked: bool = False
    """It begins with a byte order mark, which ``text`` is without."""


@dataclass
class _Keys:
    """Collects keys that stand twice while a file is parsed."""

    twice: list[str] = field(default_factory=list)

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        whole = dict(pairs)
        if len(whole) != len(pairs):
            names = [key for key, _ in pairs]
            self.twice += sorted({key for key in names if names.count(key) > 1})
        return whole


def read_bytes_inside(folder: Path, name: str, limit: int) -> bytes | Finding | None:
    """The bytes of a file of ``folder``, None where it is not there, or why it cannot be read.

    A link that leads out of the folder, a directory, a device and a file over ``limit`` bytes
    are findings and are never opened.
    """
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return error(
                "file-outside",
                name,
                "",
                f"{name} is a link to a place outside the run folder.",
                f"Put the file itself into the folder in place of the link {name}.",
            )
        if not path.exists():
            return None
        if not path.is_file():
            return error(
                "file-unreadable", name, "", f"{name} is no ordinary file.", f"Remove {name}."
            )
        size = path.stat().st_size
        if size > limit:
            return error(
                "file-too-large",
                name,
                "",
                f"{name} is {size / 2**20:,.0f} MB large; it never needs over "
                f"{limit / 2**20:,.0f} MB, so it was not read.",
                f"See what was written into {name}, and restore or remove it.",
            )
        return path.read_bytes()
    except (OSError, RuntimeError) as problem:
        # RuntimeError: a link that leads to itself.
        why = getattr(problem, "strerror", None) or "its links go round in a circle"
        return error(
            "file-unreadable",
            name,
            "",
            f"{name} cannot be read ({why}).",
            f"Give yourself the right to read it: chmod u+r {name}",
        )


def decode_utf8(name: str, data: bytes) -> str | Finding:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        return error(
            "file-not-utf8",
            name,
            "",
            f"{name} is not UTF-8 text (byte {problem.start}).",
            f"Save {name} as UTF-8.",
        )


def read_document(folder: Path, name: str, model: type[BaseModel]) -> Document:
    """The record ``name`` of the run folder, checked against ``model``."""
    data = read_bytes_inside(folder, name, MAX_RECORD_BYTES)
    if data is None:
        return Document(name)
    if isinstance(data, Finding):
        return Document(name, exists=True, problems=(data,))
    return document_of(name, data, model)


def document_of(name: str, data: bytes, model: type[BaseModel]) -> Document:
    """The record that ``data``, the bytes of the file ``name``, holds, checked by ``model``."""
    digest = hashlib.sha256(data).hexdigest()
    text = decode_utf8(name, data)
    if isinstance(text, Finding):
        return Document(name, exists=True, sha256=digest, problems=(text,))
    keys = _Keys()
    value = _parse(name, text, keys)
    if isinstance(value, Finding):
        return Document(name, True, text, digest, problems=(value,))
    problems = [
        warning(
            "key-twice",
            name,
            "",
            f"The key {key!r} stands twice in one object of {name}; only the last one counts.",
            "Keep the one that is meant.",
        )
        for key in keys.twice
    ]
    record, wrong = check_shape(name, value, model)
    marked = data.startswith(codecs.BOM_UTF8)
    return Document(name, True, text, digest, value, record, (*problems, *wrong), marked)


def _parse(name: str, text: str, keys: _Keys) -> Any:
    if not text.strip():
        return error(
            "file-empty",
            name,
            "",
            f"{name} is empty.",
            f"Write the record again, or remove {name}.",
        )
    try:
        return json.loads(text, object_pairs_hook=keys)
    except json.JSONDecodeError as problem:
        where = f"at line {problem.lineno}, column {problem.colno}"
        if problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated string"):
            return error(
                "file-cut-off",
                name,
                "",
                f"{name} is cut off {where}.",
                f"Restore {name} from a copy, or make the run again.",
            )
        return error(
            "file-not-json",
            name,
            "",
            f"{name} is not JSON ({problem.msg} {where}).",
            f"Mend line {problem.lineno} of {name}.",
        )
    except (RecursionError, ValueError):
        return error(
            "file-too-deep",
            name,
            "",
            f"{name} is nested too deeply or holds a number with too many digits.",
            f"See what was written into {name}; no record looks like that.",
        )


# --- shape -----------------------------------------------------------------------------


def check_shape(
    name: str, value: Any, model: type[BaseModel]
) -> tuple[BaseModel | None, tuple[Finding, ...]]:
    """The record, or None and one finding for each wrong value."""
    try:
        return model.model_validate(value), ()
    except ValidationError as problem:
        return None, tuple(_shape_finding(name, one) for one in problem.errors(include_url=False))
    except RecursionError:
        return None, (
            error("file-too-deep", name, "", f"{name} is nested too deeply.", f"Mend {name}."),
        )


def _shape_finding(name: str, problem: ErrorDetails) -> Finding:
    # pydantic names the member of a union after the key; a pointer does not.
    parts = [str(part) for part in problem["loc"] if not str(part).startswith("function-")]
    pointer = "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
    key = ".".join(parts) or "the whole file"
    kind = problem["type"]
    if kind == "missing":
        rule, what = "key-missing", f"has no {key}"
        fix = f"Add {key} to {name}."
    elif kind == "string_too_short":
        rule, what = "empty-text", f"has an empty {key}"
        fix = f"Write what {key} is."
    elif kind == "finite_number":
        rule = "score-not-finite" if key == "score" else "number-not-finite"
        what = f"has {_shown(problem['input'])} as {key}: not a finite number"
        fix = f"Measure again; leave {key} out where it was not measured."
    elif kind == "enum" and name == "decision.json" and key == "decision":
        rule = "decision-unknown"
        what = f"decides {_shown(problem['input'])}, which is no decision"
        fix = "Use ship, reject, retry-data, retry-training, retry-eval or park."
    else:
        rule = "file-shape"
        what = (
            f"has {_shown(problem['input'])} as {key}: {problem['msg'][:1].lower()}"
            + (problem["msg"][1:])
        )
        fix = f"Mend {key} in {name}."
    if name == "dataset.json" and parts[:1] == ["sources"]:
        rule = "data-source"
        fix = 'Give each source a "kind" and a "path".'
    return error(rule, name, pointer, f"{name} {what}.", fix)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
