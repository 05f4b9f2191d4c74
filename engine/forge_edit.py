"""Changes single values of a ``forge.yaml`` and nothing else: comments, order and spacing stay.

A value is replaced where it stands, by its place in the text; a key that is not there yet is put
at the end of its section, a section that is not there at the end of the file. The changed text is
read again before it is handed back, so that what is written says what was meant.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from engine.yaml_bounds import ODD_VALUES, unbounded

STEP = 2
"""Columns of indentation of a section that has no key yet to learn it from."""


class EditError(ValueError):
    """The text cannot be changed that way; the sentence says why."""


def with_values(text: str, values: Mapping[str, Any]) -> str:
    """``text`` (YAML, a mapping of sections) with each ``a.b.c`` of ``values`` set.

    Values are what YAML and JSON share: texts, finite numbers, truth values, None, and lists or
    mappings of them, which are written in one line. EditError where the text is no mapping, where
    a section on the way is a value, or where the value has no such form.
    """
    for name, value in values.items():
        text = _with_value(text, name, value)
    return text


def _with_value(text: str, name: str, value: Any) -> str:
    path = name.split(".")
    if not all(path):
        raise EditError(f"{name!r} is no name of a setting.")
    root = _compose(text)
    written = _written(value, name)
    changed = _changed(text, root, path, written)
    if _read(changed, path) != _plain(value):
        raise EditError(f"{name} cannot be set to {written} without changing what stands beside.")
    return changed


def _changed(text: str, root: MappingNode | None, path: Sequence[str], written: str) -> str:
    if root is None:
        return _with_line(text, len(text), _nested(path, 0, written))
    node, depth = root, 0
    while True:
        entry = _entry(node, path[depth])
        if entry is None:
            return _with_key(text, node, path[depth:], written, top=depth == 0)
        key, found = entry
        depth += 1
        if depth == len(path):
            return _replaced(text, key, found, written)
        if isinstance(found, ScalarNode) and not found.value and _is_empty(found):
            # "section:" without a value: it becomes one.
            indent = key.start_mark.column + STEP
            return _with_line(text, _end_of_line(text, key), _nested(path[depth:], indent, written))
        if not isinstance(found, MappingNode):
            raise EditError(f"{'.'.join(path[:depth])} is a value, not a section.")
        node = found


def _compose(text: str) -> MappingNode | None:
    if (why := unbounded(text)) is not None:
        raise EditError(f"The text cannot be read: {why}.")
    try:
        root = YAML(typ="rt", pure=True).compose(io.StringIO(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise EditError(f"Line {line}: {error.problem or 'is not YAML'}.") from error
    except (YAMLError, *ODD_VALUES, RecursionError) as error:
        raise EditError(f"The text is not YAML ({type(error).__name__}).") from error
    if root is None or (isinstance(root, ScalarNode) and _is_empty(root)):
        return None
    if not isinstance(root, MappingNode):
        raise EditError("The text is not a mapping of sections.")
    return root


def _is_empty(node: Node) -> bool:
    return bool(node.start_mark.index == node.end_mark.index)


def _entry(node: MappingNode, key: str) -> tuple[Node, Node] | None:
    found = [(name, value) for name, value in node.value if name.value == key]
    if len(found) > 1:
        raise EditError(f"{key} stands twice; keep one of them.")
    return found[0] if found else None


def _replaced(text: str, key: Node, found: Node, written: str) -> str:
    if _is_empty(found):
        end = key.end_mark.index
        colon = text.index(":", end) + 1
        return f"{text[:colon]} {written}{text[colon:]}"
    start, end = found.start_mark.index, found.end_mark.index
    if isinstance(found, ScalarNode) and found.style not in ("|", ">"):
        return text[:start] + written + text[end:]
    # A block (a list or mapping over several lines, a folded text): its last line end stays.
    block = text[start:end]
    kept = block[len(block.rstrip()) :]
    if "\n" in block and found.start_mark.line > key.end_mark.line:
        start = text.index(":", key.end_mark.index) + 1
        between = text[start : found.start_mark.index]
        comment = between.split("\n", 1)[0].rstrip()
        written = f" {written}{' ' + comment.strip() if comment.strip() else ''}"
    return text[:start] + written + kept + text[end:]


def _with_key(text: str, node: MappingNode, path: Sequence[str], written: str, *, top: bool) -> str:
    if node.flow_style:
        end = node.end_mark.index - 1
        inner = ": ".join(path) if len(path) == 1 else None
        if inner is None:
            raise EditError(f"{path[0]} is no section of a mapping that stands in one line.")
        comma = ", " if node.value else ""
        return f"{text[:end].rstrip()}{comma}{inner}: {written}{text[end:]}"
    indent = node.value[0][0].start_mark.column if node.value else STEP
    if top:
        return _with_line(text, len(text), _nested(path, indent, written))
    last = node.value[-1][1]
    place = _end_of_line(text, last if not _is_empty(last) else node.value[-1][0])
    return _with_line(text, place, _nested(path, indent, written))


def _nested(path: Sequence[str], indent: int, written: str) -> str:
    lines = [f"{' ' * (indent + STEP * i)}{key}:" for i, key in enumerate(path)]
    return "\n".join(lines) + f" {written}\n"


def _end_of_line(text: str, node: Node) -> int:
    """The place after the last line that a node stands in."""
    end = node.end_mark.index
    # The end of a block lies where the next thing begins; its own text ends before the blanks.
    while end > node.start_mark.index and text[end - 1] in " \n":
        end -= 1
    line_end = text.find("\n", end)
    return len(text) if line_end < 0 else line_end + 1


def _with_line(text: str, place: int, lines: str) -> str:
    before = text[:place]
    if before and not before.endswith("\n"):
        before += "\n"
    return before + lines + text[place:]


# --- values ------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _written(value: Any, name: str) -> str:
    """The value in one line of YAML."""
    if isinstance(value, float) and not math.isfinite(value):
        raise EditError(f"{name}: {value} is no finite number.")
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, str) and any(ord(one) < 32 or ord(one) == 127 for one in value):
        raise EditError(f"{name}: the text holds control characters.")
    if isinstance(value, Mapping | list | tuple | str | bool | int) or value is None:
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = True
        yaml.width = 10**6
        out = io.StringIO()
        yaml.dump(_plain(value), out)
        return out.getvalue().removesuffix("...\n").strip()
    raise EditError(f"{name}: a {type(value).__name__} has no form in YAML.")


def _number(value: float) -> str:
    """A number that every YAML reader takes as one: 5e-05 without a dot is a text to some."""
    text = repr(value)
    if "e" in text:
        digits, _, exponent = text.partition("e")
        digits = digits if "." in digits else f"{digits}.0"
        return f"{digits}e{int(exponent):+d}"
    return text


def _read(text: str, path: Sequence[str]) -> Any:
    try:
        found = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, *ODD_VALUES, RecursionError) as error:
        raise EditError(f"The changed text is not YAML ({type(error).__name__}).") from error
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found
