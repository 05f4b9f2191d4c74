"""The constants of a recipe's mutable files: finds them, and writes others in their place.

Only the tokens of a value are replaced. Everything else stays byte for byte as it was (formatting,
comments, encoding, ends of lines), and what was written is read again before it is handed out.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from engine.loops.research.config_constants import json_spans, toml_spans, yaml_spans
from engine.loops.research.python_constants import imported_from, python_spans
from engine.loops.research.spans import Span, Value, WrittenError, written_like

READERS: dict[str, Callable[[str], list[Span]]] = {
    ".py": python_spans,
    ".json": json_spans,
    ".toml": toml_spans,
    ".yaml": yaml_spans,
    ".yml": yaml_spans,
}

NEVER = re.compile(
    "SEEDS?|VERSION|PATHS?|DIRS?|FILES?|FILENAME|NAME|URL|HOST|PORT|TOKEN|IDS?|VERBOSE|DEBUG|LOG|"
    "LOGGING|PRINT|WANDB|WORKERS|THREADS|VOCAB|DATASET|SPLIT|EVAL|EVALUATION|VAL|VALID|VALIDATION|"
    "TEST|METRIC|BUDGET|TIMEOUT|TIME|SECONDS|MINUTES|HOURS|DEADLINE|EXCLUDE"
)
"""Words of a name that say that it is no setting of the recipe: where things are, what is drawn,
what is said, and how the number is measured. A try must not become better by measuring otherwise.
"""

_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
_BATCH = ("DEVICE_BATCH_SIZE", "MICRO_BATCH_SIZE", "BATCH_SIZE", "TOTAL_BATCH_SIZE")


class ConstantError(ValueError):
    """A constant cannot be changed; the text says which, and why."""


@dataclass(frozen=True, slots=True)
class Constant:
    """``written`` is the value as it stands in ``file``; ``comment`` stands behind it."""

    file: str
    name: str
    value: Value
    written: str
    comment: str = ""

    @property
    def key(self) -> str:
        """``file:NAME``, as patches have it."""
        return f"{self.file}:{self.name}"


def find_constants(
    files: Mapping[str, bytes], harness: Mapping[str, bytes] | None = None
) -> list[Constant]:
    """The constants of the mutable ``files`` (path to content) that a try may change.

    In Python names in capitals, in configuration any name. What a ``harness`` file imports from a
    mutable one is left out: the measurement depends on it. A file that cannot be read is skipped.
    """
    found = []
    for path, data in files.items():
        taken = _imported(path, harness or {})
        found += [
            one
            for one in all_constants(path, data)
            if is_setting(one.name, python=path.endswith(".py"))
            and one.name not in taken
            and "*" not in taken
        ]
    return found


def all_constants(path: str, data: bytes) -> list[Constant]:
    """Every constant of one file, also those that no try may change; none where it is of no known
    kind or cannot be read."""
    read = _read(path, data)
    if read is None:
        return []
    text, spans, _ = read
    return [
        Constant(path, one.name, one.value, text[one.start : one.end], one.comment) for one in spans
    ]


def is_setting(name: str, *, python: bool = True) -> bool:
    """Whether a name is that of a setting of the recipe."""
    if python and not _CONSTANT.fullmatch(name):
        return False
    if name.startswith("_"):
        return False
    return not any(NEVER.fullmatch(word) for word in re.split(r"[_\-. ]+", name.upper()))


def rewritten(path: str, data: bytes, changes: Mapping[str, Value]) -> bytes:
    """The file with other values for some of its constants, by name.

    ConstantError: no such constant, a value of another kind, or one that cannot be written in its
    place. What is returned was read again: it has these values, and nothing else differs.
    """
    read = _read(path, data)
    if read is None:
        raise ConstantError(f"{path} cannot be read, so nothing is changed in it.")
    text, spans, encoding = read
    known = {one.name: one for one in spans}
    parts, at = [], 0
    for name in changes:
        if name not in known:
            raise ConstantError(f"{path} has no constant {name}.")
    for span in sorted((known[name] for name in changes), key=lambda one: one.start):
        value = changes[span.name]
        if type(value) is not type(span.value):
            raise ConstantError(
                f"{path}: {span.name} is {span.value!r}, and {value!r} is of another kind."
            )
        try:
            new = written_like(text[span.start : span.end], value)
        except WrittenError as error:
            raise ConstantError(f"{path}: {span.name}: {error}.") from error
        parts += [text[at : span.start], new]
        at = span.end
    result = "".join([*parts, text[at:]])
    try:
        data = result.encode(encoding)
    except UnicodeEncodeError as error:
        raise ConstantError(f"{path}: a value cannot be written as {encoding}.") from error
    _check(path, data, spans, changes)
    return data


def halve_batch(files: Mapping[str, bytes]) -> dict[str, tuple[int, int]]:
    """What the policy ``reduce_batch`` changes after a try ran out of memory: key to (before,
    after). Empty where there is no batch that can be halved.

    The batch that is in memory at once (``DEVICE_BATCH_SIZE`` before ``BATCH_SIZE`` before
    ``TOTAL_BATCH_SIZE``: with a total beside it the sum stays and the steps are the same), and the
    batch of an evaluation too, which is as likely to be what did not fit.
    """
    every = [one for path, data in files.items() for one in all_constants(path, data)]
    batches = [
        one for one in every if "BATCH" in one.name.upper() and "SIZE" in one.name.upper()
    ] or [one for one in every if re.search(r"BATCH$", one.name.upper())]
    halved = {
        one.key: (one.value, one.value // 2)
        for one in batches
        if type(one.value) is int and one.value >= 2 and one.value % 2 == 0
    }
    by_key = {one.key: one.name.upper() for one in batches}
    evaluating = {k: v for k, v in halved.items() if "EVAL" in by_key[k] or "VAL_" in by_key[k]}
    training = {k: v for k, v in halved.items() if k not in evaluating}

    def rank(key: str) -> int:
        name = by_key[key]
        return _BATCH.index(name) if name in _BATCH else (9 if "TOTAL" in name else 2)

    first = min(training, key=rank, default=None)
    return ({first: training[first]} if first is not None else {}) | evaluating


def apply_changes(files: Mapping[str, bytes], changes: Mapping[str, Value]) -> dict[str, bytes]:
    """The files that differ once the constants ``file:NAME`` have these values. ConstantError as
    ``rewritten`` has it, and for a file that is not there."""
    by_file: dict[str, dict[str, Value]] = {}
    for key, value in changes.items():
        path, _, name = key.rpartition(":")
        if path not in files:
            raise ConstantError(f"{key}: there is no file {path or 'in its name'}.")
        by_file.setdefault(path, {})[name] = value
    new = {path: rewritten(path, files[path], some) for path, some in by_file.items()}
    return {path: data for path, data in new.items() if data != files[path]}


def _imported(path: str, harness: Mapping[str, bytes]) -> set[str]:
    module = PurePosixPath(path).stem
    names: set[str] = set()
    for other, data in harness.items():
        if other.endswith(".py"):
            names |= imported_from(data.decode("utf-8", "replace"), module)
    return names


def _read(path: str, data: bytes) -> tuple[str, list[Span], str] | None:
    reader = READERS.get(PurePosixPath(path).suffix.lower())
    if reader is None:
        return None
    try:
        encoding = tokenize.detect_encoding(io.BytesIO(data).readline)[0]
        if not path.endswith(".py"):
            encoding = "utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8"
        text = data.decode(encoding)
        if text.encode(encoding) != data:
            return None
        return text, reader(text), encoding
    # MemoryError is what Python's parser says of brackets too deep for it.
    except (ValueError, SyntaxError, LookupError, RecursionError, MemoryError):
        return None


def _check(path: str, data: bytes, before: list[Span], changes: Mapping[str, Value]) -> None:
    """Read what was written: these values, the same others."""
    read = _read(path, data)
    after = {} if read is None else {one.name: one for one in read[1]}
    wanted = {one.name: changes.get(one.name, one.value) for one in before}
    if {name: one.value for name, one in after.items()} != wanted:
        raise ConstantError(f"{path} would not read as it was written, so it stays as it is.")
