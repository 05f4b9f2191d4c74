"""A public artifact as its file has it, with the lines that findings point at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from engine.checks.finding import Finding, error, warning
from engine.records.public import PublicArtifact


@dataclass(frozen=True)
class Entry:
    """One file of ``artifacts/``. ``artifact`` is None where it is none, and ``problems`` say why.

    ``name`` is relative to the workspace. ``value`` is what the file holds, keys that nobody knows
    too; ``lines`` JSON pointer → line, from 1; ``written`` JSON pointer → a number as it is typed.
    """

    path: Path
    name: str
    text: str = ""
    artifact: PublicArtifact | None = None
    value: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[Finding, ...] = ()

    @property
    def id(self) -> str:
        """The id that its file's name says."""
        return self.path.stem

    @property
    def problem(self) -> str | None:
        """Why there is no artifact, in a sentence."""
        return self.problems[0].message if self.problems and self.artifact is None else None

    def line(self, pointer: str) -> int:
        """The line of the innermost thing around ``pointer`` that is there; 1 for the whole."""
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer, 1)

    def error(self, rule: str, pointer: str, message: str, fix: str) -> Finding:
        return error(rule, self.name, pointer, message, fix, self.line(pointer))

    def warning(self, rule: str, pointer: str, message: str, fix: str) -> Finding:
        return warning(rule, self.name, pointer, message, fix, self.line(pointer))


def with_artifact(entry: Entry) -> Entry:
    """The entry with the artifact that its value is, or with all that is wrong with its form."""
    try:
        return replace(entry, artifact=PublicArtifact.model_validate(entry.value))
    except ValidationError as problem:
        found: dict[str, Finding] = {}
        for one in problem.errors(include_url=False):
            finding = _of_form(entry, one)
            found.setdefault(finding.pointer, finding)
        return replace(entry, problems=tuple(found.values()))
    except RecursionError:
        said = "Its sections lie too deep in each other."
        one_error = entry.error("artifact-form", "", said, "Write it flat.")
        return replace(entry, problems=(one_error,))


def clipped(value: Any, most: int = 60) -> str:
    """A value as a sentence may hold it."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _of_form(entry: Entry, problem: ErrorDetails) -> Finding:
    pointer, there = _pointer(entry.value, problem["loc"], problem["type"] == "missing")
    key = pointer[1:].replace("/", ".") or "the file"
    if problem["type"] == "missing":
        return entry.error("artifact-form", pointer, f"There is no {key}.", f"Write {key}.")
    if problem["type"] == "string_too_short":
        return entry.error("artifact-form", pointer, f"{key} is empty.", f"Write what {key} is.")
    if key == "id":
        return entry.error(
            "artifact-form",
            pointer,
            f"{clipped(there)!r} is no id of an artifact.",
            "Use small letters, digits, '-', '_' and '.', at most 80; in quotes if it is a number.",
        )
    said = str(problem["msg"])
    return entry.error(
        "artifact-form",
        pointer,
        f"{key} is {clipped(there)!r}: {said[:1].lower()}{said[1:]}.",
        f"Mend {key}; docs/artifacts.md says what each key holds.",
    )


def _pointer(value: Any, place: tuple[int | str, ...], missing: bool) -> tuple[str, Any]:
    """The place as a JSON pointer, and what stands there; pydantic also names the member of a
    union, which is no key."""
    pointer = ""
    for number, part in enumerate(place):
        last = number == len(place) - 1
        if isinstance(value, Mapping) and (part in value or (missing and last)):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            break
        pointer += "/" + str(part).replace("~", "~0").replace("/", "~1")
    return pointer, value
